"""How the broker hears what a connect handler has decided of a client, and of one that comes back. It must not call the handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

from . import raw
from ._clients import Client, Clients
from ._codec import Codec
from ._handlers import Handlers
from ._outbox import Outbox
from ._spaces import Spaces

#: Takes what a handler raised: the event, the namespace, the error.
Failed = Callable[[str, str, BaseException], None]


class Admission:
    """Lets clients in, and refuses them."""

    def __init__(self, outbox: Outbox, clients: Clients, handlers: Handlers, spaces: Spaces, codec: Codec,
                 environ: Callable[[int], dict[str, Any]], failed: Failed) -> None:
        self._outbox, self._broker, self._lock = outbox, outbox.broker, outbox.lock
        self._clients, self._handlers, self._spaces, self._codec = clients, handlers, spaces, codec
        #: Makes what a connect handler hears of a socket's first request.
        self._environ, self._failed = environ, failed

    def arrives(self, socket: int, ns: int, sid: str, recovered: bool, always: bool) -> Optional[Client]:
        """Notes a client that asks to be let in, as a new one or to its session; None if it was turned away. With ``always`` it is let in
        before its handler decides. Under the lock."""
        namespace = self._spaces.name(ns)
        if not self._handlers.serves(namespace):
            self._broker.reject(socket, "Unable to connect")
            return None
        try:
            client = Client(sid, socket, ns, namespace, self._environ(socket))
        except raw.Gone:
            return None
        if recovered:
            client.environ["recovered"] = True
            client.socket = self._broker.find_socket(sid) or socket
        self._clients.arrives(client)
        if always and not self._accept(client):
            self._clients.forget(client)
            return None
        return client

    def _accept(self, client: Client) -> bool:
        """Lets a client in; False if it is gone."""
        with self._lock:
            self._outbox.commit()
            client.accepted = True
            try:
                self._broker.accept(client.request)
            except raw.Gone:
                return False
            self._clients.let_in(client)
            return True

    def decided(self, client: Client, answer: Any) -> None:
        """Takes what a connect handler returned."""
        if answer is False:
            self._refuse(client, {"message": "Connection rejected by server"})
        elif not client.accepted:
            self._accept(client)

    def refused(self, client: Client, error: BaseException) -> None:
        """Takes what a connect handler raised: a refusal, or its own fault."""
        why = getattr(error, "error_args", None)
        if isinstance(error, ConnectionRefusedError):
            why = {"message": "Connection refused by server"}
        if not isinstance(why, dict):
            self._failed("connect", client.namespace, error)
            why = {"message": "Connection rejected by server"}
        self._refuse(client, why)

    def _refuse(self, client: Client, why: dict[str, Any]) -> None:
        with self._lock:
            self._outbox.commit()
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
            self._clients.forget(client)

    def _refusal(self, why: dict[str, Any]) -> tuple[str, bytes]:
        if "data" not in why:
            return str(why.get("message", "")), b""
        data, attachments = self._codec.encode([why["data"]])
        if attachments:
            raise TypeError("what a refusal tells the client is JSON, and bytes are not")
        return str(why.get("message", "")), data[1:-1]

    def returns(self, socket: int, ns: int) -> Optional[Client]:
        """Notes a client that was away and is let in already; None if its connect handler has let it in, or if it is gone again. Under
        the lock."""
        before = self._clients.is_back(socket)
        if self._clients.takes_over(socket, before):
            return None
        try:
            made = {**self._environ(socket), "recovered": True}
            client = Client(self._broker.socket_id(socket), socket, ns, self._spaces.name(ns), made)
        except raw.Gone:
            return None
        self._clients.returns(client, before)
        return client
