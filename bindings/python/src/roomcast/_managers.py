"""Managers: which cluster a server is a node of, or what a program without clients tells one. They must not know a server's clients."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, Optional, Union

from . import raw
from ._arguments import duration, mappings, texts
from ._codec import Codec, as_args
from ._native import lib
from ._names import Rooms, as_event, as_key, as_whom

#: What nodes say to each other, by the names that Node's adapters have.
FORMATS = {
    "pubsub": lib.ROOMCAST_CLUSTER_PUBSUB,
    "pubsub-rooms": lib.ROOMCAST_CLUSTER_PUBSUB_ROOMS,
    "sharded": lib.ROOMCAST_CLUSTER_SHARDED,
    "sharded-static": lib.ROOMCAST_CLUSTER_SHARDED_STATIC,
    "sharded-dynamic-private": lib.ROOMCAST_CLUSTER_SHARDED_PRIVATE,
    "streams": lib.ROOMCAST_CLUSTER_STREAMS,
    "python": lib.ROOMCAST_CLUSTER_PYTHON,
}


class _Manager:
    """The settings of one cluster, and with ``write_only`` a broker of its own for those who have no server."""

    def __init__(self, url: str, format: str, channel: str, write_only: bool, json: Any,
                 config: Optional[Mapping[str, Any]]) -> None:
        texts(url=url, format=format, channel=channel)
        mappings(config={} if config is None else config)
        if format not in FORMATS:
            raise ValueError(f"format={format!r}: it is one of {', '.join(map(repr, FORMATS))}")
        self.write_only = bool(write_only)
        self._fields = {"cluster_url": url, "cluster_format": FORMATS[format], "cluster_prefix": channel,
                        "cluster_write_only": int(self.write_only), **(config or {})}
        self._codec = Codec(json)
        self._lock = threading.Lock()
        self._broker: Optional[raw.Broker] = None

    def configuration(self) -> Mapping[str, Any]:
        """Fields of roomcast_config, for a server."""
        return self._fields

    def _speaker(self) -> raw.Broker:
        """The broker that speaks to the cluster for a program without a server. It has a thread of its own."""
        if not self.write_only:
            raise RuntimeError("only a manager with write_only=True speaks to a cluster by itself; the others are a server's client_manager")
        if self._broker is None:
            self._broker = raw.Broker(**self._fields, loops=1)
        return self._broker

    def _emit(self, event: str, data: Any, namespace: Optional[str], room: Rooms, skip_sid: Any, callback: Any, to: Rooms) -> None:
        if callback is not None:
            raise RuntimeError("Callbacks can only be issued from the context of a server.")
        args, attachments = self._codec.encode(as_args(data))
        skipped = () if skip_sid is None else skip_sid if isinstance(skip_sid, (list, tuple, set, frozenset)) else (skip_sid,)
        name, whom, others = as_event(event), as_whom(to, room), [as_key(sid, "skip_sid").encode() for sid in skipped]
        with self._lock:
            broker = self._speaker()
            ns = _space(broker, namespace)
            broker.emit_many([raw.pack(ns, name, args, whom, others, None, (), attachments)])

    def _join(self, sid: str, room: Any, namespace: Optional[str]) -> None:
        with self._lock:
            broker = self._speaker()
            broker.sockets_join(_space(broker, namespace), [as_key(room)], rooms=[as_key(sid, "sid")])

    def _leave(self, who: Any, room: Any, namespace: Optional[str]) -> None:
        with self._lock:
            broker = self._speaker()
            broker.sockets_leave(_space(broker, namespace), [as_key(room)], rooms=[as_key(who, "sid")])

    def _disconnect(self, sid: str, namespace: Optional[str]) -> None:
        with self._lock:
            broker = self._speaker()
            broker.disconnect_sockets(_space(broker, namespace), rooms=[as_key(sid, "sid")])

    def close(self, grace: float = 1.0) -> None:
        """Ends what a manager with ``write_only`` has begun; what was said still goes out, for ``grace`` seconds at most."""
        duration("grace", grace)
        with self._lock:
            broker, self._broker = self._broker, None
        if broker is not None:
            broker.close(grace)


class ClusterManager(_Manager):
    """A cluster of Socket.IO servers over Redis, as a server's ``client_manager``; with ``write_only`` also by itself, for a program
    that has no clients of its own::

        manager = roomcast.ClusterManager("redis://", write_only=True)
        manager.emit("news", {"from": "a worker"}, room="lobby")

    Nothing waits for Redis. Any thread may call any method.

    :param url: ``redis://user:password@host:port/database``, ``unix:///path``, over TLS ``rediss://host:port`` with redis-py's options
        ``?ssl_ca_certs=/path``, ``ssl_ca_data``, ``ssl_cert_reqs=none``, ``ssl_certfile`` and ``ssl_keyfile``, or of Redis Sentinel
        ``redis+sentinel://user:password@host:port,host:port/database/service``, or of a Redis Cluster some servers,
        ``redis+cluster://user:password@host:port,host:port``.
    :param format: what the nodes say to each other, the same on all: ``"pubsub"`` as Node's ``createAdapter``, with
        ``"pubsub-rooms"`` for a node that listens to the rooms alone that it has; ``"sharded"``,
        ``"sharded-static"`` or ``"sharded-dynamic-private"`` as its ``createShardedAdapter``;
        ``"streams"`` as ``createAdapter`` of ``@socket.io/redis-streams-adapter``; ``"python"`` as python-socketio's
        ``RedisManager``.
    :param channel: what the names of channels begin with; ``""`` is what the format's own packages have.
    :param write_only: it says what it has to say, and hears nothing.
    :param json: a module with ``dumps`` and ``loads``, in place of the standard library's; a server has one of its own.
    :param config: further fields of ``roomcast_config`` (roomcast.h), for example ``{"cluster_max_message": 1_000_000}``.
    """

    def __init__(self, url: str = "redis://localhost:6379/0", format: str = "pubsub", channel: str = "", write_only: bool = False,
                 logger: Union[bool, logging.Logger, None] = None, json: Any = None, *, config: Optional[Mapping[str, Any]] = None) -> None:
        del logger  # A server logs what becomes of its cluster.
        super().__init__(url, format, channel, write_only, json, config)

    def emit(self, event: str, data: Any = None, namespace: Optional[str] = None, room: Rooms = None, skip_sid: Any = None,
             callback: Any = None, to: Rooms = None) -> None:
        """Emits to clients of all nodes, as :meth:`Server.emit` does. There is nobody here whom a ``callback`` could be called by."""
        self._emit(event, data, namespace, room, skip_sid, callback, to)

    def enter_room(self, sid: str, namespace: Optional[str], room: Any) -> None:
        """Puts a client into a room."""
        self._join(sid, room, namespace)

    def leave_room(self, sid: str, namespace: Optional[str], room: Any) -> None:
        """Takes a client out of a room."""
        self._leave(sid, room, namespace)

    def close_room(self, room: Any, namespace: Optional[str] = None) -> None:
        """Takes all clients out of a room."""
        self._leave(room, room, namespace)

    def disconnect(self, sid: str, namespace: Optional[str] = None) -> None:
        """Disconnects a client from a namespace."""
        self._disconnect(sid, namespace)


class AsyncClusterManager(_Manager):
    """The same for asyncio: :class:`ClusterManager` with methods that are awaited. None of them waits for anything."""

    def __init__(self, url: str = "redis://localhost:6379/0", format: str = "pubsub", channel: str = "", write_only: bool = False,
                 logger: Union[bool, logging.Logger, None] = None, json: Any = None, *, config: Optional[Mapping[str, Any]] = None) -> None:
        del logger  # A server logs what becomes of its cluster.
        super().__init__(url, format, channel, write_only, json, config)

    async def emit(self, event: str, data: Any = None, namespace: Optional[str] = None, room: Rooms = None, skip_sid: Any = None,
                   callback: Any = None, to: Rooms = None) -> None:
        """As :meth:`ClusterManager.emit`."""
        self._emit(event, data, namespace, room, skip_sid, callback, to)

    async def enter_room(self, sid: str, namespace: Optional[str], room: Any) -> None:
        """As :meth:`ClusterManager.enter_room`."""
        self._join(sid, room, namespace)

    async def leave_room(self, sid: str, namespace: Optional[str], room: Any) -> None:
        """As :meth:`ClusterManager.leave_room`."""
        self._leave(sid, room, namespace)

    async def close_room(self, room: Any, namespace: Optional[str] = None) -> None:
        """As :meth:`ClusterManager.close_room`."""
        self._leave(room, room, namespace)

    async def disconnect(self, sid: str, namespace: Optional[str] = None) -> None:
        """As :meth:`ClusterManager.disconnect`."""
        self._disconnect(sid, namespace)


class RedisManager(ClusterManager):
    """python-socketio's ``RedisManager``, and its format: servers of python-socketio and workers with a manager of it are in the same
    cluster. Its options are that one's but ``redis_options``: what they say stands in the URL here.
    """

    def __init__(self, url: str = "redis://localhost:6379/0", channel: str = "socketio", write_only: bool = False,
                 logger: Union[bool, logging.Logger, None] = None, redis_options: Optional[Mapping[str, Any]] = None,
                 json: Any = None) -> None:
        _no_redis_options(redis_options)
        super().__init__(url, "python", channel, write_only, logger, json)


class AsyncRedisManager(AsyncClusterManager):
    """The same for asyncio: :class:`RedisManager` with methods that are awaited."""

    def __init__(self, url: str = "redis://localhost:6379/0", channel: str = "socketio", write_only: bool = False,
                 logger: Union[bool, logging.Logger, None] = None, redis_options: Optional[Mapping[str, Any]] = None,
                 json: Any = None) -> None:
        _no_redis_options(redis_options)
        super().__init__(url, "python", channel, write_only, logger, json)


def _space(broker: raw.Broker, namespace: Optional[str]) -> int:
    texts(namespace=namespace or "/")
    return broker.add_namespace(namespace or "/")


def _no_redis_options(options: Optional[Mapping[str, Any]]) -> None:
    if options:
        raise ValueError(f"redis_options={options!r}: they are for a client that is not used here; name user, password and database in the URL")
