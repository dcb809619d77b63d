"""What a server raises, and what a handler raises to refuse a client: the names are python-socketio's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from ._arguments import texts, unfit, whole
from ._native import Gone, RoomcastError

__all__ = ["SocketIOError", "ConnectionError", "ConnectionRefusedError", "HandshakeRefused", "TimeoutError", "RoomcastError", "Gone"]


class SocketIOError(Exception):
    """The base of the errors of this module."""


class ConnectionError(SocketIOError):
    """A connection cannot be made."""


class ConnectionRefusedError(ConnectionError):
    """Raise it in a connect handler to refuse the client.

    The client gets the first argument as the message and the others, if any, as the data.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.error_args: dict[str, Any] = {"message": str(args[0]) if args else "Connection rejected by server"}
        if len(args) > 1:
            self.error_args["data"] = args[1] if len(args) == 2 else list(args[1:])


class HandshakeRefused(ConnectionError):
    """Raise it in a handshake handler (``server.on_handshake``) to turn the connection away.

    Without a ``status`` the client hears what Node's server tells those whom its ``allowRequest`` refuses: 403 with
    ``{"code": 4, "message": message}`` over polling, 400 with the message over WebSocket. With one, from 400 to 599, the answer is this
    ``body``; a browser's page sees no more of it than the status, and over WebSocket than that it failed.

    :param headers: further headers of the answer: a dict, or a list of pairs.
    """

    def __init__(self, message: str = "", *, status: Optional[int] = None, body: Union[str, bytes] = b"",
                 content_type: str = "text/plain; charset=utf-8",
                 headers: Union[Mapping[str, str], Sequence[tuple[str, str]]] = ()) -> None:
        super().__init__(message)
        if status is None and body:
            raise ValueError("body: only an answer with a status of its own has one")
        if status is not None:
            whole("status", status, 400, 599)
        if not isinstance(body, (str, bytes)):
            raise unfit("body", body, "a str or bytes")
        texts(content_type=content_type)
        self.message, self.status, self.headers = message, status, headers
        self.body = body.encode() if isinstance(body, str) else body
        self.content_type = content_type


class TimeoutError(SocketIOError):
    """A client did not answer a ``call`` in time, or is gone."""
