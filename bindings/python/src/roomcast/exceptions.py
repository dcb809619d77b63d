"""What a server raises, and what a handler raises to refuse a client: the names are python-socketio's."""

from __future__ import annotations

from typing import Any

from ._native import Gone, RoomcastError

__all__ = ["SocketIOError", "ConnectionError", "ConnectionRefusedError", "TimeoutError", "RoomcastError", "Gone"]


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


class TimeoutError(SocketIOError):
    """A client did not answer a ``call`` in time, or is gone."""
