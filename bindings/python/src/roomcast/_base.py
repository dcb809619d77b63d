"""What both servers share: the API that neither waits nor calls a handler, and the parts that the servers consist of.

It must not run a handler, wait, or start anything: that is where the two servers differ.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Optional, TypeVar, Union, overload

from . import raw
from ._admin import login
from ._admission import Admission
from ._arguments import functions, mappings, milliseconds, texts, unfit
from ._callables import Handler
from ._clients import Clients, Reason
from ._codec import Codec
from ._handlers import Handlers
from ._handshakes import Handshakes
from ._listeners import Listeners
from ._log import Log
from ._membership import Membership
from ._options import Manager, Options, environ, fields_of, named, recovers
from ._outbox import Outbox
from ._spaces import Spaces
from ._static import Content, pages
from .namespace import BaseServerNamespace

if TYPE_CHECKING:
    from typing_extensions import Unpack

_Handler = TypeVar("_Handler", bound=Handler)
_MaybeHandler = TypeVar("_MaybeHandler", bound=Optional[Handler])

_NOT_HANDLED = object()
#: What ends the program and not only the handler that raises it.
ENDING = (KeyboardInterrupt, SystemExit)


class BaseServer:
    """The part of a server that is the same with threads and with asyncio."""

    reserved_events = ["connect", "disconnect"]
    reason = Reason
    not_handled = _NOT_HANDLED
    _lock: AbstractContextManager[Any]

    def __init__(self, client_manager: Manager = None, logger: Union[bool, logging.Logger] = False,
                 serializer: str = "default", json: Any = None, async_handlers: bool = True,
                 always_connect: bool = False, namespaces: Union[str, list[str], None] = None, *,
                 socketio_path: str = "socket.io", config: Optional[Mapping[str, Any]] = None,
                 engineio_logger: Union[bool, logging.Logger, None] = None, **options: Unpack[Options]) -> None:
        if not (namespaces is None or namespaces == "*" or isinstance(namespaces, (list, tuple, set))):
            raise ValueError(f"namespaces={namespaces!r}: it is a list of names, or '*'")
        if not all(isinstance(name, str) for name in namespaces or ()):
            raise unfit("namespaces", namespaces, "a list of names, each a str")
        config = {} if config is None else config
        fields = fields_of(client_manager, serializer, socketio_path, options, config)
        self._path = str(fields["path"])
        #: What is answered here besides Socket.IO's path.
        self._pages = {fields[name] for name in ("health_path", "metrics_path") if fields.get(name)}
        self._max_payload = int(fields.get("max_payload") or 1_000_000)
        #: Seconds within which a connection has a client, or is closed.
        self._connect_timeout = (fields.get("connect_timeout") or 45_000) / 1000
        self.async_mode = "asyncio" if self.is_asyncio_based() else "threading"
        self.async_handlers = async_handlers
        self.always_connect = always_connect
        self.namespaces: Union[str, list[str]] = "*" if namespaces == "*" else list(namespaces or ["/"])
        self._log = Log(logger, engineio_logger)
        with named({**options, "client_manager": client_manager, "socketio_path": socketio_path}, fields, config):
            self._broker = raw.Broker(log=self._log.hear, **fields)
        self._remote = self._broker.remote()
        self._codec = Codec(json)
        self._registry = Handlers(self.reserved_events, self.namespaces)
        self.handlers, self.namespace_handlers = self._registry.functions, self._registry.objects
        recovery, ask_again = recovers(options)
        self._spaces = Spaces(self._broker, self._lock, self.namespaces, recovery=recovery, ask_again=ask_again)
        self._clients = Clients(self._lock, bool(fields.get("cluster_url")))
        self._outbox = Outbox(self._broker, self._lock, self._log, self._codec, self._spaces, self._clients)
        self._admission = Admission(self._outbox, self._clients, self._registry, self._spaces, self._codec, self._environ, self._failed)
        self._membership = Membership(self._outbox, self._clients, self._spaces, self._log, self._wake)
        self._handshakes = Handshakes(self._outbox, self._raised)
        self._listeners = Listeners(self._broker, self._lock)
        # What each emit and each event needs, one step away.
        self._talkative, self._note = self._log.talkative, self._log.note
        self._emit, self._acknowledge, self._answers = self._outbox.emit, self._outbox.acknowledge, self._outbox.answers
        self._function, self._by_socket = self._registry.function_for, self._clients.by_socket
        self._log.tell()

    @property
    def logger(self) -> logging.Logger:
        """What the server's own lines are logged by."""
        return self._log.logger

    @logger.setter
    def logger(self, logger: logging.Logger) -> None:
        self._log.logger = logger

    def is_asyncio_based(self) -> bool:
        """Whether this is the asyncio server."""
        return False

    # ---- handlers ----

    @overload
    def on(self, event: str, handler: None = None, namespace: Optional[str] = None) -> Callable[[_Handler], _Handler]: ...

    @overload
    def on(self, event: str, handler: _Handler, namespace: Optional[str] = None) -> _Handler: ...

    def on(self, event: str, handler: Optional[Handler] = None, namespace: Optional[str] = None) -> Any:
        """Registers an event handler; without ``handler`` it is a decorator.

        ``"*"`` as the event catches what has no handler of its own, and passes the event's name first. ``"*"`` as the
        namespace does the same with namespaces. The handlers of ``"connect"`` take ``(sid, environ)`` or ``(sid, environ,
        auth)``, those of ``"disconnect"`` ``(sid)`` or ``(sid, reason)``, all others the sid and the event's arguments.
        """
        name = namespace or "/"
        texts(event=event, namespace=name)

        def register(handler: _Handler) -> _Handler:
            functions(handler=handler)
            self._can_run(handler)
            self._registry.register(name, event, handler)
            self._spaces.open(name)
            return handler

        return register if handler is None else register(handler)

    def on_handshake(self, handler: _MaybeHandler) -> _MaybeHandler:
        """Registers the function that decides about each new connection, before it has a client; it serves as a decorator, too. With
        None all are let in again.

        It takes the first request as a WSGI environ. What it returns are headers for its answer, such as ``{"Set-Cookie": "node=4;
        Path=/; Secure; Max-Age=3600"}``, or a list of pairs where a name is to be there twice; or None, or False, which turns the
        connection away. :class:`~roomcast.exceptions.HandshakeRefused` does so with a message, or with an answer of its own; anything
        else that it raises is logged, and the answer is 500. It has ``connect_timeout`` for that (of ``config``; 45 seconds); then, and when the
        server ends before, the answer is 503.

        With :class:`AsyncServer` a coroutine that still waits when its connection has ended is cancelled, within a second or so: its time
        is up, the client has left, or the server ends. A thread of :class:`Server` cannot be: put a timeout inside of what it waits for, as
        it is one of ``max_workers`` until it returns.
        """
        if handler is not None:
            functions(handler=handler)
            self._can_run(handler)
        self._handshakes.guard(handler)
        return handler

    def _can_run(self, handler: Handler) -> None:
        """Raises for a handler that this kind of server cannot run."""

    @overload
    def event(self, handler: _Handler, /) -> _Handler: ...

    @overload
    def event(self, handler: None = None, *, namespace: Optional[str] = None) -> Callable[[_Handler], _Handler]: ...

    def event(self, *args: Any, **kwargs: Any) -> Any:
        """Registers a function for the event of its name: ``@server.event`` or ``@server.event(namespace="/chat")``."""
        if len(args) == 1 and not kwargs and callable(args[0]):
            return self.on(args[0].__name__, args[0])

        def register(handler: _Handler) -> _Handler:
            self.on(handler.__name__, handler, *args, **kwargs)
            return handler

        return register

    def register_namespace(self, namespace_handler: BaseServerNamespace) -> None:
        """Registers an object whose ``on_`` methods handle the events of its namespace."""
        if not isinstance(namespace_handler, BaseServerNamespace):
            raise ValueError("Not a namespace instance")
        if self.is_asyncio_based() != namespace_handler.is_asyncio_based():
            raise ValueError("Not a valid namespace class for this server")
        for name in dir(namespace_handler):
            if name.startswith("on_"):
                self._can_run(getattr(namespace_handler, name))
        namespace_handler._set_server(self)
        self.namespace_handlers[namespace_handler.namespace] = namespace_handler
        self._spaces.open(namespace_handler.namespace)

    # ---- who is where ----

    def rooms(self, sid: str, namespace: Optional[str] = None) -> list[Union[str, int]]:
        """The rooms a client is in, its own (the sid) first."""
        return self._membership.rooms(sid, namespace)

    def transport(self, sid: str, namespace: Optional[str] = None) -> str:
        """How a client is connected by now: ``"polling"`` or ``"websocket"``."""
        client = self._clients.known(sid, namespace)
        with self._lock:
            return "websocket" if self._broker.is_websocket(client.socket if client.accepted else client.request) else "polling"

    def get_environ(self, sid: str, namespace: Optional[str] = None) -> Optional[dict[str, Any]]:
        """A client's first request as a WSGI environ; None if it is not connected."""
        client = self._clients.connected(sid, namespace)
        return client.environ if client else None

    def _environ(self, socket: int) -> dict[str, Any]:
        """What its connect handler hears of a client's first request."""
        return environ(self._broker.handshake(socket))

    # ---- the rest ----

    def add_static(self, path: str, content: Content, content_type: Optional[str] = None,
                   headers: Optional[Mapping[str, str]] = None) -> None:
        """Answers GET requests for exactly this path with a file, or for those below it with a folder's files, as they are now.

        Each page has an ``ETag``, and who has what it tags gets a 304. What lies beside a file as ``.br`` or ``.gz`` goes to browsers that
        take it; without the latter, gzip is made at its first use (``http_compression``). Paths under the Socket.IO path are served, too:
        ``add_static("/socket.io", "node_modules/socket.io-client/dist", headers={"Cache-Control": "public, max-age=0"})`` has the client where
        Node's server has it, at ``/socket.io/socket.io.js``.

        :param content: the name of a file or a folder, a text or a ``Path``; or ``bytes``, the page itself; or a dict of
            ``filename`` and ``content_type``, as in python-socketio's ``static_files``. A folder's ``index.html`` is its own
            page too; what is hidden (a name that begins with a dot), or linked from elsewhere, is left out.
        :param content_type: by the extension if it is left out; HTML for bytes at a path without one.
        """
        texts(path=path)
        mappings(headers={} if headers is None else headers)
        for at, kind, body, encoded in pages(path, content, content_type):
            with self._lock:
                self._broker.serve(at, kind, body, list((headers or {}).items()))
                for coding, packed in encoded.items():
                    self._broker.serve_encoded(at, coding, packed)
            self._pages.add(at)

    def _is_ours(self, path: str) -> bool:
        """Whether a path is answered here, and not by an application on the same port."""
        return path.startswith(self._path) or path in self._pages

    def stats(self) -> dict[str, int]:
        """What the broker counts: connections, sockets, those away, rooms, queued bytes now; deliveries, drops by cause in all."""
        with self._lock:
            self._outbox.commit()
            return self._broker.stats()

    def export_recovery(self) -> bytes:
        """The sessions of clients that may come back, and what they have missed, for the process that comes after this one.

        To be called when the server has ended: behind ``run`` or ``serve``. With these bytes one can have the sessions: nobody else may
        read the file that they are in.
        """
        with self._lock:
            self._outbox.commit()
            return self._broker.export_recovery()

    def import_recovery(self, data: bytes) -> int:
        """Takes over what another process has exported, before the server listens and when its handlers are registered.

        Returns how many clients are waited for. Each that comes back has its sid and its rooms, and its connect handler is called with
        ``environ["recovered"]``; what was saved in its session ended with the other process. Clients whose time is up by then get
        new sids. What cannot be imported raises RoomcastError (``ROOMCAST_ERROR_BAD_IMPORT``), which says why.
        """
        if not isinstance(data, bytes):
            raise unfit("data", data, "bytes")
        with self._lock:
            return self._broker.import_recovery(data)

    def reload_certificates(self) -> None:
        """Reads the files of ``certfile`` and ``keyfile`` again, which a program that renews them has replaced. Nobody is disconnected:
        who comes from now on is shown the new ones. If one cannot be read, or is none, this raises, and all is as before."""
        self._listeners.reload()

    def handle_request(self, *args: Any, **kwargs: Any) -> Any:
        """Not here: roomcast listens by itself."""
        raise NotImplementedError(f"roomcast listens by itself: call {'await server.serve' if self.is_asyncio_based() else 'server.run'}(host, port)")

    attach = handle_request

    def instrument(self, auth: Any = None, mode: str = "development", read_only: bool = False, server_id: Optional[str] = None,
                   namespace: str = "/admin", server_stats_interval: float = 2) -> None:
        """Lets the page of Socket.IO's admin interface (``@socket.io/admin-ui``) look at this server and act on it.

        The page is any web server's to serve; its origin has to be among ``cors_allowed_origins``. While nobody is logged in it
        costs next to nothing. Of one address ten logins a minute may fail, unless a function decides.

        :param auth: who may look: ``{"username": ..., "password": ...}``, a list of such, a function that is given what was typed into
            the page and returns whether it fits (a coroutine function with :class:`AsyncServer`), or False for everybody.
        :param mode: ``"development"`` tells each socket, change of rooms and event; ``"production"`` figures alone.
        :param read_only: the page may look, and not emit, join, leave or disconnect.
        :param server_id: what this server is called among those that the page shows: by default as its machine.
        :param server_stats_interval: the seconds between two tellings of the figures.
        """
        if auth is None:
            raise ValueError("auth must be specified")
        if mode not in ("development", "production"):
            raise ValueError(f"mode={mode!r}: it is 'development' or 'production'")
        texts(namespace=namespace, server_id=server_id or "")
        milliseconds("server_stats_interval", server_stats_interval)
        pair, decide = login(auth, self.is_asyncio_based())
        if callable(auth):
            self._can_run(auth)
        with self._lock:
            try:
                self._broker.instrument(
                    namespace=namespace, login=pair, decides=decide is not None, production=mode == "production", read_only=read_only,
                    server_id=server_id or "", stats_interval=server_stats_interval)
            except raw.RoomcastError as error:
                raise ValueError(str(error)) from None
            if decide is not None:
                self._registry.register(namespace, "connect", decide)

    def _failed(self, event: str, namespace: str, error: BaseException) -> None:
        """Takes what a handler raised: it costs that event only, unless it ends the program."""
        self._raised("the handler of %r in %s failed", event, namespace, error=error)

    def _raised(self, text: str, *args: Any, error: BaseException) -> None:
        if isinstance(error, ENDING):
            self._end_with(error)
        else:
            self._log.say(logging.ERROR, text, *args, error=error)

    def _end_with(self, error: BaseException) -> None:
        """Ends the server, and then the program, when what is under way is done."""
        raise NotImplementedError

    def _wake(self) -> None:
        """Has the loop take a turn, for what was ordered and for what waits in the queue."""
        raise NotImplementedError
