"""The server for programs with threads: one loop, and handlers on threads of their own. It must not call a handler under its lock."""

from __future__ import annotations

import logging
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Optional, Union

from . import raw
from ._arguments import functions, pace, whole
from ._base import ENDING, BaseServer
from ._callables import Handler, fitting, is_coroutine_function
from ._clients import Client
from ._codec import as_answer
from ._listeners import LAST_COMERS, only_given
from ._names import Rooms
from ._options import Manager
from ._outbox import Answers, emit_flags
from ._signals import on_sigterm
from ._workers import Workers
from .exceptions import TimeoutError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import Options

#: Events taken in one turn of the loop.
_BATCH = 512


class Server(BaseServer):
    """A Socket.IO server whose handlers are functions on threads of their own.

    It takes the options of python-socketio's ``socketio.Server``; the README's table says what each does here. Any thread
    may call any method at any time. ``async_handlers=False`` runs the handlers one after another on the loop's thread.

    What a handler raises is logged and costs that event only. ``sys.exit()`` in a handler ends :meth:`run`, which says
    goodbye to the clients and raises it; KeyboardInterrupt there is as Ctrl-C.

    A signal handler and a ``logging.Handler`` may call :meth:`emit` and :meth:`shutdown` whenever they run. A signal handler
    may interrupt another call, and then the other methods raise RoomcastError (``ROOMCAST_ERROR_BUSY``) and have done nothing:
    leave them to :meth:`start_background_task`.

    :param max_workers: threads for handlers, at most; what finds none free waits. One client has a quarter of them at most, so
        that one who floods a slow handler holds up nobody else; several can. What may wait for long has a timeout of its own.
    :param socketio_path: where clients connect, ``"socket.io"`` unless they are told otherwise.
    :param config: further fields of ``roomcast_config`` (roomcast.h), for example ``{"max_backlog": 16_000_000}``.
    """

    def __init__(self, client_manager: Manager = None, logger: Union[bool, logging.Logger] = False,
                 serializer: str = "default", json: Any = None, async_handlers: bool = True,
                 always_connect: bool = False, namespaces: Union[str, list[str], None] = None, *, max_workers: int = 256,
                 socketio_path: str = "socket.io", config: Optional[Mapping[str, Any]] = None,
                 engineio_logger: Union[bool, logging.Logger, None] = None, **options: Unpack[Options]) -> None:
        whole("max_workers", max_workers, 1)
        self._lock = threading.RLock()
        self._workers = Workers(max_workers, self._job_failed)
        self._stopping = False
        self._running = False
        self._loop_thread = 0
        #: What a handler raised to end the program.
        self._ending: Optional[BaseException] = None
        #: Set when this run has no client left that it was to send away, or has ended.
        self._drained = threading.Event()
        #: Events that were taken and not handled yet: an exception such as KeyboardInterrupt may come between.
        self._events: Iterable[raw.Event] = ()
        #: The loop is awake, or has been woken, and will see the queue.
        self._woken = False
        super().__init__(client_manager, logger, serializer, json, async_handlers, always_connect, namespaces,
                         socketio_path=socketio_path, config=config, engineio_logger=engineio_logger, **options)

    def _can_run(self, handler: Handler) -> None:
        if is_coroutine_function(handler):
            raise TypeError(f"{getattr(handler, '__qualname__', handler)} is a coroutine function, which Server cannot run: leave out "
                            "async and await, or use AsyncServer")

    # ---- the loop ----

    def listen(self, host: str = "127.0.0.1", port: int = 5000, *, uds: Optional[str] = None, fd: Optional[int] = None,
               certfile: Optional[str] = None, keyfile: Optional[str] = None, proxy_protocol: bool = False) -> int:
        """Listens on an address, before :meth:`run` or while it runs. Port 0 takes a free one. Returns the port.

        :param uds: the path of a Unix socket to listen on instead.
        :param fd: a descriptor that listens already, to go on with instead; it is the server's then.
        :param certfile: the path of a certificate as PEM, with those that lead to its authority: listens over TLS, for ``https://`` and
            ``wss://``. :meth:`reload_certificates` reads it again.
        :param keyfile: the path of its key, without a password; left out if ``certfile`` has it too.
        :param proxy_protocol: each connection begins with the header of the PROXY protocol, by which a proxy (HAProxy, nginx's
            ``proxy_protocol on``, a cloud's network balancer) says whose it is. Nobody but the proxy may reach the server then.
        """
        bound = self._listeners.listen(host, port, uds, fd, certfile, keyfile, proxy_protocol)
        self._log.tell()
        return bound

    def run(self, host: Optional[str] = None, port: Optional[int] = None, *, uds: Optional[str] = None,
            fd: Optional[int] = None, certfile: Optional[str] = None, keyfile: Optional[str] = None,
            proxy_protocol: bool = False, app: None = None) -> None:
        """Serves until :meth:`shutdown` or Ctrl-C, or SIGTERM, unless the program deals with that itself; then says goodbye to the clients,
        and returns.

        With an address, the path of a Unix socket (``uds``) or a descriptor that listens (``fd``) it listens there first, and says so
        on standard error; without one :meth:`listen` comes before. With ``certfile``, and ``keyfile`` if the key is in another file, it is
        over TLS. RuntimeError if it runs already, and then it listens nowhere else. An ``app`` is for :class:`AsyncServer`, or for
        :class:`WSGIApp`, which has this server in it.
        """
        if app is not None:
            raise TypeError("app: a Server has no application beside it: WSGIApp(server, app) goes to a WSGI server, and an AsyncServer "
                            "takes an ASGI application here")
        if self._broker.forked:
            raise self._broker.taken()
        with self._lock:
            if self._running:
                raise RuntimeError("the server runs already")
            self._running, self._loop_thread = True, threading.get_ident()
        began = False
        try:
            with on_sigterm(self.shutdown):
                self._listen_as_told(host, port, uds, fd, only_given(certfile=certfile, keyfile=keyfile, proxy_protocol=proxy_protocol))
                began = True
                with self._lock:
                    descriptor = self._broker.fileno()
                with _waiter(descriptor) as wait:
                    while not self._stopping:
                        self._turn(wait)
        except KeyboardInterrupt:
            began = True  # It may listen already.
        finally:
            try:
                if began:
                    self._close()
            finally:
                self._running, self._stopping, self._loop_thread = False, False, 0
                ending, self._ending = self._ending, None
                self._drained.set()
                self._drained = threading.Event()
        if isinstance(ending, SystemExit):
            raise ending

    def _listen_as_told(self, host: Optional[str], port: Optional[int], uds: Optional[str], fd: Optional[int],
                        more: dict[str, Any]) -> None:
        if uds is not None or fd is not None or host is not None or port is not None or "certfile" in more:
            self._listeners.listen_aloud(self.listen, host or "127.0.0.1", 5000 if port is None else port, uds, fd, more)

    def _turn(self, wait: Callable[[Optional[float]], None]) -> None:
        """One turn of the broker: sleep, send what was emitted, read, dispatch."""
        self._woken = False
        with self._lock:
            timeout = 0.0 if self._outbox.queue or self._stopping else self._broker.next_timeout()
        if timeout != 0:
            wait(timeout)
        self._woken = True
        with self._lock:
            self._outbox.commit()
            self._broker.poll(0)
            self._events = iter(self._broker.events(_BATCH))
        self._dispatch()
        if self._log.lines:
            self._log.tell()

    def _dispatch(self) -> None:
        for event in self._events:
            self._happened(event)

    def shutdown(self) -> None:
        """Ends :meth:`run` from any thread: clients are told, what is queued goes out, nobody is let in any more."""
        self._stopping = True
        if self._running:
            self._remote.wake()
        else:
            self._close()
            self._stopping = False

    def drain(self, per_second: int = 1000, reason: str = "restart", timeout: float = 60) -> None:
        """Ends :meth:`run` for another process that listens on the same socket: nobody is refused, and nobody disconnected for good.

        Nobody is accepted any more: who waits in a socket that another process has, too, waits for that one. Who was accepted has a second
        to ask, and is answered as ever. Then all are sent away, and :meth:`run` returns when nobody is left. Their clients connect
        anew by themselves, which they would not do after a :meth:`shutdown`. It returns at once; a signal handler may call it.

        :param per_second: how many are sent away each second.
        :param reason: what the close frames say, 123 bytes at most.
        :param timeout: seconds after which it ends even if somebody is left.
        """
        pace(per_second, reason, timeout)
        self.start_background_task(self._drain, per_second, reason, timeout)

    def _drain(self, per_second: int, reason: str, timeout: float) -> None:
        over = self._drained
        self._listeners.leave()
        over.wait(LAST_COMERS)
        with self._lock:
            if over is self._drained and self._running:
                self._broker.drain_clients(per_second, reason)
        self._wake()
        over.wait(timeout)
        if over is self._drained:
            self.shutdown()

    def _close(self) -> None:
        self._dispatch()
        with self._lock:
            self._outbox.commit()
            self._broker.close(1.0)
            self._listeners.closed()
            self._events = iter(self._broker.events())
        self._dispatch()
        self._log.tell()
        self._workers.stop(1.0)

    def _end_with(self, error: BaseException) -> None:
        self._ending = self._ending or error
        self._stopping = True
        self._remote.wake()

    def _job_failed(self, error: BaseException) -> None:
        self._raised("a thread for handlers failed", error=error)

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            self._remote.wake()

    # ---- what happens ----

    def _happened(self, event: raw.Event) -> None:
        kind, socket, ns, ack, code, name, data, parts, flags, _, _ = event
        if kind == raw.MESSAGE:
            if client := self._by_socket.get(socket):
                self._run(socket, self._message, client, name, data, parts, ack)
        elif kind == raw.CONNECT_REQUEST:
            with self._lock:
                client = self._admission.arrives(socket, ns, name, bool(flags & raw.RECOVERED), self.always_connect)
            if client:
                self._run(socket, self._connect, client, data)
        elif kind == raw.CONNECT:
            # Every namespace is guarded, so it was away.
            with self._lock:
                client = self._admission.returns(socket, ns)
            if client:
                self._run(socket, self._connect, client, data)
        elif kind == raw.HANDSHAKE:
            self._run(socket, self._handshake, socket)
        elif kind == raw.DISCONNECT:
            client = self._clients.leaves(socket, code, parts, flags)
            if client:
                self._run(socket, self._disconnected, client)
        elif kind in (raw.ACK, raw.REMOTE_ACK):
            answers = self._answers.get(ack) if code else self._answers.pop(ack, None)
            if answers and answers.ended:  # a call waits, and maybe on the last thread there is
                self._answered(answers, data, parts)
            elif answers:
                self._run(socket, self._answered, answers, data, parts)
        elif kind == raw.ACK_END:
            answers = self._answers.pop(ack, None)
            if answers and answers.ended:
                answers.ended(bool(flags & raw.TIMED_OUT))
        elif kind == raw.SESSION_EXPIRED:
            self._clients.is_back(socket)
        elif kind == raw.NAMESPACE_REMOVED:
            self._spaces.removed(ns, name)
        elif kind == raw.DRAINED:
            self._drained.set()
        else:
            self._log.cluster(kind, name, event[10])

    def _run(self, socket: int, job: Callable[..., None], *args: Any) -> None:
        if self.async_handlers:
            self._workers.submit(socket, job, *args)
        else:
            job(*args)

    def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        handler, given = self._function(event, namespace, args)
        if handler is not None:
            return handler(*(fitting(handler, given) if event in self.reserved_events else given))
        target, given = self._registry.object_for(namespace, args)
        return target.trigger_event(event, *given) if target is not None else self.not_handled

    def _message(self, client: Client, name: str, data: bytes, parts: Any, ack: int) -> None:
        if self._talkative:
            self._note('received event "%s" from %s [%s]', name, client.sid, client.namespace)
        try:
            answer = self._trigger_event(name, client.namespace, client.sid, *self._codec.decode(data, parts))
            if ack and answer is not self.not_handled:
                self._acknowledge(client, ack, answer)
                self._wake()
        except BaseException as error:
            self._failed(name, client.namespace, error)

    def _connect(self, client: Client, data: bytes) -> None:
        try:
            auth = self._codec.decode(data, ()) or None
            answer = self._trigger_event("connect", client.namespace, client.sid, client.environ, auth)
        except BaseException as error:
            self._admission.refused(client, error)
        else:
            self._admission.decided(client, answer)
            if client.left is not None:
                self._disconnected(client)
        self._wake()

    def _handshake(self, connection: int) -> None:
        handler = self._handshakes.handler
        try:
            with self._lock:
                made = self._environ(connection)
            answer = handler(made) if handler is not None else None
        except BaseException as error:
            self._handshakes.refused(connection, error)
        else:
            self._handshakes.decided(connection, answer)
        self._wake()

    def _disconnected(self, client: Client) -> None:
        if not self._clients.ends(client):
            return
        try:
            self._trigger_event("disconnect", client.namespace, client.sid, client.left)
        except BaseException as error:
            self._failed("disconnect", client.namespace, error)
        finally:
            self._clients.forget(client)

    def _answered(self, answers: Answers, data: bytes, parts: Any) -> None:
        try:
            answers.callback(*self._codec.decode(data, parts))
        except BaseException as error:
            self._raised("an acknowledgement's callback failed", error=error)

    # ---- what a program does ----

    def emit(self, event: str, data: Any = None, to: Rooms = None, room: Rooms = None, skip_sid: Any = None,
             namespace: Optional[str] = None, callback: Optional[Handler] = None, ignore_queue: bool = False,
             compress: bool = True) -> None:
        """Emits an event to a client, a room, several rooms, or everybody in the namespace.

        :param data: a value, or a tuple of several; ``bytes`` travel as binary wherever they are in it.
        :param to: a sid, a room, or a list of them; ``room`` is another name for it. None, or ``""``: everybody. An empty list:
            nobody.
        :param skip_sid: a sid, or a list of them, to leave out; what is no client's sid leaves nobody out.
        :param callback: called with what the client acknowledges, once for each client that does.
        :param ignore_queue: in a cluster it is for the clients of this node alone.
        :param compress: with False it is sent as it is to clients that take compressed messages, too: for what is compressed already, or
            for a secret beside what others wrote.
        """
        if callback is None:
            self._emit(event, data, to, room, skip_sid, namespace, emit_flags(ignore_queue, compress))
        else:
            self._outbox.ask(event, data, to, room, skip_sid, namespace, Answers(callback, None), emit_flags(ignore_queue, compress))
        if not self._woken:
            self._wake()

    def send(self, data: Any, to: Rooms = None, room: Rooms = None, skip_sid: Any = None,
             namespace: Optional[str] = None, callback: Optional[Handler] = None, ignore_queue: bool = False) -> None:
        """Emits the event ``"message"``."""
        self.emit("message", data, to, room, skip_sid, namespace, callback, ignore_queue)

    def call(self, event: str, data: Any = None, to: Optional[str] = None, sid: Optional[str] = None,
             namespace: Optional[str] = None, timeout: Optional[float] = 60, ignore_queue: bool = False) -> Any:
        """Emits to one client and waits for what it acknowledges: None, a value, or a tuple of several.

        Raises :class:`roomcast.exceptions.TimeoutError` after ``timeout`` seconds, or as soon as the client is gone.
        """
        if not to and not sid:
            raise ValueError("Cannot use call() to broadcast.")
        if not self.async_handlers:
            raise RuntimeError("Cannot use call() when async_handlers is False.")
        if self._loop_thread == threading.get_ident():
            raise RuntimeError("call() in the thread of run(), as from a signal handler, would wait for itself")
        done = threading.Event()
        got: list[tuple[Any, ...]] = []
        late = True

        def answered(*args: Any) -> None:
            got.append(args)
            done.set()

        def ended(timed_out: bool) -> None:
            nonlocal late
            late = timed_out
            done.set()

        # The broker knows the time, too, so that it forgets the question.
        answers = Answers(answered, ended)
        if not self._outbox.ask(event, data, to or sid, None, None, namespace, answers, emit_flags(ignore_queue), timeout):
            raise TimeoutError("the client is gone")
        self._wake()
        done.wait(timeout)
        if not got:
            raise TimeoutError("no answer in time" if late else "the client is gone")
        return as_answer(got[0])

    def enter_room(self, sid: str, room: Any, namespace: Optional[str] = None) -> None:
        """Puts a client into a room, which begins to exist with its first member."""
        self._membership.enter(sid, room, namespace)

    def leave_room(self, sid: str, room: Any, namespace: Optional[str] = None) -> None:
        """Takes a client out of a room."""
        self._membership.leave(sid, room, namespace)

    def close_room(self, room: Any, namespace: Optional[str] = None) -> None:
        """Takes everybody out of a room."""
        self._membership.close(room, namespace)

    def get_session(self, sid: str, namespace: Optional[str] = None) -> dict[str, Any]:
        """A client's session, a dictionary of the program's own. KeyError if the client is not connected."""
        return self._clients.known(sid, namespace).session

    def save_session(self, sid: str, session: dict[str, Any], namespace: Optional[str] = None) -> None:
        """Replaces a client's session."""
        self._clients.known(sid, namespace).session = session

    @contextmanager
    def session(self, sid: str, namespace: Optional[str] = None) -> Iterator[dict[str, Any]]:
        """A client's session in a ``with`` block, saved at its end."""
        session = self.get_session(sid, namespace)
        try:
            yield session
        finally:
            self.save_session(sid, session, namespace)

    def disconnect(self, sid: str, namespace: Optional[str] = None, ignore_queue: bool = False) -> None:
        """Takes a client out of the namespace, and calls its disconnect handler before it returns."""
        client = self._membership.end(sid, namespace, ignore_queue)
        if client:
            self._wake()
            try:
                self._trigger_event("disconnect", client.namespace, sid, self.reason.SERVER_DISCONNECT)
            except ENDING:
                raise
            except BaseException as error:
                self._failed("disconnect", client.namespace, error)
            finally:
                self._clients.forget(client)

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> threading.Thread:
        """Runs a function on a thread of its own, which does not keep the process alive. Returns the thread."""
        functions(target=target)
        thread = threading.Thread(target=target, args=args, kwargs=kwargs, daemon=True)
        thread.start()
        return thread

    def sleep(self, seconds: float = 0) -> None:
        """Sleeps."""
        time.sleep(seconds)


@contextmanager
def _waiter(fd: int) -> Iterator[Callable[[Optional[float]], None]]:
    """Gives a function that waits for the descriptor for at most so many seconds. A signal ends the wait."""
    ours, theirs = socket.socketpair()
    with ours, theirs, _signals_to(theirs):
        ours.setblocking(False)

        if hasattr(select, "poll"):
            poller = select.poll()
            poller.register(fd, select.POLLIN)
            poller.register(ours, select.POLLIN)

            def wait(timeout: Optional[float]) -> None:
                for ready, _ in poller.poll(None if timeout is None else timeout * 1000):
                    if ready != fd:
                        ours.recv(4096)
        else:
            def wait(timeout: Optional[float]) -> None:
                if ours.fileno() in select.select([fd, ours.fileno()], [], [], timeout)[0]:
                    ours.recv(4096)

        yield wait


@contextmanager
def _signals_to(wakes: socket.socket) -> Iterator[None]:
    """Has Python write a byte for each signal. It runs a handler before it sleeps, but a signal that comes after that, as it
    lets go of the GIL, would be slept over."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    wakes.setblocking(False)
    before = signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    if before != -1:
        signal.set_wakeup_fd(before)
    try:
        yield
    finally:
        if before == -1:
            signal.set_wakeup_fd(-1)
