"""The broker as the C ABI has it: poll, drain a batch of events, emit a batch. It must not run a handler or a thread.

For those who want the speed and keep a loop of their own, such as games. JSON stays text here: decode what you need.

A :class:`Broker` belongs to one thread at a time. A :class:`Remote` is for all others. A :class:`Router` is rooms without a network.
"""

from __future__ import annotations

import ctypes
import os
import struct
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Optional, Union

from ._ffi import ffi
from ._lent import as_bytes, as_text, lend, lend_all, lending
from ._native import Gone, RoomcastError, check, failure, held, lib
from ._orders import Argument, Packed, message, order, target
from ._router import Router

__all__ = ["Broker", "Remote", "Router", "Event", "Record", "Batch", "Handshake", "RoomcastError", "Gone", "Argument", "Packed",
           "message", "order", "pack", "reason_text", "target", "version"]

#: One event: ``(kind, socket, ns, ack, code, name, data, parts, flags, tag, context)``. The kinds, and what the fields mean for each,
#: stand in roomcast.h at ROOMCAST_EVENT_*. ``socket`` is the connection where there is no socket. ``data`` is JSON text
#: as bytes; ``parts`` are attachments, or the rooms of a disconnected socket; ``tag`` is what :meth:`Broker.set_tag` has put on
#: the socket, and ``context`` what :meth:`Broker.emit_with_ack` was given for the question; 0 where nothing was.
Event = tuple[int, int, int, int, int, str, bytes, Sequence[bytes], int, int, int]

CONNECT: Final[int] = lib.ROOMCAST_EVENT_CONNECT
MESSAGE: Final[int] = lib.ROOMCAST_EVENT_MESSAGE
DISCONNECT: Final[int] = lib.ROOMCAST_EVENT_DISCONNECT
CONNECT_REQUEST: Final[int] = lib.ROOMCAST_EVENT_CONNECT_REQUEST
ACK: Final[int] = lib.ROOMCAST_EVENT_ACK
ACK_END: Final[int] = lib.ROOMCAST_EVENT_ACK_END
PROTOCOL_ERROR: Final[int] = lib.ROOMCAST_EVENT_PROTOCOL_ERROR
NAMESPACE_CREATED: Final[int] = lib.ROOMCAST_EVENT_NAMESPACE_CREATED
NAMESPACE_REMOVED: Final[int] = lib.ROOMCAST_EVENT_NAMESPACE_REMOVED
ROOM_CREATED: Final[int] = lib.ROOMCAST_EVENT_ROOM_CREATED
ROOM_JOINED: Final[int] = lib.ROOMCAST_EVENT_ROOM_JOINED
ROOM_LEFT: Final[int] = lib.ROOMCAST_EVENT_ROOM_LEFT
ROOM_DELETED: Final[int] = lib.ROOMCAST_EVENT_ROOM_DELETED
HANDSHAKE: Final[int] = lib.ROOMCAST_EVENT_HANDSHAKE
REFUSED: Final[int] = lib.ROOMCAST_EVENT_REFUSED
OPEN: Final[int] = lib.ROOMCAST_EVENT_OPEN
TEXT: Final[int] = lib.ROOMCAST_EVENT_TEXT
BINARY: Final[int] = lib.ROOMCAST_EVENT_BINARY
CLOSE: Final[int] = lib.ROOMCAST_EVENT_CLOSE
DRAINED: Final[int] = lib.ROOMCAST_EVENT_DRAINED
TIMES_STEPS: Final[int] = lib.ROOMCAST_TIMES_STEPS
TIMES_FLUSHES: Final[int] = lib.ROOMCAST_TIMES_FLUSHES
TIMED_OUT: Final[int] = lib.ROOMCAST_FLAG_TIMED_OUT

RELIABLE: Final[int] = lib.ROOMCAST_RELIABLE
VOLATILE: Final[int] = lib.ROOMCAST_VOLATILE
LATEST: Final[int] = lib.ROOMCAST_LATEST
DROP_OLDEST: Final[int] = lib.ROOMCAST_DROP_OLDEST

#: A short turn of the loop keeps the GIL; one that took longer than this many seconds lets go of it the next time.
_SHORT = 0.001

_HEAD = struct.Struct("<IIII")
_RECORD = struct.Struct("<HHIQQQIIIIQQ")
_PLACE = struct.Struct("<II")
_EMIT = struct.Struct("<IBBHQQIIIIII")
_LENGTH = struct.Struct("<I")
#: Seconds; a longer time is taken for this one.
_LONGEST = 1e9
_PADDING = [b"\0" * size for size in range(8)]
_NO_PARTS: tuple[bytes, ...] = ()
#: Fields of roomcast_config that follow from others, or take a function in C.
_NOT_GIVEN = {"struct_size", "log", "log_data", "id_generator", "id_generator_data", "cors_origin_count", "header_count",
              "trusted_proxy_count"}


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


_NOTHING = Batch(b"", [], 0)


class Handshake(NamedTuple):
    """What a client's first request said."""

    connection: int
    #: Whether a WebSocket carries the connection by now.
    websocket: bool
    #: Milliseconds since 1970.
    issued: int
    #: Address and port, for example ``127.0.0.1:40332``; behind a proxy, the proxy's.
    address: str
    #: Path and query, as they came.
    url: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]


class Times(NamedTuple):
    """How often something took how long."""

    times: int
    #: All together.
    seconds: float
    #: How many took up to 2**N microseconds; the last has no bound.
    buckets: list[int]


def status_text(status: int) -> str:
    """What an error's number means."""
    return str(ffi.string(lib.roomcast_status_text(status)).decode())


def json_escape(text: str) -> bytes:
    """A text as a JSON string, with its quotes."""
    return _converted(lib.roomcast_json_escape, text.encode())


def json_unescape(string: bytes) -> str:
    """The text of a JSON string, given with its quotes."""
    return _converted(lib.roomcast_json_unescape, string).decode()


def _converted(convert: Any, given: bytes) -> bytes:
    room = 6 * len(given) + 2
    out, written = ffi.new("char[]", room), ffi.new("size_t *")
    check(convert(given, len(given), out, room, written))
    return bytes(ffi.buffer(out, written[0]))


def version() -> str:
    """The version of the library."""
    return str(ffi.string(lib.roomcast_version()).decode())


def reason_text(code: int) -> str:
    """A disconnect's reason as Socket.IO spells it."""
    return str(ffi.string(lib.roomcast_reason_text(code)).decode())


def pack(ns: int, name: bytes, args: bytes, rooms: Optional[Sequence[bytes]] = None, except_rooms: Sequence[bytes] = (),
         sockets: Optional[Sequence[int]] = None, except_sockets: Sequence[int] = (), attachments: Sequence[bytes] = (),
         delivery: int = RELIABLE, key: int = 0) -> bytes:
    """Packs one emit, for :meth:`Broker.emit_many`. Texts are UTF-8.

    It reaches the union of ``rooms`` and ``sockets``, or the whole namespace if both are None, without the excepted. Empty
    lists are nobody. A socket's id is a room of its own. ``args`` is the JSON array of the arguments, with
    ``{"_placeholder":true,"num":N}`` where attachment N belongs.
    """
    everybody = rooms is None and sockets is None
    rooms, sockets = rooms or (), sockets or ()
    parts = [name, args]
    size = 48 + len(name) + len(args)
    for part in (*rooms, *except_rooms, *attachments) if attachments else (*rooms, *except_rooms):
        parts += _LENGTH.pack(len(part)), part
        size += 4 + len(part)
    if sockets or except_sockets:
        count = len(sockets) + len(except_sockets)
        parts.insert(0, struct.pack(f"<{count}Q", *sockets, *except_sockets))
        size += 8 * count
    padding = -size % 8
    return b"".join((_EMIT.pack(size + padding, delivery, everybody, len(attachments), ns, key, len(name), len(args), len(rooms),
                                len(sockets), len(except_rooms), len(except_sockets)), *parts, _PADDING[padding]))


#: Those of this process: a fork's child has their memory, but shares their descriptors.
_brokers: weakref.WeakSet[Broker] = weakref.WeakSet()
_remotes: weakref.WeakSet[Remote] = weakref.WeakSet()


def _forked() -> None:
    for broker in _brokers:
        broker.busy = broker.forked = True
    for remote in _remotes:
        remote.forked = True


def _others(process: int) -> RuntimeError:
    """What a call raises in a fork's child."""
    return RuntimeError(f"this belongs to process {process}, which forked this one: whoever serves makes one of its own, after the fork")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class Broker:
    """A Socket.IO server without handlers. It listens nowhere yet.

    ``config`` are the fields of roomcast_config in roomcast.h: numbers, texts, and times in milliseconds;
    ``cors_origins`` and ``trusted_proxies`` are lists of texts, ``headers`` a list of pairs. ``log`` takes a level (1 is an
    error, 2 a warning) and a line; what it raises, the next poll raises.

    It belongs to the process that made it: in a fork's child every call raises RuntimeError.

    A call that comes within another one raises ROOMCAST_ERROR_BUSY and has done nothing: ``log`` must not call the broker, and
    a signal handler sees :attr:`busy` whether it may.
    """

    def __init__(self, *, log: Optional[Callable[[int, str], None]] = None, **config: Any) -> None:
        kept: list[Any] = []
        fields = _config(config, kept)
        #: A call is under way that none other may interrupt.
        self.busy = False
        #: It was made by the process that forked this one, and every call raises RuntimeError.
        self.forked = False
        self._process = os.getpid()
        self._thrown: Optional[BaseException] = None
        self._log = None
        if log is not None:
            self._log = ffi.callback("roomcast_log", self._log_to(log), onerror=self._log_failed)
            fields.log = self._log
        made = ffi.new("roomcast_broker **")
        check(lib.roomcast_new(lib.ROOMCAST_ABI_VERSION, fields, made))
        self._broker: Any = made[0]
        self._address = int(ffi.cast("uintptr_t", self._broker))
        self._names: dict[bytes, str] = {}
        self._slow = False
        # Whoever comes between a call and a look at this leaves there what is no less true.
        self._milliseconds = ctypes.c_int32()
        self._milliseconds_at = ctypes.byref(self._milliseconds)
        _brokers.add(self)

    def taken(self) -> Exception:
        """What a call raises while the broker is :attr:`busy`."""
        if self.forked:
            return _others(self._process)
        return RoomcastError(lib.ROOMCAST_ERROR_BUSY, "ROOMCAST_ERROR_BUSY",
                             "the broker is in the middle of a call: this is a signal handler, or a function it calls itself")

    def _log_to(self, log: Callable[[int, str], None]) -> Callable[[Any, int, Any, int], None]:
        def line(_data: Any, level: int, text: Any, size: int) -> None:
            busy, self.busy = self.busy, True
            try:
                log(level, bytes(ffi.buffer(text, size)).decode("utf-8", "replace"))
            finally:
                self.busy = busy

        return line

    def _log_failed(self, _kind: Any, error: BaseException, _traceback: Any) -> None:
        """It cannot be raised through the library: KeyboardInterrupt, too, may come there."""
        self._thrown = error

    def free(self) -> None:
        """Closes every connection at once and frees the broker. :meth:`close` comes first where clients are to be told."""
        broker, self._broker, self._address = self._broker, ffi.NULL, 0
        if not self.forked:  # the descriptors are the other process's
            lib.roomcast_free(broker)

    def __del__(self) -> None:
        if getattr(self, "_broker", None):
            self.free()

    # ---- the loop ----

    @lending
    def listen(self, host: str, port: int) -> int:
        """Listens on an address. Port 0 takes a free one. Returns the port."""
        if not isinstance(port, int) or not 0 <= port < 65536:
            raise ValueError(f"port={port!r}: it is a number from 0 to 65535")
        bound, name = ffi.new("uint16_t *"), host.encode()
        try:
            check(lib.roomcast_listen(self._broker, name, len(name), port, bound))
        except OSError as error:
            # As Python names a file.
            raise OSError(error.errno, os.strerror(error.errno or 0), f"{host}:{port}") from None
        return int(bound[0])

    @lending
    def fileno(self) -> int:
        """A descriptor that is readable as long as :meth:`poll` has something to do, or events are undrained."""
        number = ffi.new("int32_t *")
        check(lib.roomcast_fd(self._broker, number))
        return int(number[0])

    def next_timeout(self) -> Optional[float]:
        """Seconds after which :meth:`poll` is due although the descriptor is silent; None for as long as it likes.

        Ask when what was drained is handled: as :meth:`poll`, it lets clients go that have ended their side behind what they said.
        """
        if self.busy:
            raise self.taken()
        if status := held.roomcast_next_timeout(self._address, self._milliseconds_at):
            raise failure(status)
        due = self._milliseconds.value
        return None if due < 0 else due / 1000

    def poll(self, timeout: Optional[float] = None) -> None:
        """One turn of the loop: sends, waits at most ``timeout`` seconds (None: as long as it takes), reads.

        A signal ends the wait, so that Ctrl-C arrives. While events are left undrained it does not wait.
        """
        if self.busy:
            raise self.taken()
        if self._thrown is not None:
            thrown, self._thrown = self._thrown, None
            raise thrown
        if timeout is None or timeout > 0:
            wait = -1 if timeout is None else min(int(timeout * 1000) + 1, 2**31 - 1)
            if status := lib.roomcast_poll(self._broker, wait):
                raise failure(status)
            return
        began = time.perf_counter()
        if self._slow:
            status = lib.roomcast_poll(self._broker, 0)
        else:
            status = held.roomcast_poll(self._address, 0)
        self._slow = time.perf_counter() - began > _SHORT
        if status:
            raise failure(status)

    def flush(self) -> None:
        """Sends what was emitted since the last poll or flush, now.

        Past about 8 MiB of one call, connections that have 16 KiB or more to get are put off, and the next polls and flushes serve
        them in their order. Meanwhile :meth:`poll` does not wait, and :meth:`next_timeout` is 0.
        """
        if self.busy:
            raise self.taken()
        began = time.perf_counter()
        if self._slow:
            status = lib.roomcast_flush(self._broker)
        else:
            status = held.roomcast_flush(self._address)
        self._slow = time.perf_counter() - began > _SHORT
        if status:
            raise failure(status)

    def events(self, most: int = 2**32) -> list[Event]:
        """Drains up to so many events of the last poll, in the order in which they happened."""
        batch = self.drain(most)
        names, data, parts_at = batch.names, batch.data, batch.parts
        return [(kind, socket, ns, ack, code, names[name], data[start:end], parts_at(parts) if parts else _NO_PARTS, flags,
                 tag, context) for kind, flags, code, socket, ns, ack, name, start, end, parts, tag, context in batch]

    def drain(self, most: int = 2**32) -> Batch:
        """As :meth:`events`, but leaves them where they lie: for those who need speed, or little of each event."""
        if self.busy:
            raise self.taken()
        packed, count = ctypes.c_void_p(), ctypes.c_size_t()
        self.busy = True
        try:
            if status := held.roomcast_events_packed(self._address, most, ctypes.byref(packed), ctypes.byref(count)):
                raise failure(status)
            data = ctypes.string_at(packed.value or 0, count.value)
        finally:
            self.busy = False
        if not data:
            return _NOTHING
        events, _, at, _ = _HEAD.unpack_from(data)
        known, names = self._names, []
        for start, end in _PLACE.iter_unpack(data[at:]):
            name = data[start:end]
            names.append(known[name] if name in known else self._name(name))
        return Batch(data, names, events)

    def _name(self, raw: bytes) -> str:
        # Clients choose the names: what is remembered is bounded.
        if len(self._names) >= 1024:
            self._names.clear()
        name = self._names[raw] = raw.decode()
        return name

    @lending
    def close(self, grace: float = 1.0) -> None:
        """Tells the clients, sends what is queued for at most ``grace`` seconds, stops listening. Drain before and after."""
        check(lib.roomcast_close(self._broker, int(grace * 1000)))

    # ---- emitting ----

    def emit(self, ns: int, name: str, args: Union[str, bytes] = b"[]", *, rooms: Optional[Sequence[str]] = None,
             except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None, except_sockets: Sequence[int] = (),
             attachments: Sequence[bytes] = (), delivery: int = RELIABLE, key: int = 0) -> None:
        """Emits an event; the arguments are those of :func:`pack`. It leaves with the next poll or flush."""
        text = args.encode() if isinstance(args, str) else args
        names = None if rooms is None else [room.encode() for room in rooms]
        record = pack(ns, name.encode(), text, names, [room.encode() for room in except_rooms],
                      sockets, except_sockets, attachments, delivery, key)
        if self.busy:
            raise self.taken()
        if status := held.roomcast_emit_packed(self._address, record, len(record), None):
            raise failure(status)

    def emit_many(self, records: Iterable[bytes]) -> None:
        """Emits a batch made by :func:`pack`, in its order. At the first that cannot be emitted it stops and raises."""
        if self.busy:
            raise self.taken()
        batch = b"".join(records)
        if status := held.roomcast_emit_packed(self._address, batch, len(batch), None):
            raise failure(status)

    def emit_each(self, records: Sequence[bytes], failed: Callable[[Exception], None]) -> None:
        """As :meth:`emit_many`, but goes on behind one that cannot be emitted, and tells ``failed`` of it."""
        if self.busy:
            raise self.taken()
        batch, done = b"".join(records), ctypes.c_size_t()
        while status := held.roomcast_emit_packed(self._address, batch, len(batch), ctypes.byref(done)):
            if status == lib.ROOMCAST_ERROR_BUSY:
                raise failure(status)
            failed(failure(status))
            records = records[done.value + 1:]
            batch, done.value = b"".join(records), 0

    def orders(self, orders: Iterable[bytes]) -> None:
        """Carries out a batch made by :func:`order`, in its order. At the first that fails it stops and raises."""
        if self.busy:
            raise self.taken()
        batch = b"".join(orders)
        check(lib.roomcast_orders_packed(self._broker, batch, len(batch), ffi.NULL))

    @lending
    def emit_with_ack(self, ns: int, name: bytes, args: bytes, *, rooms: Optional[Sequence[bytes]] = None,
                      except_rooms: Sequence[bytes] = (), attachments: Sequence[bytes] = (),
                      timeout: Optional[float] = None, context: int = 0) -> int:
        """Emits and asks everyone who gets it for an acknowledgement; 0 if that is nobody, else what the answers carry.

        It reaches the ``rooms``, or the whole namespace if they are None. Without a ``timeout`` (seconds) it waits until the
        sockets disconnect. ``context`` is a number of the host's own, from 0 to 2**64 - 1, which each answer and the end of the
        question carry, too.
        """
        kept: list[Any] = []
        ack = ffi.new("roomcast_ack_id *")
        target = _target(ns, rooms, except_rooms, None, (), kept)
        message = _message(name, args, attachments, kept)
        wait = -1 if timeout is None else int(min(max(timeout, 0.0), _LONGEST) * 1000)
        check(lib.roomcast_emit_with_ack(self._broker, target, message, wait, context, ack, ffi.NULL))
        return int(ack[0])

    def ack(self, socket: int, ack: int, args: bytes = b"[]", attachments: Sequence[bytes] = ()) -> None:
        """Acknowledges an event; ``args`` is the JSON array of the answer."""
        if self.busy:
            raise self.taken()
        if attachments:
            kept: list[Any] = []
            slices = lend_all(attachments, kept)
            check(lib.roomcast_ack(self._broker, socket, ack, args, len(args), slices, len(attachments)))
        elif status := held.roomcast_ack(self._address, socket, ack, args, len(args), None, 0):
            raise failure(status)

    @lending
    def drain_clients(self, per_second: int, reason: str = "") -> None:
        """Sends the clients away, so many in a second, as before a deploy; a DRAINED event follows when the last is gone."""
        text = reason.encode()
        check(lib.roomcast_drain(self._broker, per_second, text, len(text)))

    @lending
    def stop_draining(self) -> None:
        """Ends :meth:`drain_clients`; who is still there stays."""
        check(lib.roomcast_stop_draining(self._broker))

    # ---- connections ----

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

    # ---- sockets and rooms ----

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
    def namespaces(self) -> list[int]:
        """All namespaces."""
        found, count = ffi.new("roomcast_namespace **"), ffi.new("size_t *")
        check(lib.roomcast_namespaces(self._broker, found, count))
        return [int(found[0][at]) for at in range(count[0])]

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
    def change_rooms(self, socket: int, leave: Sequence[str], join: Sequence[str]) -> None:
        """Leaves and joins many rooms at once. A room in both lists is kept."""
        kept: list[Any] = []
        check(lib.roomcast_change_rooms(self._broker, socket, lend_all(leave, kept), len(leave), lend_all(join, kept), len(join),
                                        ffi.NULL))

    @lending
    def sockets_join(self, ns: int, into: Sequence[str], *, rooms: Optional[Sequence[str]] = None,
                     except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                     except_sockets: Sequence[int] = ()) -> None:
        """Puts everybody into the rooms ``into`` whom an emit with the same ``rooms``, ``sockets`` and exceptions would reach."""
        kept: list[Any] = []
        target = _target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_sockets_join(self._broker, target, lend_all(into, kept), len(into), ffi.NULL))

    @lending
    def sockets_leave(self, ns: int, out_of: Sequence[str], *, rooms: Optional[Sequence[str]] = None,
                      except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                      except_sockets: Sequence[int] = ()) -> None:
        """Takes everybody out of the rooms ``out_of`` whom an emit with the same target would reach."""
        kept: list[Any] = []
        target = _target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_sockets_leave(self._broker, target, lend_all(out_of, kept), len(out_of), ffi.NULL))

    @lending
    def disconnect_sockets(self, ns: int, *, close: bool = False, rooms: Optional[Sequence[str]] = None,
                           except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                           except_sockets: Sequence[int] = ()) -> None:
        """Disconnects everybody whom an emit with the same target would reach, with ``close`` their whole connections."""
        kept: list[Any] = []
        target = _target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_disconnect_sockets(self._broker, target, int(close), ffi.NULL))

    @lending
    def fetch_sockets(self, ns: int, *, rooms: Optional[Sequence[str]] = None, except_rooms: Sequence[str] = (),
                      sockets: Optional[Sequence[int]] = None, except_sockets: Sequence[int] = ()) -> list[int]:
        """Everybody whom an emit with the same target would reach."""
        kept: list[Any] = []
        target = _target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        found, count = ffi.new("uint64_t **"), ffi.new("size_t *")
        check(lib.roomcast_fetch_sockets(self._broker, target, found, count))
        return list(ffi.unpack(found[0], count[0])) if count[0] else []

    @lending
    def accept(self, socket: int) -> None:
        """Lets a socket in that a CONNECT_REQUEST asked for."""
        check(lib.roomcast_accept(self._broker, socket))

    @lending
    def reject(self, socket: int, message: str, data: Union[str, bytes] = b"") -> None:
        """Turns a socket away that a CONNECT_REQUEST asked for. ``data`` is a JSON value, or nothing."""
        text, value = message.encode(), data.encode() if isinstance(data, str) else data
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
    def find_socket(self, sid: str) -> int:
        """The connected socket with an id."""
        text, found = sid.encode(), ffi.new("uint64_t *")
        check(lib.roomcast_find_socket(self._broker, text, len(text), found))
        return int(found[0])

    @lending
    def handshake(self, who: int) -> Handshake:
        """What the first request of a socket's, or a connection's, client said."""
        found = ffi.new("roomcast_handshake *", {"struct_size": ffi.sizeof("roomcast_handshake")})
        check(lib.roomcast_get_handshake(self._broker, who, found))
        query = [(as_text(found.query[at].name), as_text(found.query[at].value)) for at in range(found.query_count)]
        headers = [(as_text(found.headers[at].name), as_bytes(found.headers[at].value).decode("latin-1"))
                   for at in range(found.header_count)]
        return Handshake(found.connection, bool(found.websocket), found.issued, as_text(found.address), as_text(found.url),
                         query, headers)

    @lending
    def is_websocket(self, socket: int) -> bool:
        """Whether a WebSocket carries the socket's connection by now."""
        connection, answer = ffi.new("roomcast_connection *"), ffi.new("uint32_t *")
        check(lib.roomcast_connection_of(self._broker, socket, connection))
        check(lib.roomcast_is_websocket(self._broker, connection[0], answer))
        return bool(answer[0])

    # ---- namespaces, pages, counters ----

    @lending
    def add_namespace(self, name: str, guarded: bool = False) -> int:
        """Makes a namespace, or finds it. A guarded one asks with CONNECT_REQUEST before it lets anybody in."""
        text, found = name.encode(), ffi.new("roomcast_namespace *")
        check(lib.roomcast_add_namespace(self._broker, text, len(text), int(guarded), found))
        return int(found[0])

    @lending
    def add_pattern(self, glob: str, guarded: bool = False, remove_when_empty: bool = True) -> None:
        """Lets clients bring namespaces to life whose names fit; each ``*`` stands for any characters."""
        text = glob.encode()
        check(lib.roomcast_add_pattern(self._broker, text, len(text), int(guarded), int(remove_when_empty)))

    @lending
    def find_namespace(self, name: str) -> Optional[int]:
        """The namespace of this name, if there is one."""
        text, found = name.encode(), ffi.new("roomcast_namespace *")
        status = lib.roomcast_find_namespace(self._broker, text, len(text), found)
        if status == lib.ROOMCAST_ERROR_NOT_FOUND:
            return None
        check(status)
        return int(found[0])

    @lending
    def namespace_name(self, ns: int) -> str:
        """A namespace's name, with its slash."""
        found = ffi.new("roomcast_slice *")
        check(lib.roomcast_namespace_name(self._broker, ns, found))
        return as_text(found)

    @lending
    def serve(self, path: str, content_type: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answers GET requests for exactly this path with a response held in memory."""
        kept: list[Any] = []
        at, kind = path.encode(), content_type.encode()
        check(lib.roomcast_serve(self._broker, at, len(at), kind, len(kind), body, len(body), _pairs(headers, kept),
                                 len(headers)))

    @lending
    def stats(self) -> dict[str, int]:
        """What the broker counts: what there is now, then totals since it was made."""
        found, count = ffi.new("roomcast_stat **"), ffi.new("size_t *")
        check(lib.roomcast_stats(self._broker, found, count))
        return {ffi.string(found[0][at].name).decode(): found[0][at].value for at in range(count[0])}

    @lending
    def metrics(self) -> str:
        """All figures as Prometheus' text."""
        found = ffi.new("roomcast_slice *")
        check(lib.roomcast_metrics(self._broker, found))
        return as_text(found)

    @lending
    def times(self, what: int) -> Times:
        """How long the turns (``TIMES_STEPS``) or the flushes (``TIMES_FLUSHES``) took."""
        found = ffi.new("roomcast_histogram *", {"struct_size": ffi.sizeof("roomcast_histogram")})
        check(lib.roomcast_times(self._broker, what, found))
        return Times(found.count, found.sum / 1e9, [int(found.buckets[at]) for at in range(found.bucket_count)])

    @lending
    def remote(self) -> Remote:
        """What other threads hold to reach this broker."""
        made = ffi.new("roomcast_remote **")
        check(lib.roomcast_remote_new(self._broker, made))
        return Remote(made[0])


class Remote:
    """Reaches a broker from any thread. A call is queued, and carried out in the broker's next poll.

    It belongs to the process of its broker: in a fork's child every call raises RuntimeError.
    """

    def __init__(self, remote: Any) -> None:
        #: Its broker was made by the process that forked this one, and every call raises RuntimeError.
        self.forked = False
        self._process = os.getpid()
        self._held = ffi.gc(remote, lib.roomcast_remote_free)
        self._address = int(ffi.cast("uintptr_t", remote))
        _remotes.add(self)

    @property
    def _remote(self) -> Any:
        if self.forked:
            raise _others(self._process)
        return self._held

    def emit(self, ns: int, name: str, args: Union[str, bytes] = b"[]", room: Optional[str] = None,
             except_socket: int = 0) -> None:
        """Emits to a room, or to the whole namespace if it is None, but not to ``except_socket``."""
        event, text = name.encode(), args.encode() if isinstance(args, str) else args
        if room is None:
            check(lib.roomcast_remote_emit_all(self._remote, ns, except_socket, event, len(event), text, len(text)))
        else:
            to = room.encode()
            check(lib.roomcast_remote_emit(self._remote, ns, to, len(to), except_socket, event, len(event), text, len(text)))

    def emit_to(self, ns: int, name: str, args: Union[str, bytes] = b"[]", *, rooms: Optional[Sequence[str]] = None,
                except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None, except_sockets: Sequence[int] = (),
                attachments: Sequence[bytes] = ()) -> None:
        """Emits to the union of rooms and sockets, or to the whole namespace if both are None."""
        kept: list[Any] = []
        target = _target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        message = _message(name.encode(), args.encode() if isinstance(args, str) else args, attachments, kept)
        check(lib.roomcast_remote_emit_to(self._remote, target, message))

    def send(self, ns: int, socket: int, name: str, args: Union[str, bytes] = b"[]") -> None:
        """Emits to one socket of a namespace."""
        event, text = name.encode(), args.encode() if isinstance(args, str) else args
        check(lib.roomcast_remote_send(self._remote, ns, socket, event, len(event), text, len(text)))

    def ack(self, socket: int, ack: int, args: Union[str, bytes] = b"[]", attachments: Sequence[bytes] = ()) -> None:
        """Answers a message that asked for it, by the socket and the number of its event."""
        kept: list[Any] = []
        text = args.encode() if isinstance(args, str) else args
        check(lib.roomcast_remote_ack(self._remote, socket, ack, text, len(text), lend_all(attachments, kept), len(attachments)))

    def accept(self, socket: int) -> None:
        """Lets a socket in that a CONNECT_REQUEST asked for. What is ordered next finds it connected."""
        check(lib.roomcast_remote_accept(self._remote, socket))

    def reject(self, socket: int, message: str, data: Union[str, bytes] = b"") -> None:
        """Turns away a socket that asked; its client gets the message, and ``data``, a JSON value, if there is any."""
        why, text = message.encode(), data.encode() if isinstance(data, str) else data
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
        target = _target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_remote_sockets_join(self._remote, target, lend_all(into, kept), len(into)))

    def sockets_leave(self, ns: int, out_of: Sequence[str], *, rooms: Optional[Sequence[str]] = None,
                      except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                      except_sockets: Sequence[int] = ()) -> None:
        """Takes everybody out of the rooms ``out_of`` whom an emit with the same target would reach."""
        kept: list[Any] = []
        target = _target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        check(lib.roomcast_remote_sockets_leave(self._remote, target, lend_all(out_of, kept), len(out_of)))

    def disconnect_sockets(self, ns: int, *, close: bool = False, rooms: Optional[Sequence[str]] = None,
                           except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None,
                           except_sockets: Sequence[int] = ()) -> None:
        """Disconnects everybody whom an emit with the same target would reach, with ``close`` their whole connections."""
        kept: list[Any] = []
        target = _target(ns, rooms, except_rooms, sockets, except_sockets, kept)
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

    def wake(self) -> None:
        """Ends the broker's wait in poll, or makes its descriptor readable."""
        if self.forked:
            raise _others(self._process)
        check(held.roomcast_remote_wake(self._address))


def _target(ns: int, rooms: Optional[Sequence[Union[str, bytes]]], except_rooms: Sequence[Union[str, bytes]],
            sockets: Optional[Sequence[int]], except_sockets: Sequence[int], kept: list[Any]) -> Any:
    """Whom an emit reaches: everybody in the namespace, if neither ``rooms`` nor ``sockets`` are given."""
    target = ffi.new("roomcast_target *", {"struct_size": ffi.sizeof("roomcast_target"), "ns": ns})
    if rooms is None and sockets is None:
        target.flags = lib.ROOMCAST_TARGET_ALL
    rooms, sockets = rooms or (), sockets or ()
    target.rooms, target.room_count = lend_all(rooms, kept), len(rooms)
    target.except_rooms, target.except_room_count = lend_all(except_rooms, kept), len(except_rooms)
    numbers, others = ffi.new("roomcast_socket[]", list(sockets)), ffi.new("roomcast_socket[]", list(except_sockets))
    target.sockets, target.socket_count = numbers, len(sockets)
    target.except_sockets, target.except_socket_count = others, len(except_sockets)
    kept += numbers, others
    return target


def _message(name: bytes, args: bytes, attachments: Sequence[bytes], kept: list[Any]) -> Any:
    message = ffi.new("roomcast_message *", {"struct_size": ffi.sizeof("roomcast_message")})
    held_name, held_args = ffi.from_buffer("char[]", name), ffi.from_buffer("char[]", args)
    message.name, message.name_len = held_name, len(name)
    message.args, message.args_len = held_args, len(args)
    message.attachments, message.attachment_count = lend_all(attachments, kept), len(attachments)
    kept += held_name, held_args
    return message


def _pairs(values: Sequence[tuple[str, str]], kept: list[Any]) -> Any:
    if not values:
        return ffi.NULL
    made = ffi.new("roomcast_pair[]", [{"name": lend(name, kept), "value": lend(value, kept)} for name, value in values])
    kept.append(made)
    return made


def _config(values: dict[str, Any], kept: list[Any]) -> Any:
    config = ffi.new("roomcast_config *")
    check(lib.roomcast_config_init(config, ffi.sizeof("roomcast_config")))
    kept.append(config)
    known = {name for name, _ in ffi.typeof("roomcast_config").fields} - _NOT_GIVEN
    for name, value in values.items():
        if name not in known:
            raise TypeError(f"{name!r} is not a field of roomcast_config")
        try:
            _set(config, name, value, kept)
        except TypeError as error:
            raise TypeError(f"{name}={value!r}: {error}") from None
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{name}={value!r}: {error}") from None
    return config


def _set(config: Any, name: str, value: Any, kept: list[Any]) -> None:
    if name in ("cors_origins", "headers", "trusted_proxies"):
        if not isinstance(value, (list, tuple)):
            raise TypeError("a list is required")
        if name == "headers":
            config.headers, config.header_count = _pairs(value, kept), len(value)
        elif name == "trusted_proxies":
            config.trusted_proxies, config.trusted_proxy_count = lend_all(value, kept), len(value)
        else:
            config.cors_origins, config.cors_origin_count = lend_all(value, kept), len(value)
    elif isinstance(value, (str, bytes)):
        setattr(config, name, lend(value, kept))
    else:
        setattr(config, name, int(value))
