"""The broker: its life, its loop, its events, and the emits that have a way of their own. It must not run a handler or a thread."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Optional

from .._ffi import ffi
from .._lent import as_bytes, as_text, lend_all, lending
from .._native import RoomcastError, check, failure, held, lib
from .answers import Handshake, Times
from .config import configuration
from .events import NO_PARTS, NOTHING, Batch, Event, Names
from .given import RELIABLE, Text, as_utf8, lend_message, lend_pairs, lend_target
from .listening import Listening
from .operations import BrokerOperations
from .orders import pack
from .process import Owned
from .remote import Remote

#: A short turn of the loop keeps the GIL; one that took longer than this many seconds lets go of it the next time.
_SHORT = 0.001
#: Seconds; a longer time is taken for this one.
_LONGEST = 1e9


def _flags(guarded: bool, recovery: bool, ask_again: bool) -> int:
    """What a namespace is, as C takes it."""
    return int(guarded * lib.ROOMCAST_NAMESPACE_GUARDED | recovery * lib.ROOMCAST_NAMESPACE_RECOVERY
               | ask_again * lib.ROOMCAST_NAMESPACE_ASK_AGAIN)


class Broker(BrokerOperations, Listening, Owned):
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
        fields = configuration(config, kept)
        #: A call is under way that none other may interrupt.
        self.busy = False
        Owned.__init__(self)
        self._thrown: Optional[BaseException] = None
        self._log = None
        if log is not None:
            self._log = ffi.callback("roomcast_log", self._log_to(log), onerror=self._log_failed)
            fields.log = self._log
        made = ffi.new("roomcast_broker **")
        check(lib.roomcast_new(lib.ROOMCAST_ABI_VERSION, fields, made))
        self._broker: Any = made[0]
        self._address = int(ffi.cast("uintptr_t", self._broker))
        self._names = Names()
        self._slow = False
        # Whoever comes between a call and a look at this leaves there what is no less true.
        self._milliseconds = ctypes.c_int32()
        self._milliseconds_at = ctypes.byref(self._milliseconds)

    def taken(self) -> Exception:
        """What a call raises while the broker is :attr:`busy`."""
        if self.forked:
            return self._others()
        return RoomcastError(lib.ROOMCAST_ERROR_BUSY, "ROOMCAST_ERROR_BUSY",
                             "the broker is in the middle of a call: this is a signal handler, or a function it calls itself")

    def _left(self) -> None:
        self.busy = self.forked = True

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
        return [(kind, socket, ns, ack, code, names[name], data[start:end], parts_at(parts) if parts else NO_PARTS, flags,
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
        return self._names.batch(data) if data else NOTHING

    @lending
    def close(self, grace: float = 1.0) -> None:
        """Tells the clients, sends what is queued for at most ``grace`` seconds, stops listening. Drain before and after."""
        check(lib.roomcast_close(self._broker, int(grace * 1000)))

    # ---- emitting ----

    def emit(self, ns: int, name: str, args: Text = b"[]", *, rooms: Optional[Sequence[str]] = None,
             except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None, except_sockets: Sequence[int] = (),
             attachments: Sequence[bytes] = (), delivery: int = RELIABLE, key: int = 0, flags: int = 0) -> None:
        """Emits an event; the arguments are those of :func:`pack`. It leaves with the next poll or flush."""
        names = None if rooms is None else [room.encode() for room in rooms]
        record = pack(ns, name.encode(), as_utf8(args), names, [room.encode() for room in except_rooms],
                      sockets, except_sockets, attachments, delivery, key, flags)
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
    def emit_with_ack(self, ns: int, name: Text, args: Text = b"[]", *, rooms: Optional[Sequence[Text]] = None,
                      except_rooms: Sequence[Text] = (), sockets: Optional[Sequence[int]] = None, except_sockets: Sequence[int] = (),
                      attachments: Sequence[bytes] = (), delivery: int = RELIABLE, key: int = 0, flags: int = 0,
                      timeout: Optional[float] = None, context: int = 0) -> int:
        """Emits and asks everyone who gets it for an acknowledgement; 0 if that is nobody, else what the answers carry.

        Whom it reaches is as with :meth:`emit`. Without a ``timeout`` (seconds) it waits until the sockets disconnect. ``context`` is a
        number of the host's own, from 0 to 2**64 - 1, which each answer and the end of the question carry, too.
        """
        kept: list[Any] = []
        ack = ffi.new("roomcast_ack_id *")
        target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)
        message = lend_message(name, args, attachments, delivery, key, flags, kept)
        wait = -1 if timeout is None else int(min(max(timeout, 0.0), _LONGEST) * 1000)
        check(lib.roomcast_emit_with_ack(self._broker, target, message, wait, context, ack, ffi.NULL))
        return int(ack[0])

    def ack(self, socket: int, ack: int, args: Text = b"[]", attachments: Sequence[bytes] = ()) -> None:
        """Acknowledges an event; ``args`` is the JSON array of the answer."""
        if self.busy:
            raise self.taken()
        text = as_utf8(args)
        if attachments:
            kept: list[Any] = []
            slices = lend_all(attachments, kept)
            check(lib.roomcast_ack(self._broker, socket, ack, text, len(text), slices, len(attachments)))
        elif status := held.roomcast_ack(self._address, socket, ack, text, len(text), None, 0):
            raise failure(status)

    # ---- namespaces, pages, figures ----

    @lending
    def add_namespace(self, name: str, guarded: bool = False, recovery: bool = False, ask_again: bool = False) -> int:
        """Makes a namespace, or finds it. A guarded one asks with CONNECT_REQUEST before it lets anybody in. One with recovery
        tells clients that come back what they have missed: their disconnect has the flag RECOVERABLE, and then comes a connect with
        RECOVERED, or SESSION_EXPIRED. With ``ask_again``, a CONNECT_REQUEST with RECOVERED comes before that connect, with a handle of
        its own and the id and the tag of the session."""
        text, found = name.encode(), ffi.new("roomcast_namespace *")
        check(lib.roomcast_add_namespace(self._broker, text, len(text), _flags(guarded, recovery, ask_again), found))
        return int(found[0])

    @lending
    def add_pattern(self, glob: str, guarded: bool = False, remove_when_empty: bool = True, recovery: bool = False,
                    ask_again: bool = False) -> None:
        """Lets clients bring namespaces to life whose names fit; each ``*`` stands for any characters."""
        text, flags = glob.encode(), _flags(guarded, recovery, ask_again)
        check(lib.roomcast_add_pattern(self._broker, text, len(text), flags, int(remove_when_empty)))

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
    def namespaces(self) -> list[int]:
        """All namespaces."""
        found, count = ffi.new("roomcast_namespace **"), ffi.new("size_t *")
        check(lib.roomcast_namespaces(self._broker, found, count))
        return [int(found[0][at]) for at in range(count[0])]

    @lending
    def handshake(self, who: int) -> Handshake:
        """What the first request of a socket's, or a connection's, client said."""
        found = ffi.new("roomcast_handshake *", {"struct_size": ffi.sizeof("roomcast_handshake")})
        check(lib.roomcast_get_handshake(self._broker, who, found))
        query = [(as_text(found.query[at].name), as_text(found.query[at].value)) for at in range(found.query_count)]
        headers = [(as_text(found.headers[at].name), as_bytes(found.headers[at].value).decode("latin-1"))
                   for at in range(found.header_count)]
        return Handshake(found.connection, bool(found.websocket), found.issued, as_text(found.address), as_text(found.url),
                         query, headers, as_text(found.tls_version), as_bytes(found.certificate), found.protocol)

    @lending
    def has_connection(self, connection: int) -> bool:
        """Whether a connection lives: also one that a HANDSHAKE asked about, until it is refused, its time is up, or its client is gone."""
        status = lib.roomcast_is_websocket(self._broker, connection, ffi.new("uint32_t *"))
        if status != lib.ROOMCAST_ERROR_GONE:
            check(status)
        return bool(status == 0)

    @lending
    def is_websocket(self, socket: int) -> bool:
        """Whether a WebSocket carries the socket's connection by now."""
        connection, answer = ffi.new("roomcast_connection *"), ffi.new("uint32_t *")
        check(lib.roomcast_connection_of(self._broker, socket, connection))
        check(lib.roomcast_is_websocket(self._broker, connection[0], answer))
        return bool(answer[0])

    @lending
    def serve(self, path: str, content_type: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answers GET and HEAD requests for exactly this path with a response held in memory: also under the Socket.IO path, such as the
        client's bundle at ``/socket.io/socket.io.js``. It has an ``ETag``, unless the headers have one; who has what it tags gets a 304.
        """
        kept: list[Any] = []
        at, kind = path.encode(), content_type.encode()
        check(lib.roomcast_serve(self._broker, at, len(at), kind, len(kind), body, len(body), lend_pairs(headers, kept),
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
