"""What a host's function says of a connection that is about to be, in the broker's terms. It must not run that function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Optional

from . import exceptions, raw
from ._callables import Handler
from ._outbox import Outbox


class Handshakes:
    """The function that decides about new connections, if there is one."""

    def __init__(self, outbox: Outbox, raised: Callable[..., None]) -> None:
        self._outbox, self._broker, self._lock, self._raised = outbox, outbox.broker, outbox.lock, raised
        self.handler: Optional[Handler] = None

    def guard(self, handler: Optional[Handler]) -> None:
        """Has this function decide from now on; with None all are let in."""
        with self._lock:
            self._outbox.commit()
            self.handler = handler
            self._broker.guard_handshakes(handler is not None)

    def decided(self, connection: int, answer: Any) -> None:
        """Takes what the function returned."""
        try:
            with self._lock:
                _let_in(self._broker, connection, answer)
        except raw.Gone:
            pass
        except Exception as error:
            self.refused(connection, error)

    def refused(self, connection: int, error: BaseException) -> None:
        """Takes what the function raised: a refusal, or its own fault."""
        try:
            with self._lock:
                if _turn_away(self._broker, connection, error):
                    return
        except raw.Gone:
            return
        except Exception as unfit:  # what it refuses with cannot be sent
            return self.refused(connection, unfit)
        self._raised("the handshake handler failed", error=error)


def _let_in(broker: raw.Broker, connection: int, answer: Any) -> None:
    """Takes what the function returned: headers for the answer, or False."""
    if answer is False:
        return broker.refuse(connection)
    if answer is not None and answer is not True:
        _add(broker, connection, answer)
    broker.allow(connection)


def _turn_away(broker: raw.Broker, connection: int, error: BaseException) -> bool:
    """Takes what the function raised. False if that was no refusal but its own fault, of which the client hears no more than that."""
    if isinstance(error, exceptions.HandshakeRefused):
        _add(broker, connection, error.headers)
        if error.status is None:
            broker.refuse(connection, error.message)
        else:
            broker.refuse_with(connection, error.status, error.content_type, error.body)
    elif isinstance(error, exceptions.ConnectionRefusedError):
        broker.refuse(connection, str(error.error_args["message"]) if error.args else "")
    elif isinstance(error, ConnectionRefusedError):
        broker.refuse(connection)
    else:
        broker.refuse_with(connection, 500, "text/plain", b"Internal Server Error")
        return False
    return True


def _add(broker: raw.Broker, connection: int, headers: Any) -> None:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    try:
        lines = [(str(name), str(value)) for name, value in pairs]
    except (TypeError, ValueError):
        raise TypeError(f"headers of an answer are a dict, or a list of pairs, not {headers!r}") from None
    for name, value in lines:
        try:
            broker.add_header(connection, name, value)
        except raw.Gone:
            raise
        except raw.RoomcastError as error:
            raise ValueError(f"header {name!r}={value!r}: {str(error).partition(': ')[2]}") from None
