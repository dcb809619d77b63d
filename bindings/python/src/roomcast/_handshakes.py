"""What a host's function says of a connection that is about to be, in the broker's terms. It must not run that function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import exceptions, raw


def let_in(broker: raw.Broker, connection: int, answer: Any) -> None:
    """Takes what the function returned: headers for the answer, or False."""
    if answer is False:
        return broker.refuse(connection)
    if answer is not None and answer is not True:
        _add(broker, connection, answer)
    broker.allow(connection)


def turn_away(broker: raw.Broker, connection: int, error: BaseException) -> bool:
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
        broker.add_header(connection, name, value)
