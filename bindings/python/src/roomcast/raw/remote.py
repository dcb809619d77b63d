"""The remote, by which other threads reach a broker. It must not wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from .._ffi import ffi
from .._native import check, held, lib
from .given import RELIABLE, Text, as_utf8, lend_message, lend_target
from .listening import Adopting
from .operations import RemoteOperations
from .process import Owned


class Remote(RemoteOperations, Adopting, Owned):
    """Reaches a broker from any thread. A call is queued, and carried out in the broker's next poll.

    It belongs to the process of its broker: in a fork's child every call raises RuntimeError.
    """

    def __init__(self, remote: Any) -> None:
        Owned.__init__(self)
        self._held = ffi.gc(remote, lib.roomcast_remote_free)
        self._address = int(ffi.cast("uintptr_t", remote))

    @property
    def _remote(self) -> Any:
        if self.forked:
            raise self._others()
        return self._held

    def _adopts(self, fd: int, prefix: bytes, peer: str) -> int:
        name = peer.encode()
        return int(lib.roomcast_remote_adopt(self._remote, fd, prefix, len(prefix), name, len(name)))

    def _adopts_request(self, fd: int, request: Any) -> int:
        return int(lib.roomcast_remote_adopt_request(self._remote, fd, request))

    def emit(self, ns: int, name: str, args: Text = b"[]", room: Optional[str] = None,
             except_socket: int = 0) -> None:
        """Emits to a room, or to the whole namespace if it is None, but not to ``except_socket``."""
        event, text = name.encode(), as_utf8(args)
        if room is None:
            check(lib.roomcast_remote_emit_all(self._remote, ns, except_socket, event, len(event), text, len(text)))
        else:
            to = room.encode()
            check(lib.roomcast_remote_emit(self._remote, ns, to, len(to), except_socket, event, len(event), text, len(text)))

    def emit_to(self, ns: int, name: str, args: Text = b"[]", *, rooms: Optional[Sequence[str]] = None,
                except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None, except_sockets: Sequence[int] = (),
                attachments: Sequence[bytes] = (), delivery: int = RELIABLE, key: int = 0, flags: int = 0) -> None:
        """Emits to the union of rooms and sockets, or to the whole namespace if both are None."""
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        message = lend_message(name, args, attachments, delivery, key, flags, kept)
        check(lib.roomcast_remote_emit_to(self._remote, target, message))

    def send(self, ns: int, socket: int, name: str, args: Text = b"[]") -> None:
        """Emits to one socket of a namespace."""
        event, text = name.encode(), as_utf8(args)
        check(lib.roomcast_remote_send(self._remote, ns, socket, event, len(event), text, len(text)))

    def wake(self) -> None:
        """Ends the broker's wait in poll, or makes its descriptor readable."""
        if self.forked:
            raise self._others()
        check(held.roomcast_remote_wake(self._address))
