"""Names of rooms and events, as Python has them and as the broker has them. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Optional, Union

from ._arguments import unfit

Rooms = Union[str, int, Iterable[Union[str, int]], None]

#: What Socket.IO keeps for itself, and no client would take.
_RESERVED = frozenset(("connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"))


def as_key(room: Any, name: str = "room") -> str:
    """A room's name in the broker: a text by itself. What a text cannot be there, such as a number, is ``"\\0"`` and its JSON;
    so a text that begins with ``"\\0"`` is written that way, too, and no text is another room's name.
    """
    if isinstance(room, str):
        return room if room and room[0] != "\0" and (room.isascii() or _is_unicode(room)) else "\0" + json.dumps(room)
    if isinstance(room, int):
        return f"\0{int(room)}"
    raise unfit(name, room, "a room's name, a str or an int")


def _is_unicode(text: str) -> bool:
    """Whether it has no lone surrogate, which a client's JSON can bring but UTF-8 cannot carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_room(name: str) -> Union[str, int]:
    if not name.startswith("\0"):
        return name
    room: Union[str, int] = json.loads(name[1:])
    return room


def as_whom(to: Rooms, room: Rooms) -> Optional[list[bytes]]:
    """The names of the rooms that an emit goes to; None for everybody. An empty text in ``to`` says nothing, and ``None`` in a
    list is everybody, as in python-socketio. An empty list is nobody.
    """
    given, rooms = ("room", room) if to is None or to == "" else ("to", to)
    if rooms is None:
        return None
    if isinstance(rooms, (str, int, bytes)) or not isinstance(rooms, Iterable):
        return [as_key(rooms, given).encode()]
    names = list(rooms)
    return None if None in names else [as_key(name, given).encode() for name in names]


def as_event(name: Any) -> bytes:
    """The name of an event that a client would take."""
    if not isinstance(name, str):
        raise unfit("event", name, "a str")
    if name in _RESERVED:
        raise ValueError(f"event={name!r}: it is Socket.IO's own")
    return name.encode()
