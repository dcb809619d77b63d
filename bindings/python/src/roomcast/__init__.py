"""A Socket.IO server inside your program, with the API of python-socketio's servers: ``import roomcast as socketio``.

:class:`Server` runs handlers on threads, :class:`AsyncServer` in asyncio; both listen by themselves. ``roomcast.raw`` is
the level below: batches of events, and no handlers.
"""

from __future__ import annotations

from typing import Any

from . import exceptions
from ._asgi import ASGIApp
from ._managers import AsyncClusterManager, AsyncRedisManager, ClusterManager, RedisManager
from ._wsgi import WSGIApp
from .async_server import AsyncServer
from .namespace import AsyncNamespace, Namespace
from .raw import version
from .server import Server

__all__ = ["Server", "AsyncServer", "Namespace", "AsyncNamespace", "ClusterManager", "AsyncClusterManager", "RedisManager",
           "AsyncRedisManager", "ASGIApp", "WSGIApp", "exceptions"]
__version__ = version()

_GLUE = ("roomcast listens by itself: call server.run(host, port), or await server.serve(host, port); an ASGI application for the other paths "
         "of the same port is their argument app")
_ELSEWHERE = {
    **dict.fromkeys(("Middleware", "get_tornado_handler"), _GLUE),
    **dict.fromkeys(("Client", "AsyncClient", "SimpleClient", "AsyncSimpleClient", "ClientNamespace", "AsyncClientNamespace"),
                    "roomcast is a server; python-socketio's clients connect to it"),
    **dict.fromkeys(("Manager", "AsyncManager", "PubSubManager", "KombuManager", "KafkaManager", "ZmqManager",
                     "AsyncAioPikaManager"), "a cluster is over Redis: client_manager='redis://…', or a RedisManager"),
}


def __getattr__(name: str) -> Any:
    why = _ELSEWHERE.get(name)
    raise AttributeError(f"roomcast has no {name}: {why}" if why else f"module 'roomcast' has no attribute {name!r}")
