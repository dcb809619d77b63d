"""The router alone, for hosts with a transport of their own. It must not know a protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from .._ffi import ffi
from .._lent import as_bytes, as_text, lend_all, lending
from .._native import RoomcastError, check, lib


class Router:
    """Namespaces, rooms and members without a network: it says which bytes each connection is owed, and your transport (UDP,
    ENet, shared memory) brings them there. Members, connections and namespaces are numbers from 0, given out densely: tables
    grow to the largest one. What is gone, or never was, raises :class:`Gone`.

    It belongs to one thread at a time; a call that comes within another one raises ROOMCAST_ERROR_BUSY. It goes with its last
    reference.
    """

    def __init__(self) -> None:
        #: A call is under way that none other may interrupt.
        self.busy = False
        made = ffi.new("roomcast_router **")
        check(lib.roomcast_router_new(lib.ROOMCAST_ABI_VERSION, made))
        self._router: Any = ffi.gc(made[0], lib.roomcast_router_free)

    def taken(self) -> Exception:
        """What a call raises while the router is :attr:`busy`."""
        return RoomcastError(lib.ROOMCAST_ERROR_BUSY, "ROOMCAST_ERROR_BUSY", "the router is in the middle of a call")

    # ---- who is where ----

    @lending
    def add_namespace(self) -> int:
        """Makes a namespace. Numbers of removed ones are given out again."""
        made = ffi.new("uint32_t *")
        check(lib.roomcast_router_add_namespace(self._router, made))
        return int(made[0])

    @lending
    def remove_namespace(self, ns: int) -> None:
        """Removes a namespace that has no members; one that has raises :class:`Gone`."""
        check(lib.roomcast_router_remove_namespace(self._router, ns))

    @lending
    def add(self, member: int, ns: int, connection: int) -> None:
        """Makes a member of a namespace, in no room, on a connection that it may share. Both numbers are below 2**26."""
        check(lib.roomcast_router_add(self._router, member, ns, connection))

    @lending
    def remove(self, member: int) -> None:
        """Takes a member out of its rooms and its namespace. What it is owed it is still owed."""
        check(lib.roomcast_router_remove(self._router, member))

    @lending
    def join(self, member: int, room: str) -> None:
        """Puts a member into a room."""
        name = room.encode()
        check(lib.roomcast_router_join(self._router, member, name, len(name)))

    @lending
    def leave(self, member: int, room: str) -> None:
        """Takes a member out of a room."""
        name = room.encode()
        check(lib.roomcast_router_leave(self._router, member, name, len(name)))

    @lending
    def leave_all(self, member: int) -> None:
        """Takes a member out of all its rooms; it stays in its namespace."""
        check(lib.roomcast_router_leave_all(self._router, member))

    @lending
    def change_rooms(self, member: int, leave: Sequence[str], join: Sequence[str]) -> None:
        """Leaves and joins many rooms at once. A room in both lists is kept."""
        kept: list[Any] = []
        check(lib.roomcast_router_change_rooms(self._router, member, lend_all(leave, kept), len(leave), lend_all(join, kept),
                                               len(join)))

    @lending
    def is_member(self, member: int, room: str) -> bool:
        """Whether a member is in a room."""
        name, found = room.encode(), ffi.new("uint32_t *")
        check(lib.roomcast_router_is_member(self._router, member, name, len(name), found))
        return bool(found[0])

    @lending
    def members(self, ns: int, room: str) -> list[int]:
        """The members of a room."""
        name, found, count = room.encode(), ffi.new("uint32_t **"), ffi.new("size_t *")
        check(lib.roomcast_router_members(self._router, ns, name, len(name), found, count))
        return [int(found[0][at]) for at in range(count[0])]

    @lending
    def everyone(self, ns: int) -> list[int]:
        """The members of a namespace."""
        found, count = ffi.new("uint32_t **"), ffi.new("size_t *")
        check(lib.roomcast_router_everyone(self._router, ns, found, count))
        return [int(found[0][at]) for at in range(count[0])]

    @lending
    def rooms_of(self, member: int) -> list[str]:
        """The rooms that a member is in."""
        found, count = ffi.new("roomcast_slice **"), ffi.new("size_t *")
        check(lib.roomcast_router_rooms_of(self._router, member, found, count))
        return [as_text(found[0][at]) for at in range(count[0])]

    @lending
    def rooms_in(self, ns: int) -> list[str]:
        """The rooms of a namespace."""
        found, count = ffi.new("roomcast_slice **"), ffi.new("size_t *")
        check(lib.roomcast_router_rooms_in(self._router, ns, found, count))
        return [as_text(found[0][at]) for at in range(count[0])]

    # ---- what is owed ----

    @lending
    def emit(self, ns: int, message: bytes, *, rooms: Optional[Sequence[str]] = None, members: Optional[Sequence[int]] = None,
             except_rooms: Sequence[str] = (), except_members: Sequence[int] = ()) -> int:
        """Owes a message to the union of ``rooms`` and ``members``, or to the whole namespace if both are None, without the
        excepted; each once. Empty lists are nobody. Returns how many they are.
        """
        kept: list[Any] = []
        to = ffi.new("roomcast_selection *", {"struct_size": ffi.sizeof("roomcast_selection"), "ns": ns})
        if rooms is None and members is None:
            to.flags = lib.ROOMCAST_TARGET_ALL
        rooms, members = rooms or (), members or ()
        some, others = ffi.new("uint32_t[]", list(members)), ffi.new("uint32_t[]", list(except_members))
        to.rooms, to.room_count = lend_all(rooms, kept), len(rooms)
        to.members, to.member_count = some, len(members)
        to.except_rooms, to.except_room_count = lend_all(except_rooms, kept), len(except_rooms)
        to.except_members, to.except_member_count = others, len(except_members)
        reached = ffi.new("size_t *")
        check(lib.roomcast_router_emit(self._router, to, ffi.from_buffer(message), len(message), reached))
        return int(reached[0])

    @lending
    def next(self) -> Optional[tuple[int, bytes]]:
        """Takes the next connection that is owed something, in the order of the first message to each, and what; None if nobody
        is owed anything any more. Then :meth:`end_tick`.
        """
        connection, found, count = ffi.new("uint32_t *"), ffi.new("roomcast_slice **"), ffi.new("size_t *")
        check(lib.roomcast_router_next(self._router, connection, found, count))
        return (int(connection[0]), _joined(found, count)) if count[0] else None

    @lending
    def take(self, connection: int) -> bytes:
        """Takes what one connection is owed, out of turn; nothing if that is nothing."""
        found, count = ffi.new("roomcast_slice **"), ffi.new("size_t *")
        check(lib.roomcast_router_take(self._router, connection, found, count))
        return _joined(found, count)

    @lending
    def end_tick(self) -> None:
        """Ends the tick: what was not taken is dropped."""
        check(lib.roomcast_router_end_tick(self._router))

    @lending
    def forget(self, connection: int) -> None:
        """Drops what a connection is owed: it is gone, and its number may be used again."""
        check(lib.roomcast_router_forget(self._router, connection))


def _joined(ranges: Any, count: Any) -> bytes:
    return b"".join(as_bytes(ranges[0][at]) for at in range(count[0]))
