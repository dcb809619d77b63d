"""What both servers share: who is connected, which handler an event goes to, what leaves in which order.

It must not run a handler, wait, or start anything: that is where the two servers differ.
"""

from __future__ import annotations

import inspect
import json
import logging
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Optional, TypeVar, Union, overload

from . import exceptions, raw
from ._codec import Codec, as_args
from ._handshakes import let_in, turn_away
from ._managers import ClusterManager, AsyncClusterManager
from ._names import Rooms, as_event, as_key, as_room, as_whom
from ._native import lib
from ._options import Options, configuration, environ
from ._static import Content, pages
from .namespace import BaseServerNamespace

if TYPE_CHECKING:
    from typing_extensions import Unpack

Handler = Callable[..., Any]
#: The cluster that a server is a node of.
Manager = Union[str, ClusterManager, AsyncClusterManager, None]
_Handler = TypeVar("_Handler", bound=Handler)
_MaybeHandler = TypeVar("_MaybeHandler", bound=Optional[Handler])

#: Emits that wait for the end of the turn, at most; then the caller hands them over itself.
_WAITING_EMITS = 256
#: What is not to be set: who needs it, and how else.
_UNANSWERED = {"guard_handshakes": "on_handshake asks for it", **dict.fromkeys(("engine_only", "hand_back"), "no handler would answer; roomcast.raw has it")}
_DEFAULT_LOGGER = logging.getLogger("roomcast.server")
_NOT_HANDLED = object()
#: What ends the program and not only the handler that raises it.
ENDING = (KeyboardInterrupt, SystemExit)


class Reason:
    """Why a client is gone: the last argument of a disconnect handler."""

    SERVER_DISCONNECT = "server disconnect"
    CLIENT_DISCONNECT = "client disconnect"
    PING_TIMEOUT = "ping timeout"
    TRANSPORT_CLOSE = "transport close"
    TRANSPORT_ERROR = "transport error"


#: Where python-socketio has a word of its own; the others are Socket.IO's, such as "slow consumer".
_REASONS = {
    lib.ROOMCAST_REASON_CLIENT_NAMESPACE_DISCONNECT: Reason.CLIENT_DISCONNECT,
    lib.ROOMCAST_REASON_SERVER_NAMESPACE_DISCONNECT: Reason.SERVER_DISCONNECT,
}


class Client:
    """One client in one namespace."""

    __slots__ = ("sid", "socket", "request", "ns", "namespace", "environ", "session", "accepted", "left", "ended", "rooms", "inbox")

    def __init__(self, sid: str, socket: int, ns: int, namespace: str, environ: dict[str, Any]) -> None:
        self.sid, self.socket, self.ns, self.namespace, self.environ = sid, socket, ns, namespace, environ
        #: The handle by which it asks to be let in: another one than its session's socket has, if it asks for that.
        self.request = socket
        self.session: dict[str, Any] = {}
        #: The connect handler has let it in.
        self.accepted = False
        #: Why it left.
        self.left: Optional[str] = None
        #: Its disconnect handler has been called, or will not be.
        self.ended = False
        #: The rooms it was in, when it is gone.
        self.rooms: Optional[list[str]] = None
        #: Events that wait for the one before, without async_handlers.
        self.inbox: deque[Any] = deque()


class Answers:
    """Waits for acknowledgements of one emit. ``ended`` hears when no more will come, and whether the time was up."""

    __slots__ = ("callback", "ended")

    def __init__(self, callback: Handler, ended: Optional[Callable[[bool], None]]) -> None:
        self.callback, self.ended = callback, ended


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
        if isinstance(client_manager, str):
            client_manager = ClusterManager(client_manager)
        if not (client_manager is None or isinstance(client_manager, (ClusterManager, AsyncClusterManager))):
            raise ValueError("client_manager: it is the URL of a Redis, such as 'redis://127.0.0.1:6379', or a ClusterManager or RedisManager of roomcast's")
        if serializer not in ("default", "msgpack"):
            raise ValueError(f"serializer={serializer!r}: roomcast speaks Socket.IO's default encoding, and msgpack")
        if not (namespaces is None or namespaces == "*" or isinstance(namespaces, (list, tuple, set))):
            raise ValueError(f"namespaces={namespaces!r}: it is a list of names, or '*'")
        path = socketio_path.strip("/")
        # Whoever changes something has the loop take a turn, so the descriptor need not say it.
        fields = {**configuration(options), "path": f"/{path}/" if path else "/", "quiet_descriptor": 1,
                  "msgpack": int(serializer == "msgpack"),
                  **(client_manager.configuration() if client_manager is not None else {}), **(config or {})}
        #: What is answered here besides Socket.IO's path.
        self._path = str(fields["path"])
        self._max_payload = int(fields.get("max_payload") or 1_000_000)
        #: Seconds within which a connection has a client, or is closed.
        self._connect_timeout = (fields.get("connect_timeout") or 45_000) / 1000
        self._pages = {fields[name] for name in ("health_path", "metrics_path") if fields.get(name)}
        #: Clients that are not known here may be connected to another node.
        self._clustered = bool(fields.get("cluster_url"))
        for name in _UNANSWERED:
            if fields.get(name):
                raise ValueError(f"{name}: {_UNANSWERED[name]}")
        self.logger = _logger(logger)
        self._talkative = self.logger.isEnabledFor(logging.INFO)
        engine = self.logger if engineio_logger is None else _logger(engineio_logger)
        self.async_mode = "asyncio" if self.is_asyncio_based() else "threading"
        self.async_handlers = async_handlers
        self.always_connect = always_connect
        self.namespaces: Union[str, list[str]] = "*" if namespaces == "*" else list(namespaces or ["/"])
        self.handlers: dict[str, dict[str, Handler]] = {}
        self.namespace_handlers: dict[str, BaseServerNamespace] = {}
        self._handshake_handler: Optional[Handler] = None
        self._codec = Codec(json)
        #: Lines of the broker's log. They are logged when its call is over: a logging handler may call the server.
        self._lines: deque[tuple[int, str]] = deque()
        self._engine_logger = engine
        recovery = options.get("connection_state_recovery")
        #: A dict, if empty, asks for it as well.
        self._recovers = recovery is not None and recovery is not False
        self._asks_again = isinstance(recovery, Mapping) and recovery.get("skip_middlewares") is False
        #: The files of what is listened on over TLS, by the port.
        self._certificates: dict[int, tuple[str, Optional[str]]] = {}
        self._broker = raw.Broker(log=lambda *line: self._lines.append(line), **fields)
        self._remote = self._broker.remote()
        #: Emits, as packed records, and acknowledgements, in the order of the calls.
        self._queue: deque[Union[bytes, tuple[int, int, bytes, Any]]] = deque()
        self._committing = False
        self._clients: dict[str, Client] = {}
        self._by_socket: dict[int, Client] = {}
        #: Those who may come back: they can be put into rooms, taken out and disconnected, and their sessions are kept.
        self._away: dict[int, Client] = {}
        self._away_by_sid: dict[str, Client] = {}
        #: Those who ask for their sessions and were let in, by the sockets that have these, until they are back.
        self._let_back: dict[int, deque[Client]] = {}
        #: Those whose connect handler has not decided yet.
        self._answers: dict[int, Answers] = {}
        self._handles: dict[str, int] = {}
        self._names: dict[int, str] = {}
        if self.namespaces == "*":
            self._broker.add_pattern("/*", guarded=True, recovery=self._recovers, ask_again=self._asks_again)
        # "/" is there in any case; whoever comes is asked about.
        for name in ["/", *(self.namespaces if isinstance(self.namespaces, list) else ())]:
            self._open(name)
        self._tell()

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

        def register(handler: _Handler) -> _Handler:
            self._can_run(handler)
            self.handlers.setdefault(name, {})[event] = handler
            self._open(name)
            return handler

        return register if handler is None else register(handler)

    def on_handshake(self, handler: _MaybeHandler) -> _MaybeHandler:
        """Registers the function that decides about each new connection, before it has a client; it serves as a decorator, too. With
        None all are let in again.

        It takes the first request as a WSGI environ. What it returns are headers for its answer, such as ``{"Set-Cookie": "node=4;
        Path=/; Secure; Max-Age=3600"}``, or a list of pairs where a name is to be there twice; or None, or False, which turns the
        connection away. :class:`~roomcast.exceptions.HandshakeRefused` does so with a message, or with an answer of its own; anything
        else that it raises is logged, and the answer is 500. It has ``connect_timeout`` for that (of ``config``; 45 seconds); then the answer is 503.
        """
        if handler is not None:
            self._can_run(handler)
        with self._lock:
            self._commit()
            self._handshake_handler = handler
            self._broker.guard_handshakes(handler is not None)
        return handler

    def _handshake_decided(self, connection: int, answer: Any) -> None:
        """Takes what the handshake handler returned."""
        try:
            with self._lock:
                let_in(self._broker, connection, answer)
        except raw.Gone:
            pass
        except Exception as error:
            self._handshake_refused(connection, error)

    def _handshake_refused(self, connection: int, error: BaseException) -> None:
        """Takes what the handshake handler raised: a refusal, or its own fault."""
        try:
            with self._lock:
                if turn_away(self._broker, connection, error):
                    return
        except raw.Gone:
            return
        except Exception as unfit:  # what it refuses with cannot be sent
            return self._handshake_refused(connection, unfit)
        self._raised("the handshake handler failed", error=error)

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
        self._open(namespace_handler.namespace)

    def _open(self, namespace: str) -> None:
        if namespace != "*":
            with self._lock:
                self._handles[namespace] = self._broker.add_namespace(namespace, guarded=True, recovery=self._recovers,
                                                                      ask_again=self._asks_again)

    def _serves(self, namespace: str) -> bool:
        return (namespace in self.handlers or namespace in self.namespace_handlers or self.namespaces == "*"
                or namespace in self.namespaces)

    def _handler(self, event: str, namespace: str, args: tuple[Any, ...]) -> tuple[Optional[Handler], tuple[Any, ...]]:
        """The function for an event: its own, the namespace's catch-all, the event's in any namespace, the catch-all of all."""
        common = event not in self.reserved_events
        if own := self.handlers.get(namespace):
            if event in own:
                return own[event], args
            if common and "*" in own:
                return own["*"], (event, *args)
        if anywhere := self.handlers.get("*"):
            if event in anywhere:
                return anywhere[event], (namespace, *args)
            if common and "*" in anywhere:
                return anywhere["*"], (event, namespace, *args)
        return None, args

    def _object(self, namespace: str, args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """The namespace object for an event that no function takes."""
        if namespace in self.namespace_handlers:
            return self.namespace_handlers[namespace], args
        if "*" in self.namespace_handlers:
            return self.namespace_handlers["*"], (namespace, *args)
        return None, args

    # ---- who is where ----

    def rooms(self, sid: str, namespace: Optional[str] = None) -> list[Union[str, int]]:
        """The rooms a client is in, its own (the sid) first."""
        client = self._client(sid, namespace)
        if client is None:
            return []
        names = client.rooms
        if names is None:
            with self._lock:
                self._commit()
                try:
                    names = self._broker.rooms_of(client.socket)
                except raw.Gone:
                    return []
        return [as_room(name) for name in names]

    def transport(self, sid: str, namespace: Optional[str] = None) -> str:
        """How a client is connected by now: ``"polling"`` or ``"websocket"``."""
        client = self._known(sid, namespace)
        with self._lock:
            return "websocket" if self._broker.is_websocket(client.socket if client.accepted else client.request) else "polling"

    def get_environ(self, sid: str, namespace: Optional[str] = None) -> Optional[dict[str, Any]]:
        """A client's first request as a WSGI environ; None if it is not connected."""
        client = self._client(sid, namespace)
        return client.environ if client else None

    def _client(self, sid: str, namespace: Optional[str]) -> Optional[Client]:
        client = self._clients.get(sid)
        return client if client is not None and client.namespace == (namespace or "/") else None

    def _member(self, sid: str, namespace: Optional[str]) -> Optional[Client]:
        """One who is connected, or away."""
        client = self._client(sid, namespace)
        if client is None:
            client = self._away_by_sid.get(sid)
        return client if client is not None and client.namespace == (namespace or "/") else None

    def _known(self, sid: str, namespace: Optional[str]) -> Client:
        client = self._client(sid, namespace)
        if client is None:
            raise KeyError("Session not found")
        return client

    def _enter(self, sid: str, room: Any, namespace: Optional[str]) -> None:
        client, name = self._member(sid, namespace), as_key(room)
        if client is None and self._clustered:
            return self._elsewhere(sid, namespace, lambda ns: self._broker.sockets_join(ns, [name], rooms=[as_key(sid)]))
        if client is None:
            raise ValueError("sid is not connected to requested namespace")
        if name != sid and self._client(name, namespace):
            raise ValueError("cannot enter a sid room")
        self._note("%s is entering room %s [%s]", sid, room, client.namespace)
        with self._lock:
            self._commit()
            try:
                self._broker.join(client.socket, name)
            except raw.Gone:
                return

    def _leave(self, sid: str, room: Any, namespace: Optional[str]) -> None:
        client, name = self._member(sid, namespace), as_key(room)
        if client is None and self._clustered:
            return self._elsewhere(sid, namespace, lambda ns: self._broker.sockets_leave(ns, [name], rooms=[as_key(sid)]))
        if client is None or name == sid:
            return
        self._note("%s is leaving room %s [%s]", sid, room, client.namespace)
        with self._lock:
            self._commit()
            try:
                self._broker.leave(client.socket, name)
            except raw.Gone:
                return

    def _elsewhere(self, sid: str, namespace: Optional[str], order: Callable[[int], object]) -> None:
        """Orders something for a client of another node."""
        with self._lock:
            ns = self._find(namespace or "/")
            self._commit()
            if ns is not None:
                order(ns)
        self._wake()

    def _wake(self) -> None:
        """Has the loop take a turn, for what was ordered and for what waits in the queue."""

    def _of_cluster(self, kind: int, name: str, context: int) -> None:
        """What has become of the cluster."""
        if kind == raw.CLUSTER_DOWN:
            self.logger.warning("the cluster is down: %s", name)
        elif kind == raw.CLUSTER_REFUSED:
            self.logger.error("Redis does not allow %s", name)
        elif kind == raw.CLUSTER_UP:
            self._note("the cluster is up, after %d ms", context)

    def _close_room(self, room: Any, namespace: Optional[str]) -> None:
        name, space = as_key(room), namespace or "/"
        if self._client(name, space):
            raise ValueError("cannot close a sid room")
        self._note("room %s is closing [%s]", room, space)
        with self._lock:
            ns = self._find(space)
            self._commit()
            if ns is not None:
                self._broker.sockets_leave(ns, [name], rooms=[name])
        if self._clustered:
            self._wake()

    def _find(self, namespace: str) -> Optional[int]:
        ns = self._handles.get(namespace)
        if ns is None and self.namespaces == "*":
            with self._lock:
                ns = self._broker.find_namespace(namespace)
            if ns is not None:
                self._handles[namespace] = ns
        return ns

    def _namespace(self, ns: int) -> str:
        name = self._names.get(ns)
        if name is None:
            name = self._names[ns] = self._broker.namespace_name(ns)
        return name

    # ---- what leaves ----

    @staticmethod
    def _flags(ignore_queue: bool, compress: bool = True) -> int:
        return (raw.LOCAL if ignore_queue else 0) | (0 if compress else raw.UNCOMPRESSED)

    def _emit(self, event: str, data: Any, to: Rooms, room: Rooms, skip_sid: Any, namespace: Optional[str],
              flags: int) -> bool:
        """Queues an emit; it is handed over before anything that changes who gets it. True if many were waiting."""
        if self._broker.forked:
            raise self._broker.taken()
        name, whom = as_event(event), as_whom(to, room)
        if self._talkative:
            self._note('emitting event "%s" to %s [%s]', event, "all" if whom is None else to or room, namespace or "/")
        ns = self._find(namespace or "/")
        if ns is None:
            return False
        args, attachments = self._codec.encode(as_args(data))
        record = raw.pack(ns, name, args, whom, self._skipped(skip_sid), None, (), attachments, flags=flags)
        self._queue.append(record)
        if len(self._queue) < _WAITING_EMITS:
            return False
        with self._lock:
            # A signal handler or a logging handler may come within a call that is under way: then that one's turn has it.
            if not self._committing and not self._broker.busy:
                self._commit()
        return True

    def _skipped(self, skip_sid: Any) -> list[bytes]:
        """The sids to leave out. What is no client's sid, such as None or a room, leaves nobody out."""
        if skip_sid is None:
            return []
        sids = [skip_sid] if isinstance(skip_sid, str) or not isinstance(skip_sid, Iterable) else skip_sid
        return [sid.encode() for sid in sids if isinstance(sid, str) and self._is_sid(sid)]

    def _is_sid(self, sid: str) -> bool:
        """Whether it is a client's; of another node's clients it is known that they have 20 characters."""
        return sid in self._clients or sid in self._away_by_sid or (self._clustered and len(sid) == 20)

    def _emit_with_ack(self, event: str, data: Any, to: Rooms, room: Rooms, skip_sid: Any, namespace: Optional[str],
                       answers: Answers, flags: int, timeout: Optional[float] = None) -> bool:
        """Emits at once, as the answers have to find their callback; False if that is to nobody."""
        name, whom = as_event(event), as_whom(to, room)
        args, attachments = self._codec.encode(as_args(data))
        with self._lock:
            ns = self._find(namespace or "/")
            if ns is None:
                return False
            self._commit()
            number = self._broker.emit_with_ack(ns, name, args, rooms=whom, except_rooms=self._skipped(skip_sid),
                                                attachments=attachments, timeout=timeout, flags=flags)
            if number:
                self._answers[number] = answers
            return number != 0

    def _acknowledge(self, client: Client, ack: int, answer: Any) -> None:
        args, attachments = self._codec.encode(as_args(answer))
        self._queue.append((client.socket, ack, args, attachments))

    def _commit(self) -> None:
        """Hands over what was emitted and acknowledged, in the order of the calls. Under the lock."""
        if self._committing or self._broker.busy:
            raise self._broker.taken()
        queue = self._queue
        if not queue:
            return
        self._committing = True
        try:
            records: list[bytes] = []
            # As many as are there now: other threads may go on adding.
            for _ in range(len(queue)):
                item = queue.popleft()
                if isinstance(item, bytes):
                    records.append(item)
                    continue
                if records:
                    self._broker.emit_each(records, self._lost)
                    records = []
                try:
                    self._broker.ack(*item)
                except raw.Gone:
                    pass
                except Exception as error:
                    self._lost(error)
            if records:
                self._broker.emit_each(records, self._lost)
        finally:
            self._committing = False

    def _lost(self, error: Exception) -> None:
        if not isinstance(error, raw.Gone):
            self._say(self.logger, logging.ERROR, "an emit failed: %s", error)

    # ---- who comes and goes ----

    def _arrives(self, socket: int, ns: int, sid: str, recovered: bool) -> Optional[Client]:
        """Notes a client that asks to be let in, as a new one or to its session; None if it was turned away. Under the lock."""
        namespace = self._namespace(ns)
        if not self._serves(namespace):
            self._broker.reject(socket, "Unable to connect")
            return None
        try:
            client = Client(sid, socket, ns, namespace, self._environ(socket))
        except raw.Gone:
            return None
        self._by_socket[socket] = client
        before = self._clients.get(sid)
        if recovered:
            client.environ["recovered"] = True
            client.socket = self._broker.find_socket(sid) or socket
            if client.socket in self._away:
                client.session = self._away[client.socket].session
        # Its session may be with an older connection still.
        if before is None or before.left is not None:
            self._clients[sid] = client
        if self.always_connect and not self._accept(client):
            self._forget(client)
            return None
        return client

    def _environ(self, socket: int) -> dict[str, Any]:
        """What its connect handler hears of a client's first request."""
        return environ(self._broker.handshake(socket))

    def _accept(self, client: Client) -> bool:
        """Lets a client in; False if it is gone."""
        with self._lock:
            self._commit()
            client.accepted = True
            try:
                self._broker.accept(client.request)
            except raw.Gone:
                return False
            if client.request != client.socket:
                self._let_back.setdefault(client.socket, deque()).append(client)
            return True

    def _refuse(self, client: Client, why: dict[str, Any]) -> None:
        with self._lock:
            self._commit()
            try:
                if client.accepted:
                    self._broker.disconnect(client.socket)
                else:
                    try:
                        self._broker.reject(client.request, *self._refusal(why))
                    except (TypeError, ValueError) as error:  # the client is refused all the same
                        self._failed("connect", client.namespace, error)
                        self._broker.reject(client.request, "Connection rejected by server")
            except raw.Gone:
                pass
            client.ended = True
            self._forget(client)

    def _refusal(self, why: dict[str, Any]) -> tuple[str, bytes]:
        if "data" not in why:
            return str(why.get("message", "")), b""
        data, attachments = self._codec.encode([why["data"]])
        if attachments:
            raise TypeError("what a refusal tells the client is JSON, and bytes are not")
        return str(why.get("message", "")), data[1:-1]

    def _decided(self, client: Client, answer: Any) -> None:
        """Takes what a connect handler returned."""
        if answer is False:
            self._refuse(client, {"message": "Connection rejected by server"})
        elif not client.accepted:
            self._accept(client)

    def _refused(self, client: Client, error: BaseException) -> None:
        """Takes what a connect handler raised: a refusal, or its own fault."""
        why = getattr(error, "error_args", None)
        if isinstance(error, ConnectionRefusedError):
            why = {"message": "Connection refused by server"}
        if not isinstance(why, dict):
            self._failed("connect", client.namespace, error)
            why = {"message": "Connection rejected by server"}
        self._refuse(client, why)

    def _returns(self, socket: int, ns: int) -> Optional[Client]:
        """Notes a client that was away and is let in already; None if its connect handler has let it in, or if it is gone again. Under
        the lock."""
        before = self._is_back(socket)
        if asked := self._let_back.get(socket):
            client = asked.popleft()
            self._drop_request(client)
            if before is not None and self._clients.get(client.sid) is not client:
                client.session = before.session
            self._clients[client.sid] = self._by_socket[socket] = client
            return None
        try:
            made = {**environ(self._broker.handshake(socket)), "recovered": True}
            client = Client(self._broker.socket_id(socket), socket, ns, self._namespace(ns), made)
        except raw.Gone:
            return None
        client.accepted = True
        client.session = before.session if before is not None else {}
        self._clients[client.sid] = self._by_socket[socket] = client
        return client

    def _leaves(self, socket: int, code: int, rooms: Iterable[bytes], flags: int) -> Optional[Client]:
        """Notes that a client is gone; it stays known until its disconnect handler is done."""
        client = self._by_socket.pop(socket, None)
        if client is not None and socket == client.request:
            self._drop_request(client)
        if not flags & raw.RECOVERABLE:
            self._is_back(socket)
        if client is not None:
            with self._lock:
                if flags & raw.RECOVERABLE:
                    self._away[socket] = self._away_by_sid[client.sid] = client
                client.left = _REASONS.get(code) or raw.reason_text(code)
                if client.rooms is None:
                    client.rooms = [client.sid, *(room.decode() for room in rooms)]
        return client

    def _drop_request(self, client: Client) -> None:
        """Notes that a client asks for its session no more."""
        self._by_socket.pop(client.request, None)
        asked = self._let_back.get(client.socket)
        if asked is not None:
            if client in asked:
                asked.remove(client)
            if not asked:
                del self._let_back[client.socket]

    def _is_back(self, socket: int) -> Optional[Client]:
        """Notes that a client is not away any more, whatever it is now."""
        client = self._away.pop(socket, None)
        if client is not None:
            self._away_by_sid.pop(client.sid, None)
        return client

    def _sent_away(self, sid: str, namespace: Optional[str], ignore_queue: bool) -> Optional[Client]:
        """Disconnects a client; None if it is not connected. One who is away does not come back."""
        client = self._member(sid, namespace)
        if client is None:
            if self._clustered and not ignore_queue:
                self._elsewhere(sid, namespace, lambda ns: self._broker.disconnect_sockets(ns, rooms=[as_key(sid)]))
            return None
        with self._lock:
            if client.socket in self._away:
                self._commit()
                try:
                    self._broker.disconnect(client.socket)
                except raw.Gone:
                    pass
                return None
            if not client.accepted or client.ended:
                return None
            self._note("Disconnecting %s [%s]", sid, client.namespace)
            self._commit()
            try:
                rooms = self._broker.rooms_of(client.socket)
                self._broker.disconnect(client.socket)
            except raw.Gone:
                return None
            client.rooms, client.ended = rooms, True
        return client

    def _ends(self, client: Client) -> bool:
        """True for the one that calls the disconnect handler, once the connect handler has let the client in."""
        with self._lock:
            first = client.accepted and not client.ended
            client.ended |= first
            return first

    def _forget(self, client: Client) -> None:
        # By now it may be back, as another one.
        if self._clients.get(client.sid) is client:
            del self._clients[client.sid]
        for socket in (client.socket, client.request):
            if self._by_socket.get(socket) is client:
                del self._by_socket[socket]

    def _namespace_removed(self, ns: int, name: str) -> None:
        self._names.pop(ns, None)
        if self._handles.get(name) == ns:
            del self._handles[name]

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
            self._commit()
            return self._broker.stats()

    def export_recovery(self) -> bytes:
        """The sessions of clients that may come back, and what they have missed, for the process that comes after this one.

        To be called when the server has ended: behind ``run`` or ``serve``. With these bytes one can have the sessions: nobody else may
        read the file that they are in.
        """
        with self._lock:
            self._commit()
            return self._broker.export_recovery()

    def import_recovery(self, data: bytes) -> int:
        """Takes over what another process has exported, before the server listens and when its handlers are registered.

        Returns how many clients are waited for. Each that comes back has its sid and its rooms, and its connect handler is called with
        ``environ["recovered"]``; what was saved in its session ended with the other process. Clients whose time is up by then get
        new sids. What cannot be imported raises RoomcastError (``ROOMCAST_ERROR_BAD_IMPORT``), which says why.
        """
        with self._lock:
            return self._broker.import_recovery(data)

    def _listen(self, host: str, port: int, uds: Optional[str], fd: Optional[int], certfile: Optional[str],
                keyfile: Optional[str], proxied: bool) -> int:
        """Listens on a Unix socket, a descriptor, or an address. Returns the port, if there is one."""
        if (certfile is None and keyfile is not None) or (certfile is not None and (uds is not None or fd is not None)):
            raise ValueError("certfile is for an address, and keyfile for a certfile")
        if uds is not None:
            self._broker.listen_unix(uds, proxy_protocol=proxied)
        elif fd is not None:
            self._broker.listen_fd(fd, proxy_protocol=proxied)
        elif certfile is not None:
            bound = self._broker.listen_tls(host, port, [_identity(certfile, keyfile)], proxy_protocol=proxied)
            self._certificates[bound] = (certfile, keyfile)
            return bound
        else:
            return self._broker.listen(host, port, proxy_protocol=proxied)
        return 0

    def reload_certificates(self) -> None:
        """Reads the files of ``certfile`` and ``keyfile`` again, which a program that renews them has replaced. Nobody is disconnected:
        who comes from now on is shown the new ones. If one cannot be read, or is none, this raises, and all is as before."""
        for port, (certfile, keyfile) in list(self._certificates.items()):
            identity = _identity(certfile, keyfile)
            with self._lock:
                self._broker.set_tls(port, [identity])

    def _say_where(self, host: str, port: int, uds: Optional[str] = None, fd: Optional[int] = None) -> None:
        if uds is not None:
            where = f"unix:{uds}"
        elif fd is not None:
            where = f"descriptor {fd}"
        else:
            scheme = "https" if port in self._certificates else "http"
            where = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
        print(f"roomcast listens on {where} (Ctrl-C ends it)", file=sys.stderr, flush=True)

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
        decide: Optional[Handler] = None
        if auth and not _is_login(auth):
            decide = _deciding(auth, self.is_asyncio_based())
            if callable(auth):
                self._can_run(auth)
        with self._lock:
            try:
                self._broker.instrument(
                    namespace=namespace, login=(auth["username"], auth["password"]) if auth and decide is None else None,
                    decides=decide is not None, production=mode == "production", read_only=read_only, server_id=server_id or "",
                    stats_interval=server_stats_interval)
            except raw.RoomcastError as error:
                raise ValueError(str(error)) from None
            if decide is not None:
                self.handlers.setdefault(namespace, {})["connect"] = decide

    def _note(self, text: str, *args: Any) -> None:
        if self._talkative:
            self._say(self.logger, logging.INFO, text, *args)

    def _tell(self) -> None:
        """Logs the broker's lines, outside of its calls and of the lock."""
        for _ in range(len(self._lines)):
            level, line = self._lines.popleft()
            self._say(self._engine_logger, _level(level), line)

    def _say(self, logger: logging.Logger, level: int, text: str, *args: Any, error: Optional[BaseException] = None) -> None:
        """Logs; what a logger's own code raises is printed, as logging does with its handlers', and breaks nothing."""
        try:
            logger.log(level, text, *args, exc_info=error)
        except Exception:
            traceback.print_exc()

    def _failed(self, event: str, namespace: str, error: BaseException) -> None:
        """Takes what a handler raised: it costs that event only, unless it ends the program."""
        self._raised("the handler of %r in %s failed", event, namespace, error=error)

    def _raised(self, text: str, *args: Any, error: BaseException) -> None:
        if isinstance(error, ENDING):
            self._end_with(error)
        else:
            self._say(self.logger, logging.ERROR, text, *args, error=error)

    def _end_with(self, error: BaseException) -> None:
        """Ends the server, and then the program, when what is under way is done."""
        raise NotImplementedError


def _given(**options: Any) -> dict[str, Any]:
    """Those that are given: whoever has a `listen` of his own may know nothing of them."""
    return {name: value for name, value in options.items() if value}


def _is_login(auth: Any) -> bool:
    """Whether it is one name with its password."""
    return isinstance(auth, dict) and set(auth) == {"username", "password"} and all(isinstance(value, str) for value in auth.values())


def _deciding(auth: Any, in_asyncio: bool) -> Handler:
    """A connect handler that lets in whoever `auth` takes: a function, or what a client has to give, of which there may be several."""
    refused = exceptions.ConnectionRefusedError("authentication failed")
    if isinstance(auth, (dict, list)):
        takes_it: Handler = (lambda given: given == auth) if isinstance(auth, dict) else (lambda given: given in auth)
    elif callable(auth):
        takes_it = auth
    else:
        raise ValueError(f"auth={type(auth).__name__}: it is a dict, a list, a function or False")

    def decide(sid: str, environ: Any, given: Any) -> None:
        verdict = takes_it(given)
        # What nobody awaits says nothing.
        if inspect.isawaitable(verdict) or not verdict:
            raise refused

    async def decide_later(sid: str, environ: Any, given: Any) -> None:
        verdict = takes_it(given)
        if not (await verdict if inspect.isawaitable(verdict) else verdict):
            raise refused

    return decide_later if in_asyncio else decide


def _identity(certfile: str, keyfile: Optional[str]) -> tuple[bytes, bytes]:
    with open(certfile, "rb") as chain:
        identity = chain.read()
    if keyfile is None:
        return identity, identity
    with open(keyfile, "rb") as key:
        return identity, key.read()


def takes(handler: Handler, count: int) -> bool:
    """Whether a function takes so many arguments."""
    try:
        inspect.signature(handler).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # a builtin that does not say
        return True
    return True


def is_coroutine_function(handler: Handler) -> bool:
    """Whether to call it gives a coroutine."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))


def fitting(handler: Handler, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments without the last one, for a handler that does not take it: an older signature."""
    return args if takes(handler, len(args)) or not takes(handler, len(args) - 1) else args[:-1]


def _level(level: int) -> int:
    return {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO}.get(level, logging.DEBUG)


def _logger(wanted: Union[bool, logging.Logger]) -> logging.Logger:
    if not isinstance(wanted, bool):
        return wanted
    if wanted and _DEFAULT_LOGGER.level == logging.NOTSET:
        _DEFAULT_LOGGER.setLevel(logging.INFO)
        if not _DEFAULT_LOGGER.hasHandlers():
            _DEFAULT_LOGGER.addHandler(logging.StreamHandler())
    return _DEFAULT_LOGGER
