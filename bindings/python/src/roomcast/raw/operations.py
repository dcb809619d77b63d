"""The calls of a broker and of a remote that take plain arguments, one for each function of roomcast.h. It must not keep anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from .._ffi import ffi
from .._lent import as_text, lend_all, lending
from .._native import check, lib
from .given import Text, as_utf8, counted, lend_target


class BrokerOperations:
    """What a broker is asked and ordered."""

    _broker: Any

    @lending
    def drain_clients(self, per_second: int, reason: str = "") -> None:
        """Sends the clients away, so many in a second, as before a deploy; a DRAINED event follows when the last is gone."""
        text = reason.encode()
        check(lib.roomcast_drain(self._broker, per_second, text, len(text)))

    @lending
    def stop_draining(self) -> None:
        """Ends :meth:`drain_clients`; who is still there stays."""
        check(lib.roomcast_stop_draining(self._broker))

    @lending
    def allow(self, connection: int) -> None:
        """Lets a connection in that a HANDSHAKE asked for (``guard_handshakes``)."""
        check(lib.roomcast_allow(self._broker, connection))

    @lending
    def refuse(self, connection: int, message: str = "") -> None:
        """Turns a connection away that a HANDSHAKE asked for."""
        text = message.encode()
        check(lib.roomcast_refuse(self._broker, connection, text, len(text)))

    @lending
    def close_connection(self, connection: int) -> None:
        """Ends a connection with all its sockets."""
        check(lib.roomcast_close_connection(self._broker, connection))

    @lending
    def send_text(self, connection: int, message: str) -> None:
        """Sends an Engine.IO message of text (``engine_only``)."""
        text = message.encode()
        check(lib.roomcast_send_text(self._broker, connection, text, len(text)))

    @lending
    def send_binary(self, connection: int, message: bytes) -> None:
        """Sends an Engine.IO message of bytes (``engine_only``)."""
        check(lib.roomcast_send_binary(self._broker, connection, message, len(message)))

    @lending
    def connection_of(self, socket: int) -> int:
        """The connection that carries a socket."""
        found = ffi.new("roomcast_connection *")
        check(lib.roomcast_connection_of(self._broker, socket, found))
        return int(found[0])

    @lending
    def queued_bytes(self, socket: int) -> int:
        """How many bytes wait for a socket's connection to take them."""
        found = ffi.new("size_t *")
        check(lib.roomcast_queued_bytes(self._broker, socket, found))
        return int(found[0])

    @lending
    def set_tag(self, socket: int, tag: int) -> None:
        """Puts a number of the host's own, from 0 to 2**64 - 1, on a socket: ``tag`` of each later event of that socket, its
        disconnect among them. An event that is waiting already keeps what was there when it happened.
        """
        check(lib.roomcast_set_tag(self._broker, socket, tag))

    @lending
    def get_tag(self, socket: int) -> int:
        """The number that :meth:`set_tag` kept; 0 before that."""
        found = ffi.new("uint64_t *")
        check(lib.roomcast_get_tag(self._broker, socket, found))
        return int(found[0])

    @lending
    def is_member(self, socket: int, room: str) -> bool:
        """Whether a socket is in a room."""
        name, found = room.encode(), ffi.new("uint32_t *")
        check(lib.roomcast_is_member(self._broker, socket, name, len(name), found))
        return bool(found[0])

    @lending
    def leave_all(self, socket: int) -> None:
        """Takes a socket out of every room but its own."""
        check(lib.roomcast_leave_all(self._broker, socket))

    @lending
    def namespace_of(self, socket: int) -> int:
        """The namespace that a socket is in."""
        found = ffi.new("roomcast_namespace *")
        check(lib.roomcast_namespace_of(self._broker, socket, found))
        return int(found[0])

    @lending
    def sockets_in(self, ns: int) -> list[int]:
        """The sockets of a namespace."""
        found, count = ffi.new("roomcast_socket **"), ffi.new("size_t *")
        check(lib.roomcast_sockets_in(self._broker, ns, found, count))
        return [int(found[0][at]) for at in range(count[0])]

    @lending
    def rooms_in(self, ns: int) -> list[str]:
        """The rooms of a namespace, without the sockets' own."""
        found, count = ffi.new("roomcast_slice **"), ffi.new("size_t *")
        check(lib.roomcast_rooms_in(self._broker, ns, found, count))
        return [as_text(found[0][at]) for at in range(count[0])]

    @lending
    def join(self, socket: int, room: str) -> None:
        """Puts a socket into a room."""
        name = room.encode()
        check(lib.roomcast_join(self._broker, socket, name, len(name)))

    @lending
    def leave(self, socket: int, room: str) -> None:
        """Takes a socket out of a room."""
        name = room.encode()
        check(lib.roomcast_leave(self._broker, socket, name, len(name)))

    @lending
    def change_rooms(self, socket: int, leave: Sequence[str], join: Sequence[str]) -> Optional[int]:
        """Leaves and joins many rooms at once. A room in both lists is kept. Returns how many memberships changed; None
        where that is not known yet (``loops``)."""
        kept: list[Any] = []
        count = ffi.new("size_t *")
        check(lib.roomcast_change_rooms(self._broker, socket, lend_all(leave, kept), len(leave), lend_all(join, kept), len(join), count))
        return counted(count)

    @lending
    def sockets_join(self, ns: int, into: Sequence[str], *, rooms: Optional[Sequence[str]] = None,
                     except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                     except_sockets: Sequence[int] = ()) -> Optional[int]:
        """Puts everybody into the rooms ``into`` whom an emit with the same ``rooms``, ``sockets`` and exceptions would reach. Returns how many sockets those are; None
        where that is not known yet (``loops``)."""
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        count = ffi.new("size_t *")
        check(lib.roomcast_sockets_join(self._broker, target, lend_all(into, kept), len(into), count))
        return counted(count)

    @lending
    def sockets_leave(self, ns: int, out_of: Sequence[str], *, rooms: Optional[Sequence[str]] = None,
                      except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                      except_sockets: Sequence[int] = ()) -> Optional[int]:
        """Takes everybody out of the rooms ``out_of`` whom an emit with the same target would reach. Returns how many sockets those are; None
        where that is not known yet (``loops``)."""
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        count = ffi.new("size_t *")
        check(lib.roomcast_sockets_leave(self._broker, target, lend_all(out_of, kept), len(out_of), count))
        return counted(count)

    @lending
    def disconnect_sockets(self, ns: int, *, close: bool = False, rooms: Optional[Sequence[str]] = None,
                           except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                           except_sockets: Sequence[int] = ()) -> Optional[int]:
        """Disconnects everybody whom an emit with the same target would reach, with ``close`` their whole connections. Returns how many sockets those are; None
        where that is not known yet (``loops``)."""
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        count = ffi.new("size_t *")
        check(lib.roomcast_disconnect_sockets(self._broker, target, int(close), count))
        return counted(count)

    @lending
    def fetch_sockets(self, ns: int, *, rooms: Optional[Sequence[str]] = None, except_rooms: Sequence[str] = (),
                      sockets: Optional[Sequence[int]] = None, except_sockets: Sequence[int] = ()) -> list[int]:
        """Everybody whom an emit with the same target would reach."""
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        found, count = ffi.new("uint64_t **"), ffi.new("size_t *")
        check(lib.roomcast_fetch_sockets(self._broker, target, found, count))
        return list(ffi.unpack(found[0], count[0])) if count[0] else []

    @lending
    def accept(self, socket: int) -> None:
        """Lets a socket in that a CONNECT_REQUEST asked for."""
        check(lib.roomcast_accept(self._broker, socket))

    @lending
    def reject(self, socket: int, message: str, data: Text = b"") -> None:
        """Turns a socket away that a CONNECT_REQUEST asked for. ``data`` is a JSON value, or nothing."""
        text, value = message.encode(), as_utf8(data)
        check(lib.roomcast_reject(self._broker, socket, text, len(text), value, len(value)))

    @lending
    def disconnect(self, socket: int, close: bool = False) -> None:
        """Takes a socket out of its namespace; ``close`` ends its whole connection."""
        check(lib.roomcast_disconnect(self._broker, socket, int(close)))

    @lending
    def members(self, ns: int, room: str) -> list[int]:
        """The sockets in a room."""
        name, found, count = room.encode(), ffi.new("uint64_t **"), ffi.new("size_t *")
        check(lib.roomcast_members(self._broker, ns, name, len(name), found, count))
        return list(ffi.unpack(found[0], count[0])) if count[0] else []

    @lending
    def rooms_of(self, socket: int) -> list[str]:
        """The rooms of a socket, its own first."""
        found, count = ffi.new("roomcast_slice **"), ffi.new("size_t *")
        check(lib.roomcast_rooms_of(self._broker, socket, found, count))
        return [as_text(found[0][at]) for at in range(count[0])]

    @lending
    def socket_id(self, socket: int) -> str:
        """A socket's id as its client knows it."""
        found = ffi.new("roomcast_slice *")
        check(lib.roomcast_socket_id(self._broker, socket, found))
        return as_text(found)

    @lending
    def find_socket(self, sid: str) -> Optional[int]:
        """The connected socket with an id, if there is one."""
        text, found = sid.encode(), ffi.new("uint64_t *")
        status = lib.roomcast_find_socket(self._broker, text, len(text), found)
        if status == lib.ROOMCAST_ERROR_NOT_FOUND:
            return None
        check(status)
        return int(found[0])


class RemoteOperations:
    """What a broker is ordered from other threads."""

    _remote: Any

    def accept(self, socket: int) -> None:
        """Lets a socket in that a CONNECT_REQUEST asked for. What is ordered next finds it connected."""
        check(lib.roomcast_remote_accept(self._remote, socket))

    def reject(self, socket: int, message: str, data: Text = b"") -> None:
        """Turns away a socket that asked; its client gets the message, and ``data``, a JSON value, if there is any."""
        why, text = message.encode(), as_utf8(data)
        check(lib.roomcast_remote_reject(self._remote, socket, why, len(why), text, len(text)))

    def allow(self, connection: int) -> None:
        """Lets a connection in that a HANDSHAKE asked for (``guard_handshakes``)."""
        check(lib.roomcast_remote_allow(self._remote, connection))

    def refuse(self, connection: int, message: str = "") -> None:
        """Turns a connection away that a HANDSHAKE asked for."""
        text = message.encode()
        check(lib.roomcast_remote_refuse(self._remote, connection, text, len(text)))

    def close_connection(self, connection: int) -> None:
        """Ends a connection with all its sockets."""
        check(lib.roomcast_remote_close_connection(self._remote, connection))

    def send_text(self, connection: int, message: str) -> None:
        """Sends an Engine.IO message of text (``engine_only``)."""
        text = message.encode()
        check(lib.roomcast_remote_send_text(self._remote, connection, text, len(text)))

    def send_binary(self, connection: int, message: bytes) -> None:
        """Sends an Engine.IO message of bytes (``engine_only``)."""
        check(lib.roomcast_remote_send_binary(self._remote, connection, message, len(message)))

    def set_tag(self, socket: int, tag: int) -> None:
        """As :meth:`Broker.set_tag`."""
        check(lib.roomcast_remote_set_tag(self._remote, socket, tag))

    def leave_all(self, socket: int) -> None:
        """Takes a socket out of every room but its own."""
        check(lib.roomcast_remote_leave_all(self._remote, socket))

    def change_rooms(self, socket: int, leave: Sequence[str], join: Sequence[str]) -> None:
        """Leaves and joins many rooms at once. A room in both lists is kept."""
        kept: list[Any] = []
        check(lib.roomcast_remote_change_rooms(self._remote, socket, lend_all(leave, kept), len(leave), lend_all(join, kept),
                                               len(join)))

    def sockets_join(self, ns: int, into: Sequence[str], *, rooms: Optional[Sequence[str]] = None,
                     except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                     except_sockets: Sequence[int] = ()) -> None:
        """Puts everybody into the rooms ``into`` whom an emit with the same ``rooms``, ``sockets`` and exceptions would reach."""
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_remote_sockets_join(self._remote, target, lend_all(into, kept), len(into)))

    def sockets_leave(self, ns: int, out_of: Sequence[str], *, rooms: Optional[Sequence[str]] = None,
                      except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                      except_sockets: Sequence[int] = ()) -> None:
        """Takes everybody out of the rooms ``out_of`` whom an emit with the same target would reach."""
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_remote_sockets_leave(self._remote, target, lend_all(out_of, kept), len(out_of)))

    def disconnect_sockets(self, ns: int, *, close: bool = False, rooms: Optional[Sequence[str]] = None,
                           except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                           except_sockets: Sequence[int] = ()) -> None:
        """Disconnects everybody whom an emit with the same target would reach, with ``close`` their whole connections."""
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_remote_disconnect_sockets(self._remote, target, int(close)))

    def drain_clients(self, per_second: int, reason: str = "") -> None:
        """As :meth:`Broker.drain_clients`."""
        text = reason.encode()
        check(lib.roomcast_remote_drain(self._remote, per_second, text, len(text)))

    def stop_draining(self) -> None:
        """As :meth:`Broker.stop_draining`."""
        check(lib.roomcast_remote_stop_draining(self._remote))

    def join(self, socket: int, room: str) -> None:
        """Puts a socket into a room."""
        name = room.encode()
        check(lib.roomcast_remote_join(self._remote, socket, name, len(name)))

    def leave(self, socket: int, room: str) -> None:
        """Takes a socket out of a room."""
        name = room.encode()
        check(lib.roomcast_remote_leave(self._remote, socket, name, len(name)))

    def disconnect(self, socket: int, close: bool = False) -> None:
        """Takes a socket out of its namespace; ``close`` ends its whole connection."""
        check(lib.roomcast_remote_disconnect(self._remote, socket, int(close)))
