"""What questions are answered with. It must not ask one."""

from __future__ import annotations

from typing import NamedTuple


class Handshake(NamedTuple):
    """What a client's first request said."""

    connection: int
    #: Whether a WebSocket carries the connection by now.
    websocket: bool
    #: Milliseconds since 1970.
    issued: int
    #: Address and port, for example ``127.0.0.1:40332``; behind a proxy, the proxy's.
    address: str
    #: Path and query, as they came.
    url: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]


class Times(NamedTuple):
    """How often something took how long."""

    times: int
    #: All together.
    seconds: float
    #: How many took up to 2**N microseconds; the last has no bound.
    buckets: list[int]
