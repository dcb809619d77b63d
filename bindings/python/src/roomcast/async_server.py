"""The server for asyncio: the broker's descriptor in the program's own event loop. It must not start a thread."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Optional, Union

from . import raw
from ._arguments import functions, pace
from ._base import ENDING, BaseServer
from ._callables import Handler, fitting, is_coroutine_function
from ._clients import Client
from ._codec import as_answer
from ._driver import Driver
from ._front import Behind
from ._listeners import only_given
from ._names import Rooms
from ._options import Manager
from ._outbox import Answers, emit_flags
from ._scopes import Scopes
from ._signals import on_sigterm
from .exceptions import TimeoutError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import Options


class AsyncServer(BaseServer):
    """A Socket.IO server in an asyncio event loop, of the standard library or uvloop.

    It takes the options of python-socketio's ``socketio.AsyncServer``; the README's table says what each does here. It
    belongs to the thread of the loop it serves in. From other threads:
    ``asyncio.run_coroutine_threadsafe(server.emit(...), loop)``.

    What is emitted while the loop runs through its ready tasks goes out together in the turn that follows.
    ``async_handlers=False`` runs the handlers of one client one after another.

    What a handler raises is logged and costs that event only; so does a CancelledError. ``sys.exit()`` in a handler, or
    KeyboardInterrupt, ends the event loop, as asyncio has it; under ``asyncio.run`` the clients are told first.

    :param socketio_path: where clients connect, ``"socket.io"`` unless they are told otherwise.
    :param config: further fields of ``roomcast_config`` (roomcast.h), for example ``{"max_backlog": 16_000_000}``.
    """

    # python-socketio's order of the options, which is not that of its threaded server.
    def __init__(self, client_manager: Manager = None, logger: Union[bool, logging.Logger] = False, json: Any = None,
                 async_handlers: bool = True, namespaces: Union[str, list[str], None] = None, *,
                 serializer: str = "default", always_connect: bool = False, socketio_path: str = "socket.io",
                 config: Optional[Mapping[str, Any]] = None, engineio_logger: Union[bool, logging.Logger, None] = None,
                 **options: Unpack[Options]) -> None:
        # One thread: nothing to lock.
        self._lock = contextlib.nullcontext()
        self._background: set[asyncio.Task[Any]] = set()
        #: Handlers by their identity: not all have a hash.
        self._coroutines: dict[int, tuple[Handler, bool]] = {}
        super().__init__(client_manager, logger, serializer, json, async_handlers, always_connect, namespaces,
                         socketio_path=socketio_path, config=config, engineio_logger=engineio_logger, **options)
        #: By which clients came, under an ASGI server.
        self._scopes = Scopes(self._connect_timeout)
        self._driver = Driver(self._outbox, self._log, self._happened, self._listeners.closed)
        self._task = self._driver.task
        self._behind = Behind(self._broker, self._driver, self._log, self._is_ours)

    def is_asyncio_based(self) -> bool:
        return True

    # ---- the loop ----

    def listen(self, host: str = "127.0.0.1", port: int = 5000, *, uds: Optional[str] = None, fd: Optional[int] = None,
               certfile: Optional[str] = None, keyfile: Optional[str] = None, proxy_protocol: bool = False) -> int:
        """Listens on an address and serves in the running event loop. Port 0 takes a free one. Returns the port.

        :param uds: the path of a Unix socket to listen on instead.
        :param fd: a descriptor that listens already, to go on with instead; it is the server's then.
        :param certfile: the path of a certificate as PEM, with those that lead to its authority: listens over TLS, for ``https://`` and
            ``wss://``. :meth:`reload_certificates` reads it again.
        :param keyfile: the path of its key, without a password; left out if ``certfile`` has it too.
        :param proxy_protocol: each connection begins with the header of the PROXY protocol, by which a proxy (HAProxy, nginx's
            ``proxy_protocol on``, a cloud's network balancer) says whose it is. Nobody but the proxy may reach the server then.
        """
        self._driver.settle()
        bound = self._listeners.listen(host, port, uds, fd, certfile, keyfile, proxy_protocol)
        self._log.tell()
        self._driver.serve()
        return bound

    def _serve_requests(self) -> None:
        """Serves what an ASGI server brings, in the running event loop; again, if it had ended."""
        if self._driver.serve():
            self._broker.reopen()

    async def serve(self, host: Optional[str] = None, port: Optional[int] = None, *, uds: Optional[str] = None,
                    fd: Optional[int] = None, certfile: Optional[str] = None, keyfile: Optional[str] = None,
                    proxy_protocol: bool = False, app: Any = None) -> None:
        """Serves until :meth:`shutdown`, or until the task is cancelled, which shuts down as well.

        With an address, the path of a Unix socket (``uds``) or a descriptor that listens (``fd``) it listens there first; without one
        :meth:`listen` comes before. With ``certfile``, and ``keyfile`` if the key is in another file, it is over TLS. RuntimeError if it
        serves already; the server goes on as it was then.

        :param app: an ASGI application (FastAPI, Starlette, Django), for all paths on the same port that are not the server's; or a
            ``uvicorn.Config`` of one, with options. It is served by uvicorn in this event loop, without a port of its own; its lifespan
            begins here, and ends with the server. Not over TLS: there its paths are 404.
        """
        more = only_given(certfile=certfile, keyfile=keyfile, proxy_protocol=proxy_protocol)

        def begin() -> None:
            if uds is not None or fd is not None:
                self.listen(uds=uds, fd=fd, **more)
            elif host is not None or port is not None or certfile is not None or self._driver.loop is None:
                self.listen(host or "127.0.0.1", 5000 if port is None else port, **more)
            else:
                self._driver.serve()

        await self._serve(begin, app)

    async def _serve(self, begin: Callable[[], None], app: Any) -> None:
        """Begins, where that may be, and serves until the end."""
        with self._driver.begun():
            await self._behind.begin(app)
            try:
                begin()
                try:
                    await self._driver.wait()
                finally:
                    await self.shutdown()
            finally:
                await self._behind.end()

    def run(self, host: str = "127.0.0.1", port: int = 5000, *, uds: Optional[str] = None, fd: Optional[int] = None,
            certfile: Optional[str] = None, keyfile: Optional[str] = None, proxy_protocol: bool = False,
            app: Any = None) -> None:
        """Serves in an event loop of its own until :meth:`shutdown` or Ctrl-C, as ``asyncio.run(server.serve(host, port))``; or SIGTERM, unless
        the program deals with that itself.

        It says on standard error where it listens: on the address, a Unix socket (``uds``), or what a descriptor (``fd``) stands
        for. With ``certfile``, and ``keyfile`` if the key is in another file, it is over TLS. ``app`` is an ASGI application for all other
        paths of the same port.
        """
        more = only_given(certfile=certfile, keyfile=keyfile, proxy_protocol=proxy_protocol)
        begin = partial(self._listeners.listen_aloud, self.listen, host, port, uds, fd, more)

        async def serve() -> None:
            loop = asyncio.get_running_loop()
            with on_sigterm(partial(loop.call_soon_threadsafe, self.start_background_task, self.shutdown)):
                await self._serve(begin, app)

        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve())

    async def shutdown(self) -> None:
        """Says goodbye to the clients, sends what is queued, stops listening, and calls the disconnect handlers.

        Whoever calls it meanwhile waits for the same end. It goes on if its caller is cancelled. After the server's event
        loop was closed, it may be called in another one.
        """
        await self._driver.shutdown()

    async def drain(self, per_second: int = 1000, reason: str = "restart", timeout: float = 60) -> None:
        """Ends it for another process that listens on the same socket: nobody is refused, and nobody disconnected for good.

        Nobody is accepted any more: who waits in a socket that another process has, too, waits for that one. Who was accepted has a second
        to ask, and is answered as ever. Then all are sent away, and when nobody is left it shuts down, and returns. Their clients connect
        anew by themselves, which they would not do after a :meth:`shutdown`.

        :param per_second: how many are sent away each second.
        :param reason: what the close frames say, 123 bytes at most.
        :param timeout: seconds after which it ends even if somebody is left.
        """
        pace(per_second, reason, timeout)
        self._driver.here()
        await self._driver.drain(self._listeners.leave, partial(self._broker.drain_clients, per_second, reason), timeout)

    def _raised(self, text: str, *args: Any, error: BaseException) -> None:
        # What is cancelled, or thrown away, at the end of the program is no fault.
        if not isinstance(error, (asyncio.CancelledError, GeneratorExit)) or self._driver.serves_here():
            super()._raised(text, *args, error=error)

    def _end_with(self, error: BaseException) -> None:
        self._driver.end_with(error)

    def _wake(self) -> None:
        self._driver.wake()

    # ---- what is not Socket.IO ----

    def _adopt_request(self, fd: int, *request: Any) -> None:
        """Goes on with a connection of which an ASGI server has parsed the request. It is the caller's still if this raises."""
        if self._driver.closing or self._driver.loop is None:
            raise ConnectionRefusedError("the server has ended")
        self._broker.adopt_request(fd, *request)
        self._wake()

    def _environ(self, socket: int) -> dict[str, Any]:
        made = super()._environ(socket)
        self._scopes.complete(made)
        return made

    # ---- what happens ----

    def _happened(self, event: raw.Event) -> None:
        kind, socket, ns, ack, code, name, data, parts, flags, _, context = event
        if kind == raw.MESSAGE:
            client = self._by_socket.get(socket)
            if client is None:
                return
            if self._talkative:
                self._note('received event "%s" from %s [%s]', name, client.sid, client.namespace)
            if self.async_handlers:
                self._message(client, name, data, parts, ack)
            else:
                self._in_order(client, (name, data, parts, ack))
        elif kind == raw.CONNECT_REQUEST:
            client = self._admission.arrives(socket, ns, name, bool(flags & raw.RECOVERED), self.always_connect)
            if client:
                self._task(self._connect(client, data))
        elif kind == raw.CONNECT:
            # Every namespace is guarded, so it was away.
            client = self._admission.returns(socket, ns)
            if client:
                self._task(self._connect(client, data))
        elif kind == raw.HANDSHAKE:
            self._task(self._handshake(socket), partial(self._broker.has_connection, socket))
        elif kind == raw.FOREIGN:
            self._behind.take(context, data, name)
        elif kind == raw.DISCONNECT:
            client = self._clients.leaves(socket, code, parts, flags)
            if client:
                self._task(self._disconnected(client))
        elif kind in (raw.ACK, raw.REMOTE_ACK):
            answers = self._answers.get(ack) if code else self._answers.pop(ack, None)
            if answers:
                self._answered(answers, data, parts)
        elif kind == raw.ACK_END:
            answers = self._answers.pop(ack, None)
            if answers and answers.ended:
                answers.ended(bool(flags & raw.TIMED_OUT))
        elif kind == raw.SESSION_EXPIRED:
            self._clients.is_back(socket)
        elif kind == raw.NAMESPACE_REMOVED:
            self._spaces.removed(ns, name)
        elif kind == raw.DRAINED:
            self._driver.nobody_is_left()
        else:
            self._log.cluster(kind, name, context)

    def _message(self, client: Client, name: str, data: bytes, parts: Any, ack: int) -> None:
        """Calls a plain function at once and runs a coroutine as a task."""
        try:
            handler, args = self._function(name, client.namespace, (client.sid, *self._codec.decode(data, parts)))
            if handler is not None and not self._is_coroutine(handler):
                self._answer(client, ack, handler(*args))
                return
        except BaseException as error:
            self._failed(name, client.namespace, error)
            return
        self._task(self._handle(client, name, handler, args, ack))

    def _is_coroutine(self, handler: Handler) -> bool:
        known = self._coroutines.get(id(handler))
        if known is None or known[0] is not handler:
            known = self._coroutines[id(handler)] = (handler, is_coroutine_function(handler))
        return known[1]

    async def _handle(self, client: Client, name: str, handler: Optional[Handler], args: tuple[Any, ...], ack: int) -> None:
        try:
            if handler is not None:
                answer = handler(*args)
                if self._is_coroutine(handler):
                    answer = await answer
            else:
                target, args = self._registry.object_for(client.namespace, args)
                if target is None:
                    return
                answer = await target.trigger_event(name, *args)
            self._answer(client, ack, answer)
        except BaseException as error:
            self._failed(name, client.namespace, error)

    def _answer(self, client: Client, ack: int, answer: Any) -> None:
        if ack:
            self._acknowledge(client, ack, answer)
            self._driver.wake()

    def _in_order(self, client: Client, event: tuple[str, bytes, Any, int]) -> None:
        client.inbox.append(event)
        if len(client.inbox) == 1:
            self._task(self._handle_in_order(client))

    async def _handle_in_order(self, client: Client) -> None:
        while client.inbox:
            name, data, parts, ack = client.inbox[0]
            try:
                handler, args = self._function(name, client.namespace, (client.sid, *self._codec.decode(data, parts)))
            except Exception as error:
                self._failed(name, client.namespace, error)
            else:
                await self._handle(client, name, handler, args, ack)
            client.inbox.popleft()

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        handler, given = self._function(event, namespace, args)
        if handler is not None:
            answer = handler(*(fitting(handler, given) if event in self.reserved_events else given))
            return await answer if self._is_coroutine(handler) else answer
        target, given = self._registry.object_for(namespace, args)
        return await target.trigger_event(event, *given) if target is not None else self.not_handled

    async def _connect(self, client: Client, data: bytes) -> None:
        try:
            auth = self._codec.decode(data, ()) or None
            answer = await self._trigger_event("connect", client.namespace, client.sid, client.environ, auth)
        except BaseException as error:
            if isinstance(error, GeneratorExit) and not self._driver.serves_here():
                raise  # the task is thrown away, and the loop is gone
            await self._driver.wait_closed()
            self._admission.refused(client, error)
        else:
            await self._driver.wait_closed()
            self._admission.decided(client, answer)
            if client.left is not None:
                await self._disconnected(client)
        self._wake()

    async def _handshake(self, connection: int) -> None:
        handler, answer = self._handshakes.handler, None
        try:
            if handler is not None:
                answer = handler(self._environ(connection))
                if self._is_coroutine(handler):
                    answer = await answer
        except BaseException as error:
            if isinstance(error, GeneratorExit) and not self._driver.serves_here():
                raise  # the task is thrown away, and the loop is gone
            await self._driver.wait_closed()
            if isinstance(error, asyncio.CancelledError) and not self._broker.has_connection(connection):
                return  # that is why it was cancelled
            self._handshakes.refused(connection, error)
        else:
            await self._driver.wait_closed()
            self._handshakes.decided(connection, answer)
        self._wake()

    async def _disconnected(self, client: Client) -> None:
        if not self._clients.ends(client):
            return
        try:
            await self._trigger_event("disconnect", client.namespace, client.sid, client.left)
        except BaseException as error:
            self._failed("disconnect", client.namespace, error)
        finally:
            self._clients.forget(client)

    def _answered(self, answers: Answers, data: bytes, parts: Any) -> None:
        try:
            returned = answers.callback(*self._codec.decode(data, parts))
        except BaseException as error:
            self._raised("an acknowledgement's callback failed", error=error)
            return
        if inspect.iscoroutine(returned):
            self._task(self._finish(returned))

    async def _finish(self, callback: Awaitable[Any]) -> None:
        try:
            await callback
        except BaseException as error:
            self._raised("an acknowledgement's callback failed", error=error)

    # ---- what a program does ----

    async def emit(self, event: str, data: Any = None, to: Rooms = None, room: Rooms = None, skip_sid: Any = None,
                   namespace: Optional[str] = None, callback: Optional[Handler] = None,
                   ignore_queue: bool = False, compress: bool = True) -> None:
        """Emits an event to a client, a room, several rooms, or everybody in the namespace.

        :param data: a value, or a tuple of several; ``bytes`` travel as binary wherever they are in it.
        :param to: a sid, a room, or a list of them; ``room`` is another name for it. None, or ``""``: everybody. An empty list:
            nobody.
        :param skip_sid: a sid, or a list of them, to leave out; what is no client's sid leaves nobody out.
        :param callback: a function or a coroutine, called with what the client acknowledges, once for each that does.
        :param ignore_queue: in a cluster it is for the clients of this node alone.
        :param compress: with False it is sent as it is to clients that take compressed messages, too: for what is compressed already, or
            for a secret beside what others wrote.
        """
        driver = self._driver
        driver.here()
        if callback is not None:
            self._outbox.ask(event, data, to, room, skip_sid, namespace, Answers(callback, None), emit_flags(ignore_queue, compress))
        elif self._emit(event, data, to, room, skip_sid, namespace, emit_flags(ignore_queue, compress)):
            # Whoever emits without end lets the others have their turn.
            await asyncio.sleep(0)
        if not driver.due:
            driver.wake()

    async def send(self, data: Any, to: Rooms = None, room: Rooms = None, skip_sid: Any = None,
                   namespace: Optional[str] = None, callback: Optional[Handler] = None,
                   ignore_queue: bool = False) -> None:
        """Emits the event ``"message"``."""
        await self.emit("message", data, to, room, skip_sid, namespace, callback, ignore_queue)

    async def call(self, event: str, data: Any = None, to: Optional[str] = None, sid: Optional[str] = None,
                   namespace: Optional[str] = None, timeout: Optional[float] = 60, ignore_queue: bool = False) -> Any:
        """Emits to one client and waits for what it acknowledges: None, a value, or a tuple of several.

        Raises :class:`roomcast.exceptions.TimeoutError` after ``timeout`` seconds, or as soon as the client is gone.
        """
        self._driver.here()
        if not to and not sid:
            raise ValueError("Cannot use call() to broadcast.")
        if not self.async_handlers:
            raise RuntimeError("Cannot use call() when async_handlers is False.")
        done: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()

        def answered(*args: Any) -> None:
            if not done.done():
                done.set_result(args)

        def ended(timed_out: bool) -> None:
            if not done.done():
                done.set_exception(TimeoutError("no answer in time" if timed_out else "the client is gone"))

        # The broker knows the time, too, so that it forgets the question.
        answers = Answers(answered, ended)
        if not self._outbox.ask(event, data, to or sid, None, None, namespace, answers, emit_flags(ignore_queue), timeout):
            raise TimeoutError("the client is gone")
        self._wake()
        try:
            return as_answer(await asyncio.wait_for(done, timeout))
        except asyncio.TimeoutError:
            raise TimeoutError("no answer in time") from None

    async def enter_room(self, sid: str, room: Any, namespace: Optional[str] = None) -> None:
        """Puts a client into a room, which begins to exist with its first member."""
        self._driver.here()
        self._membership.enter(sid, room, namespace)

    async def leave_room(self, sid: str, room: Any, namespace: Optional[str] = None) -> None:
        """Takes a client out of a room."""
        self._driver.here()
        self._membership.leave(sid, room, namespace)

    async def close_room(self, room: Any, namespace: Optional[str] = None) -> None:
        """Takes everybody out of a room."""
        self._driver.here()
        self._membership.close(room, namespace)

    async def get_session(self, sid: str, namespace: Optional[str] = None) -> dict[str, Any]:
        """A client's session, a dictionary of the program's own. KeyError if the client is not connected."""
        return self._clients.known(sid, namespace).session

    async def save_session(self, sid: str, session: dict[str, Any], namespace: Optional[str] = None) -> None:
        """Replaces a client's session."""
        self._clients.known(sid, namespace).session = session

    @asynccontextmanager
    async def session(self, sid: str, namespace: Optional[str] = None) -> AsyncIterator[dict[str, Any]]:
        """A client's session in an ``async with`` block, saved at its end."""
        session = await self.get_session(sid, namespace)
        try:
            yield session
        finally:
            await self.save_session(sid, session, namespace)

    async def disconnect(self, sid: str, namespace: Optional[str] = None, ignore_queue: bool = False) -> None:
        """Takes a client out of the namespace, and calls its disconnect handler before it returns."""
        self._driver.here()
        client = self._membership.end(sid, namespace, ignore_queue)
        if client:
            self._wake()
            try:
                await self._trigger_event("disconnect", client.namespace, sid, self.reason.SERVER_DISCONNECT)
            except (*ENDING, asyncio.CancelledError):  # it may mean the caller's own task
                raise
            except BaseException as error:
                self._failed("disconnect", client.namespace, error)
            finally:
                self._clients.forget(client)

    def start_background_task(self, target: Callable[..., Coroutine[Any, Any, Any]], *args: Any,
                              **kwargs: Any) -> asyncio.Task[Any]:
        """Runs a coroutine as a task of the running event loop. Returns the task; it need not be kept."""
        functions(target=target)
        task = asyncio.ensure_future(target(*args, **kwargs))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def sleep(self, seconds: float = 0) -> None:
        """Sleeps, and lets others run."""
        await asyncio.sleep(seconds)
