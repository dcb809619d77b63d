"""The operations of a broker and of a remote whose arguments are plain. Made from the table of operations by `make header`: do not
edit. It must not keep anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from .._ffi import ffi
from .._lent import as_bytes, as_text, lend_all, lending
from .._native import check, lib
from .given import Text, as_utf8, counted, lend_target


class BrokerOperations:
    """What a broker is asked and ordered."""

    _broker: Any

    @lending
    def send_text(self, connection: int, message: str) -> None:
        """Sends a text message over a connection as it is. For engine_only."""
        message_utf8 = as_utf8(message)
        check(lib.roomcast_send_text(self._broker, connection, message_utf8, len(message_utf8)))

    @lending
    def send_binary(self, connection: int, message: bytes) -> None:
        """Sends a binary message over a connection as it is. For engine_only."""
        check(lib.roomcast_send_binary(self._broker, connection, message, len(message)))

    @lending
    def join(self, socket: int, room: str) -> None:
        """Puts a socket into a room, which begins to exist with its first member; joining twice is no error."""
        room_utf8 = as_utf8(room)
        check(lib.roomcast_join(self._broker, socket, room_utf8, len(room_utf8)))

    @lending
    def leave(self, socket: int, room: str) -> None:
        """Takes a socket out of a room; the room ends with its last member. Its own room cannot be left. Leaving a room that it is
        not in is no error.
        """
        room_utf8 = as_utf8(room)
        check(lib.roomcast_leave(self._broker, socket, room_utf8, len(room_utf8)))

    @lending
    def leave_all(self, socket: int) -> None:
        """Takes a socket out of all rooms but its own."""
        check(lib.roomcast_leave_all(self._broker, socket))

    @lending
    def change_rooms(self, socket: int, leave: Sequence[str], join: Sequence[str]) -> Optional[int]:
        """Leaves and joins many rooms at once, as a player who moves does. A room in both lists is kept. Returns how many
        memberships changed; None where that is not known yet (``loops``).
        """
        kept: list[Any] = []
        found = ffi.new("size_t *")
        check(lib.roomcast_change_rooms(self._broker, socket, lend_all(leave, kept), len(leave), lend_all(join, kept), len(join),
                                        found))
        return counted(found)

    @lending
    def members(self, ns: int, room: str) -> list[int]:
        """The members of a room, in a stable order; for a socket's own room that socket."""
        room_utf8 = as_utf8(room)
        found = ffi.new("uint64_t **")
        count = ffi.new("size_t *")
        check(lib.roomcast_members(self._broker, ns, room_utf8, len(room_utf8), found, count))
        return list(ffi.unpack(found[0], count[0])) if count[0] else []

    @lending
    def is_member(self, socket: int, room: str) -> bool:
        """Whether a socket is in a room; its own is one of them."""
        room_utf8 = as_utf8(room)
        found = ffi.new("uint32_t *")
        check(lib.roomcast_is_member(self._broker, socket, room_utf8, len(room_utf8), found))
        return bool(found[0])

    @lending
    def rooms_in(self, ns: int) -> list[str]:
        """The rooms of a namespace, in a stable order; sockets' own rooms are not among them."""
        found = ffi.new("roomcast_slice **")
        count = ffi.new("size_t *")
        check(lib.roomcast_rooms_in(self._broker, ns, found, count))
        return [as_text(found[0][at]) for at in range(count[0])]

    @lending
    def rooms_of(self, socket: int) -> list[str]:
        """The rooms a socket is in: its own first, then the others in a stable order."""
        found = ffi.new("roomcast_slice **")
        count = ffi.new("size_t *")
        check(lib.roomcast_rooms_of(self._broker, socket, found, count))
        return [as_text(found[0][at]) for at in range(count[0])]

    @lending
    def sockets_in(self, ns: int) -> list[int]:
        """The sockets of a namespace, in a stable order."""
        found = ffi.new("uint64_t **")
        count = ffi.new("size_t *")
        check(lib.roomcast_sockets_in(self._broker, ns, found, count))
        return list(ffi.unpack(found[0], count[0])) if count[0] else []

    @lending
    def accept(self, socket: int) -> None:
        """Lets a socket in that a CONNECT_REQUEST asked for. It is connected when this returns; no CONNECT follows. What was
        emitted to it before leaves now, behind the answer to its request.
        """
        check(lib.roomcast_accept(self._broker, socket))

    @lending
    def reject(self, socket: int, message: str, data: Text = b"") -> None:
        """Turns a socket away that a CONNECT_REQUEST asked for. The client gets ``message``, and ``data`` if there is any: a JSON
        value. The handle is dead when this returns.
        """
        message_utf8 = as_utf8(message)
        data_utf8 = as_utf8(data)
        check(lib.roomcast_reject(self._broker, socket, message_utf8, len(message_utf8), data_utf8, len(data_utf8)))

    @lending
    def disconnect(self, socket: int, close: bool = False) -> None:
        """Takes a socket out of its namespace. The client gets a disconnect packet; with ``close``, its whole connection ends and
        with it its sockets in other namespaces. What was emitted to it before still goes out. Its DISCONNECT comes with the
        next poll.
        """
        check(lib.roomcast_disconnect(self._broker, socket, int(close)))

    @lending
    def allow(self, connection: int) -> None:
        """Lets a connection open that a HANDSHAKE asked for."""
        check(lib.roomcast_allow(self._broker, connection))

    @lending
    def add_header(self, connection: int, name: str, value: str) -> None:
        """Adds a header to the answer of a handshake that a HANDSHAKE asked about: the answer that lets it in, over either
        transport, or that turns it away. This is how a host sets a cookie of its own, with any attributes. A name may be added
        more than once.
        """
        name_utf8 = as_utf8(name)
        value_utf8 = as_utf8(value)
        check(lib.roomcast_add_header(self._broker, connection, name_utf8, len(name_utf8), value_utf8, len(value_utf8)))

    @lending
    def refuse(self, connection: int, message: str = "") -> None:
        """Turns a connection away that a HANDSHAKE asked for, as the reference's ``allowRequest`` does: 403 with code 4 and
        ``message``, or ``Forbidden`` if that is empty; over WebSocket 400 with the message alone. The handle is dead when this
        returns.
        """
        message_utf8 = as_utf8(message)
        check(lib.roomcast_refuse(self._broker, connection, message_utf8, len(message_utf8)))

    @lending
    def refuse_with(self, connection: int, http_status: int, content_type: str, body: bytes) -> None:
        """The same with an answer of the host's own: a status from 400 to 599 and a body, without a ``Content-Type`` if
        ``content_type`` is empty. In a browser a page's script sees the status over polling, and over WebSocket only that it
        failed.
        """
        content_type_utf8 = as_utf8(content_type)
        check(lib.roomcast_refuse_with(self._broker, connection, http_status, content_type_utf8, len(content_type_utf8), body,
                                       len(body)))

    @lending
    def guard_handshakes(self, on: bool = False) -> None:
        """Whether the host is asked about each handshake from now on, as guard_handshakes says for the beginning. What was asked
        before is answered all the same.
        """
        check(lib.roomcast_guard_handshakes(self._broker, int(on)))

    @lending
    def close_connection(self, connection: int) -> None:
        """Closes a connection and all its sockets, after what is queued for it has gone out."""
        check(lib.roomcast_close_connection(self._broker, connection))

    @lending
    def fetch_sockets(self, ns: int, *, rooms: Optional[Sequence[str]] = None, except_rooms: Sequence[str] = (),
                      sockets: Optional[Sequence[int]] = None, except_sockets: Sequence[int] = ()) -> list[int]:
        """Everybody who would get what is emitted to ``target``, in a stable order: Socket.IO's ``fetchSockets``. Each one's rooms
        and handshake are there for the asking. The target is that of :meth:`Broker.emit`.
        """
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        found = ffi.new("uint64_t **")
        count = ffi.new("size_t *")
        check(lib.roomcast_fetch_sockets(self._broker, target, found, count))
        return list(ffi.unpack(found[0], count[0])) if count[0] else []

    @lending
    def sockets_join(self, ns: int, into: Sequence[str], *, rooms: Optional[Sequence[str]] = None,
                     except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                     except_sockets: Sequence[int] = ()) -> Optional[int]:
        """Puts everybody whom ``target`` selects into these rooms: Socket.IO's ``socketsJoin``. Those who wait for the host's
        decision are selected as all others are. Returns how many sockets that are; None where that is not known yet
        (``loops``). The target is that of :meth:`Broker.emit`.
        """
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        found = ffi.new("size_t *")
        check(lib.roomcast_sockets_join(self._broker, target, lend_all(into, kept), len(into), found))
        return counted(found)

    @lending
    def sockets_leave(self, ns: int, out_of: Sequence[str], *, rooms: Optional[Sequence[str]] = None,
                      except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                      except_sockets: Sequence[int] = ()) -> Optional[int]:
        """Takes everybody whom ``target`` selects out of these rooms: Socket.IO's ``socketsLeave``. Returns how many sockets that
        are; None where that is not known yet (``loops``). The target is that of :meth:`Broker.emit`.
        """
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        found = ffi.new("size_t *")
        check(lib.roomcast_sockets_leave(self._broker, target, lend_all(out_of, kept), len(out_of), found))
        return counted(found)

    @lending
    def disconnect_sockets(self, ns: int, *, close: bool = False, rooms: Optional[Sequence[str]] = None,
                           except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                           except_sockets: Sequence[int] = ()) -> Optional[int]:
        """Disconnects everybody whom ``target`` selects, as :meth:`disconnect` does: Socket.IO's ``disconnectSockets``. Returns
        how many sockets that are; None where that is not known yet (``loops``). The target is that of :meth:`Broker.emit`.
        """
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        found = ffi.new("size_t *")
        check(lib.roomcast_disconnect_sockets(self._broker, target, int(close), found))
        return counted(found)

    @lending
    def socket_id(self, socket: int) -> str:
        """A socket's id as its client knows it; also the name of its own room."""
        found = ffi.new("roomcast_slice *")
        check(lib.roomcast_socket_id(self._broker, socket, found))
        return as_text(found)

    @lending
    def set_tag(self, socket: int, tag: int) -> None:
        """Puts a number of the host's own on a socket, for example its player's place in an array: each later event of that socket
        carries it, its connect and its disconnect included. A socket that waits for the host's decision can have one already.
        It is 0 until then, and in events that were waiting already.
        """
        check(lib.roomcast_set_tag(self._broker, socket, tag))

    @lending
    def get_tag(self, socket: int) -> int:
        """What :meth:`set_tag` has put on a socket; 0 where nothing was."""
        found = ffi.new("uint64_t *")
        check(lib.roomcast_get_tag(self._broker, socket, found))
        return int(found[0])

    @lending
    def find_socket(self, sid: str) -> Optional[int]:
        """The connected socket with this id, in whichever namespace it is."""
        sid_utf8 = as_utf8(sid)
        found = ffi.new("roomcast_socket *")
        status = lib.roomcast_find_socket(self._broker, sid_utf8, len(sid_utf8), found)
        if status == lib.ROOMCAST_ERROR_NOT_FOUND:
            return None
        check(status)
        return int(found[0])

    @lending
    def namespace_of(self, socket: int) -> int:
        """The namespace a socket is in."""
        found = ffi.new("roomcast_namespace *")
        check(lib.roomcast_namespace_of(self._broker, socket, found))
        return int(found[0])

    @lending
    def connection_of(self, socket: int) -> int:
        """The connection a socket lives on; a client has one socket on it for each namespace it joined."""
        found = ffi.new("roomcast_connection *")
        check(lib.roomcast_connection_of(self._broker, socket, found))
        return int(found[0])

    @lending
    def is_msgpack(self, connection: int) -> bool:
        """Whether the client of a connection has the msgpack parser: known from when it asks for its first namespace. For msgpack.
        """
        found = ffi.new("uint32_t *")
        check(lib.roomcast_is_msgpack(self._broker, connection, found))
        return bool(found[0])

    @lending
    def queued_bytes(self, socket: int) -> int:
        """The bytes queued for a socket's connection that the kernel, or a poll, has not taken. What was emitted since the last
        flush does not count. A message of class latest or drop-oldest counts for at least 32 bytes.
        """
        found = ffi.new("size_t *")
        check(lib.roomcast_queued_bytes(self._broker, socket, found))
        return int(found[0])

    @lending
    def server_emit(self, ns: int, name: str, args: Text = b"[]", attachments: Sequence[bytes] = ()) -> None:
        """Tells the hosts of the other nodes that have this namespace: they get a SERVER_EVENT. Clients hear nothing of it."""
        kept: list[Any] = []
        name_utf8 = as_utf8(name)
        args_utf8 = as_utf8(args)
        check(lib.roomcast_server_emit(self._broker, ns, name_utf8, len(name_utf8), args_utf8, len(args_utf8),
                                       lend_all(attachments, kept), len(attachments)))

    @lending
    def ask_nodes(self, ns: int, name: str, args: Text = b"[]", attachments: Sequence[bytes] = (), timeout: int = 0,
                  context: int = 0) -> None:
        """The same, and asks them for an answer, which come as NODE_ANSWER, with an ANSWERS_END behind them that says how many
        nodes have not answered. Both carry ``context``, any number of the host's own. ``timeout`` is in milliseconds; 0 is
        request_timeout.
        """
        kept: list[Any] = []
        name_utf8 = as_utf8(name)
        args_utf8 = as_utf8(args)
        check(lib.roomcast_ask_nodes(self._broker, ns, name_utf8, len(name_utf8), args_utf8, len(args_utf8), lend_all(attachments,
                                     kept), len(attachments), timeout, context))

    @lending
    def answer_node(self, answer: int, value: str, attachments: Sequence[bytes] = ()) -> None:
        """Answers a SERVER_EVENT that came with a number: with one value, as JSON."""
        kept: list[Any] = []
        value_utf8 = as_utf8(value)
        check(lib.roomcast_answer_node(self._broker, answer, value_utf8, len(value_utf8), lend_all(attachments, kept),
                                       len(attachments)))

    @lending
    def fetch_remote_sockets(self, ns: int, timeout: int = 0, context: int = 0, *, rooms: Optional[Sequence[str]] = None,
                             except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                             except_sockets: Sequence[int] = ()) -> None:
        """Asks the other nodes for those of their sockets that a target selects. Each comes as a REMOTE_SOCKET, and behind them an
        ANSWERS_END; this node's own are those of :meth:`fetch_sockets`. ``timeout`` and ``context`` are as with
        :meth:`ask_nodes`. The target is that of :meth:`Broker.emit`.
        """
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_fetch_remote_sockets(self._broker, target, timeout, context))

    @lending
    def count_nodes(self, ns: int, context: int) -> None:
        """Asks how many nodes there are that have this namespace, this one among them: a NODES says so, or an ANSWERS_END that it
        cannot be known now.
        """
        check(lib.roomcast_count_nodes(self._broker, ns, context))

    @lending
    def export_recovery(self) -> bytes:
        """All that is kept for clients that may come back, as bytes for the process that comes after this one: the sessions of who
        is away or connected in a namespace with recovery, and what was emitted there. The next broker takes them over with
        :meth:`import_recovery`, and clients find their sessions there.
        """
        found = ffi.new("roomcast_slice *")
        check(lib.roomcast_export_recovery(self._broker, found))
        return as_bytes(found)

    @lending
    def import_recovery(self, data: bytes) -> int:
        """Takes over the sessions that another process has exported with :meth:`export_recovery`, before anybody has connected.
        Returns how many are waited for.
        """
        found = ffi.new("size_t *")
        check(lib.roomcast_import_recovery(self._broker, data, len(data), found))
        return int(found[0])

    @lending
    def serve_encoded(self, path: str, coding: str, body: bytes) -> None:
        """Serves what is served at a path in another coding as well, for clients that take it: ``br``, ``gzip``, ``zstd`` or
        ``deflate``. Of those that a client likes best it gets the shortest. Without ``gzip`` that is made when a client asks
        for it first, unless ``http_compression`` is off.
        """
        path_utf8 = as_utf8(path)
        coding_utf8 = as_utf8(coding)
        check(lib.roomcast_serve_encoded(self._broker, path_utf8, len(path_utf8), coding_utf8, len(coding_utf8), body, len(body)))

    @lending
    def drain_clients(self, per_second: int, reason: str = "") -> None:
        """Sends all clients away, ``per_second`` of them each second, and takes no new ones: handshakes are answered with 503 and
        ``Retry-After``, and so is health_path, so that a balancer looks elsewhere. When no connection is left, DRAINED comes,
        once for each drain. A handshake that the host has not decided about by then is answered with 503 as well, and its
        handle is dead.
        """
        reason_utf8 = as_utf8(reason)
        check(lib.roomcast_drain(self._broker, per_second, reason_utf8, len(reason_utf8)))

    @lending
    def stop_draining(self) -> None:
        """Takes clients in again. Those that are gone stay gone. Does nothing if the broker is not draining."""
        check(lib.roomcast_stop_draining(self._broker))


class RemoteOperations:
    """What a broker is ordered from other threads."""

    _remote: Any

    def ack(self, socket: int, ack: int, args: Text = b"[]", attachments: Sequence[bytes] = ()) -> None:
        """As :meth:`Broker.ack`, from any thread."""
        kept: list[Any] = []
        args_utf8 = as_utf8(args)
        check(lib.roomcast_remote_ack(self._remote, socket, ack, args_utf8, len(args_utf8), lend_all(attachments, kept),
                                      len(attachments)))

    def send_text(self, connection: int, message: str) -> None:
        """As :meth:`Broker.send_text`, from any thread."""
        message_utf8 = as_utf8(message)
        check(lib.roomcast_remote_send_text(self._remote, connection, message_utf8, len(message_utf8)))

    def send_binary(self, connection: int, message: bytes) -> None:
        """As :meth:`Broker.send_binary`, from any thread."""
        check(lib.roomcast_remote_send_binary(self._remote, connection, message, len(message)))

    def join(self, socket: int, room: str) -> None:
        """As :meth:`Broker.join`, from any thread."""
        room_utf8 = as_utf8(room)
        check(lib.roomcast_remote_join(self._remote, socket, room_utf8, len(room_utf8)))

    def leave(self, socket: int, room: str) -> None:
        """As :meth:`Broker.leave`, from any thread."""
        room_utf8 = as_utf8(room)
        check(lib.roomcast_remote_leave(self._remote, socket, room_utf8, len(room_utf8)))

    def leave_all(self, socket: int) -> None:
        """As :meth:`Broker.leave_all`, from any thread."""
        check(lib.roomcast_remote_leave_all(self._remote, socket))

    def change_rooms(self, socket: int, leave: Sequence[str], join: Sequence[str]) -> None:
        """As :meth:`Broker.change_rooms`, from any thread."""
        kept: list[Any] = []
        check(lib.roomcast_remote_change_rooms(self._remote, socket, lend_all(leave, kept), len(leave), lend_all(join, kept),
                                               len(join)))

    def accept(self, socket: int) -> None:
        """As :meth:`Broker.accept`, from any thread."""
        check(lib.roomcast_remote_accept(self._remote, socket))

    def reject(self, socket: int, message: str, data: Text = b"") -> None:
        """As :meth:`Broker.reject`, from any thread."""
        message_utf8 = as_utf8(message)
        data_utf8 = as_utf8(data)
        check(lib.roomcast_remote_reject(self._remote, socket, message_utf8, len(message_utf8), data_utf8, len(data_utf8)))

    def disconnect(self, socket: int, close: bool = False) -> None:
        """As :meth:`Broker.disconnect`, from any thread."""
        check(lib.roomcast_remote_disconnect(self._remote, socket, int(close)))

    def allow(self, connection: int) -> None:
        """As :meth:`Broker.allow`, from any thread."""
        check(lib.roomcast_remote_allow(self._remote, connection))

    def add_header(self, connection: int, name: str, value: str) -> None:
        """As :meth:`Broker.add_header`, from any thread."""
        name_utf8 = as_utf8(name)
        value_utf8 = as_utf8(value)
        check(lib.roomcast_remote_add_header(self._remote, connection, name_utf8, len(name_utf8), value_utf8, len(value_utf8)))

    def refuse(self, connection: int, message: str = "") -> None:
        """As :meth:`Broker.refuse`, from any thread."""
        message_utf8 = as_utf8(message)
        check(lib.roomcast_remote_refuse(self._remote, connection, message_utf8, len(message_utf8)))

    def refuse_with(self, connection: int, http_status: int, content_type: str, body: bytes) -> None:
        """As :meth:`Broker.refuse_with`, from any thread."""
        content_type_utf8 = as_utf8(content_type)
        check(lib.roomcast_remote_refuse_with(self._remote, connection, http_status, content_type_utf8, len(content_type_utf8),
                                              body, len(body)))

    def guard_handshakes(self, on: bool = False) -> None:
        """As :meth:`Broker.guard_handshakes`, from any thread."""
        check(lib.roomcast_remote_guard_handshakes(self._remote, int(on)))

    def close_connection(self, connection: int) -> None:
        """As :meth:`Broker.close_connection`, from any thread."""
        check(lib.roomcast_remote_close_connection(self._remote, connection))

    def sockets_join(self, ns: int, into: Sequence[str], *, rooms: Optional[Sequence[str]] = None,
                     except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                     except_sockets: Sequence[int] = ()) -> None:
        """As :meth:`Broker.sockets_join`, from any thread."""
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_remote_sockets_join(self._remote, target, lend_all(into, kept), len(into)))

    def sockets_leave(self, ns: int, out_of: Sequence[str], *, rooms: Optional[Sequence[str]] = None,
                      except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                      except_sockets: Sequence[int] = ()) -> None:
        """As :meth:`Broker.sockets_leave`, from any thread."""
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_remote_sockets_leave(self._remote, target, lend_all(out_of, kept), len(out_of)))

    def disconnect_sockets(self, ns: int, *, close: bool = False, rooms: Optional[Sequence[str]] = None,
                           except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                           except_sockets: Sequence[int] = ()) -> None:
        """As :meth:`Broker.disconnect_sockets`, from any thread."""
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_remote_disconnect_sockets(self._remote, target, int(close)))

    def set_tag(self, socket: int, tag: int) -> None:
        """As :meth:`Broker.set_tag`, from any thread."""
        check(lib.roomcast_remote_set_tag(self._remote, socket, tag))

    def server_emit(self, ns: int, name: str, args: Text = b"[]", attachments: Sequence[bytes] = ()) -> None:
        """As :meth:`Broker.server_emit`, from any thread."""
        kept: list[Any] = []
        name_utf8 = as_utf8(name)
        args_utf8 = as_utf8(args)
        check(lib.roomcast_remote_server_emit(self._remote, ns, name_utf8, len(name_utf8), args_utf8, len(args_utf8),
                                              lend_all(attachments, kept), len(attachments)))

    def ask_nodes(self, ns: int, name: str, args: Text = b"[]", attachments: Sequence[bytes] = (), timeout: int = 0,
                  context: int = 0) -> None:
        """As :meth:`Broker.ask_nodes`, from any thread."""
        kept: list[Any] = []
        name_utf8 = as_utf8(name)
        args_utf8 = as_utf8(args)
        check(lib.roomcast_remote_ask_nodes(self._remote, ns, name_utf8, len(name_utf8), args_utf8, len(args_utf8),
                                            lend_all(attachments, kept), len(attachments), timeout, context))

    def answer_node(self, answer: int, value: str, attachments: Sequence[bytes] = ()) -> None:
        """As :meth:`Broker.answer_node`, from any thread."""
        kept: list[Any] = []
        value_utf8 = as_utf8(value)
        check(lib.roomcast_remote_answer_node(self._remote, answer, value_utf8, len(value_utf8), lend_all(attachments, kept),
                                              len(attachments)))

    def fetch_remote_sockets(self, ns: int, timeout: int = 0, context: int = 0, *, rooms: Optional[Sequence[str]] = None,
                             except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                             except_sockets: Sequence[int] = ()) -> None:
        """As :meth:`Broker.fetch_remote_sockets`, from any thread."""
        kept: list[Any] = []
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_remote_fetch_remote_sockets(self._remote, target, timeout, context))

    def count_nodes(self, ns: int, context: int) -> None:
        """As :meth:`Broker.count_nodes`, from any thread."""
        check(lib.roomcast_remote_count_nodes(self._remote, ns, context))

    def drain_clients(self, per_second: int, reason: str = "") -> None:
        """As :meth:`Broker.drain_clients`, from any thread."""
        reason_utf8 = as_utf8(reason)
        check(lib.roomcast_remote_drain(self._remote, per_second, reason_utf8, len(reason_utf8)))

    def stop_draining(self) -> None:
        """As :meth:`Broker.stop_draining`, from any thread."""
        check(lib.roomcast_remote_stop_draining(self._remote))
