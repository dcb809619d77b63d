"""What an ASGI server said of the requests by which clients came, for their connect handlers. It must not hold a scope whose client is gone."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from weakref import WeakValueDictionary

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: The header by which the broker's handshake leads back to a scope. A client's own is left out, and could not guess one.
HEADER = "roomcast-scope"
_KEY = "HTTP_ROOMCAST_SCOPE"


class Scope(dict[str, Any]):
    """A scope, with what comes with it. The clients of its connection hold it, by their ``environ``."""

    __slots__ = ("receive", "send", "__weakref__")

    def __init__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        super().__init__(scope)
        self.receive, self.send = receive, send


class Scopes:
    """The scopes by which clients came that are here, or may still come."""

    def __init__(self, patience: float) -> None:
        #: Seconds within which a connection has a client, or is closed.
        self._patience = patience
        self._known: WeakValueDictionary[str, Scope] = WeakValueDictionary()
        self._secret, self._count = secrets.token_hex(16), 0

    def note(self, scope: Scope) -> str:
        """Remembers one for as long as a client may come by it, and then for as long as one is there. Returns the header's value."""
        self._count += 1
        name = f"{self._secret}-{self._count}"
        self._known[name] = scope
        # That it is an argument holds it.
        asyncio.get_running_loop().call_later(self._patience, len, scope)
        return name

    def complete(self, environ: dict[str, Any]) -> None:
        """Adds to an environ what python-socketio's has under an ASGI server."""
        name = environ.pop(_KEY, None)
        scope = None if name is None else self._known.get(name)
        if scope is None:
            return
        scheme = scope.get("scheme", "http")
        host, port = scope.get("client") or ("", 0)
        environ.update({
            "asgi.scope": scope, "asgi.receive": scope.receive, "asgi.send": scope.send, "wsgi.async": True, "wsgi.multithread": False,
            "wsgi.url_scheme": {"ws": "http", "wss": "https"}.get(scheme, scheme), "PATH_INFO": scope["path"],
            "REMOTE_ADDR": str(host), "REMOTE_PORT": str(port), "SERVER_SOFTWARE": "asgi"})
