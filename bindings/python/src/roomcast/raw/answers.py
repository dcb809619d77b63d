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
    #: ``TLSv1.2`` or ``TLSv1.3`` if it came over TLS to the broker itself, else empty.
    tls_version: str = ""
    #: The client's own certificate there, as DER, if it was asked for one.
    certificate: bytes = b""
    #: The version of Engine.IO that the client speaks: 4, or 3 if ``allow_eio3`` lets it in.
    protocol: int = 4


class Times(NamedTuple):
    """How often something took how long."""

    times: int
    #: All together.
    seconds: float
    #: How many took up to 2**N microseconds; the last has no bound.
    buckets: list[int]
