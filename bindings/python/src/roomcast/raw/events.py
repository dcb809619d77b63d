"""Events as a batch brings them. It must not drain one."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from .._ffi import ffi
from .._native import lib

#: One event: ``(kind, socket, ns, ack, code, name, data, parts, flags, tag, context)``. The kinds, and what the fields mean for each,
#: stand in roomcast.h at ROOMCAST_EVENT_*. ``socket`` is the connection where there is no socket. ``data`` is JSON text
#: as bytes; ``parts`` are attachments, or the rooms of a disconnected socket; ``tag`` is what :meth:`Broker.set_tag` has put on
#: the socket, and ``context`` what :meth:`Broker.emit_with_ack` was given for the question; 0 where nothing was.
Event = tuple[int, int, int, int, int, str, bytes, Sequence[bytes], int, int, int]


#: The ``code`` of ANSWERS_END if it is not known how many nodes there are, as Redis could not be asked.
UNKNOWN_NODES: Final[int] = 0xFFFF_FFFF

_HEAD = struct.Struct("<IIII")
_RECORD = struct.Struct("<HHIQQQIIIIQQ")
_PLACE = struct.Struct("<II")
_LENGTH = struct.Struct("<I")

#: One record of a batch: ``(kind, flags, code, socket, ns, ack, name, start, end, parts, tag, context)``.
Record = tuple[int, int, int, int, int, int, int, int, int, int, int, int]


class Batch:
    """Events where they lie, in one buffer. A loop over it gives :data:`Record`, all integers, and takes what it needs:
    the name is ``batch.names[name]``, the data ``batch.data[start:end]``, and attachments or rooms, if ``parts`` is not 0,
    are ``batch.parts(parts)``. The rest is as in :data:`Event`. It stays good for as long as you keep it.
    """

    __slots__ = ("data", "names", "_count")

    def __init__(self, data: bytes, names: list[str], count: int) -> None:
        self.data, self.names, self._count = data, names, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Record]:
        return _RECORD.iter_unpack(memoryview(self.data)[_HEAD.size:_HEAD.size + self._count * _RECORD.size])

    def parts(self, at: int) -> list[bytes]:
        """The attachments or rooms of an event."""
        (count,) = _LENGTH.unpack_from(self.data, at)
        parts, at = [], at + 4
        for _ in range(count):
            (size,) = _LENGTH.unpack_from(self.data, at)
            at += 4
            parts.append(self.data[at:at + size])
            at += size
        return parts


NO_PARTS: tuple[bytes, ...] = ()
#: One without events.
NOTHING = Batch(b"", [], 0)


class Names:
    """The texts of names that have been seen lately. Clients choose the names: what is remembered is bounded."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, str] = {}

    def batch(self, data: bytes) -> Batch:
        """The batch that a buffer of the library's is."""
        events, _, at, _ = _HEAD.unpack_from(data)
        known, names = self._known, []
        for start, end in _PLACE.iter_unpack(data[at:]):
            name = data[start:end]
            names.append(known[name] if name in known else self._remember(name))
        return Batch(data, names, events)

    def _remember(self, raw: bytes) -> str:
        if len(self._known) >= 1024:
            self._known.clear()
        name = self._known[raw] = raw.decode()
        return name


def reason_text(code: int) -> str:
    """A disconnect's reason as Socket.IO spells it."""
    return str(ffi.string(lib.roomcast_reason_text(code)).decode())
