"""Who is connected, who is away and may come back, and who asks for that. It must not call the broker or a handler."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Optional

from . import raw
from ._arguments import texts, unfit
from ._native import lib


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


class Clients:
    """The clients, by their sids and by the broker's sockets."""

    def __init__(self, lock: AbstractContextManager[Any], clustered: bool) -> None:
        self._lock = lock
        #: Clients that are not known here may be connected to another node.
        self.clustered = clustered
        self.by_sid: dict[str, Client] = {}
        self.by_socket: dict[int, Client] = {}
        #: Those who may come back: they can be put into rooms, taken out and disconnected, and their sessions are kept.
        self._away: dict[int, Client] = {}
        self._away_by_sid: dict[str, Client] = {}
        #: Those who ask for their sessions and were let in, by the sockets that have these, until they are back.
        self._let_back: dict[int, deque[Client]] = {}

    # ---- who is there ----

    def connected(self, sid: str, namespace: Optional[str]) -> Optional[Client]:
        """One who is connected."""
        if not isinstance(sid, str):
            raise unfit("sid", sid, "a str")
        client = self.by_sid.get(sid)
        if client is not None and client.namespace == (namespace or "/"):
            return client
        texts(namespace=namespace or "/")
        return None

    def member(self, sid: str, namespace: Optional[str]) -> Optional[Client]:
        """One who is connected, or away."""
        client = self.connected(sid, namespace)
        if client is None:
            client = self._away_by_sid.get(sid)
        return client if client is not None and client.namespace == (namespace or "/") else None

    def known(self, sid: str, namespace: Optional[str]) -> Client:
        """One who is connected; KeyError for others."""
        client = self.connected(sid, namespace)
        if client is None:
            raise KeyError("Session not found")
        return client

    def is_sid(self, sid: str) -> bool:
        """Whether it is a client's; of another node's clients it is known that they have 20 characters."""
        return sid in self.by_sid or sid in self._away_by_sid or (self.clustered and len(sid) == 20)

    def is_away(self, client: Client) -> bool:
        """Whether it may come back."""
        return client.socket in self._away

    # ---- who comes ----

    def arrives(self, client: Client) -> None:
        """Notes one who asks to be let in. If it asks for its session, it has that one's socket by now."""
        self.by_socket[client.request] = client
        before = self.by_sid.get(client.sid)
        if client.socket in self._away:
            client.session = self._away[client.socket].session
        # Its session may be with an older connection still.
        if before is None or before.left is not None:
            self.by_sid[client.sid] = client

    def let_in(self, client: Client) -> None:
        """Notes that the broker was told to let it in; one who asks for its session has that when it is back."""
        if client.request != client.socket:
            self._let_back.setdefault(client.socket, deque()).append(client)

    def is_back(self, socket: int) -> Optional[Client]:
        """Notes that a client is not away any more, whatever it is now."""
        client = self._away.pop(socket, None)
        if client is not None:
            self._away_by_sid.pop(client.sid, None)
        return client

    def takes_over(self, socket: int, before: Optional[Client]) -> bool:
        """Notes that a session is back with the client that asked for it; False if none was let in. ``before`` was away."""
        asked = self._let_back.get(socket)
        if not asked:
            return False
        client = asked.popleft()
        self._drop_request(client)
        if before is not None and self.by_sid.get(client.sid) is not client:
            client.session = before.session
        self.by_sid[client.sid] = self.by_socket[socket] = client
        return True

    def returns(self, client: Client, before: Optional[Client]) -> None:
        """Notes one who is back without having asked. ``before`` was away."""
        client.accepted = True
        client.session = before.session if before is not None else {}
        self.by_sid[client.sid] = self.by_socket[client.socket] = client

    # ---- who goes ----

    def leaves(self, socket: int, code: int, rooms: Iterable[bytes], flags: int) -> Optional[Client]:
        """Notes that a client is gone; it stays known until its disconnect handler is done."""
        client = self.by_socket.pop(socket, None)
        if client is not None and socket == client.request:
            self._drop_request(client)
        if not flags & raw.RECOVERABLE:
            self.is_back(socket)
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
        self.by_socket.pop(client.request, None)
        asked = self._let_back.get(client.socket)
        if asked is not None:
            if client in asked:
                asked.remove(client)
            if not asked:
                del self._let_back[client.socket]

    def ends(self, client: Client) -> bool:
        """True for the one that calls the disconnect handler, once the connect handler has let the client in."""
        with self._lock:
            first = client.accepted and not client.ended
            client.ended |= first
            return first

    def forget(self, client: Client) -> None:
        """Knows a client no more."""
        # By now it may be back, as another one.
        if self.by_sid.get(client.sid) is client:
            del self.by_sid[client.sid]
        for socket in (client.socket, client.request):
            if self.by_socket.get(socket) is client:
                del self.by_socket[socket]
