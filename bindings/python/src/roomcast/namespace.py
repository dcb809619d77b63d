"""Class-based namespaces: objects whose ``on_`` methods are handlers. They must not hold what belongs to one client."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Optional

from ._arguments import texts
from ._callables import fitting

__all__ = ["Namespace", "AsyncNamespace", "BaseServerNamespace"]


class BaseServerNamespace:
    """What both kinds share. A method without ``namespace`` means the object's own.

    An argument may be left out exactly where it may be at the server's method of the same name.
    """

    def __init__(self, namespace: Optional[str] = None) -> None:
        self.namespace = namespace or "/"
        texts(namespace=self.namespace)
        self.server: Any = None

    def is_asyncio_based(self) -> bool:
        """Whether it belongs to an :class:`AsyncServer`."""
        return False

    def _set_server(self, server: Any) -> None:
        self.server = server

    def _method(self, event: str, args: tuple[Any, ...]) -> tuple[Optional[Callable[..., Any]], tuple[Any, ...]]:
        method = getattr(self, "on_" + (event or ""), None)
        if method is not None and event in ("connect", "disconnect"):
            return method, fitting(method, args)
        return method, args

    def rooms(self, sid: str, namespace: Optional[str] = None) -> Any:
        """As :meth:`Server.rooms`."""
        return self.server.rooms(sid, namespace=namespace or self.namespace)

    # For an AsyncServer the following return coroutines, as its own methods do.

    def emit(self, event: str, data: Any = None, to: Any = None, room: Any = None, skip_sid: Any = None,
             namespace: Optional[str] = None, callback: Any = None, ignore_queue: bool = False, compress: bool = True) -> Any:
        """As :meth:`Server.emit`."""
        return self.server.emit(event, data=data, to=to, room=room, skip_sid=skip_sid,
                                namespace=namespace or self.namespace, callback=callback, ignore_queue=ignore_queue,
                                compress=compress)

    def send(self, data: Any, to: Any = None, room: Any = None, skip_sid: Any = None, namespace: Optional[str] = None,
             callback: Any = None, ignore_queue: bool = False) -> Any:
        """As :meth:`Server.send`."""
        return self.server.send(data, to=to, room=room, skip_sid=skip_sid, namespace=namespace or self.namespace,
                                callback=callback, ignore_queue=ignore_queue)

    def call(self, event: str, data: Any = None, to: Any = None, sid: Any = None, namespace: Optional[str] = None,
             timeout: Optional[float] = None, ignore_queue: bool = False) -> Any:
        """As :meth:`Server.call`, but without a ``timeout`` it waits as long as the client is there."""
        return self.server.call(event, data=data, to=to, sid=sid, namespace=namespace or self.namespace,
                                timeout=timeout, ignore_queue=ignore_queue)

    def enter_room(self, sid: str, room: Any, namespace: Optional[str] = None) -> Any:
        """As :meth:`Server.enter_room`."""
        return self.server.enter_room(sid, room, namespace=namespace or self.namespace)

    def leave_room(self, sid: str, room: Any, namespace: Optional[str] = None) -> Any:
        """As :meth:`Server.leave_room`."""
        return self.server.leave_room(sid, room, namespace=namespace or self.namespace)

    def close_room(self, room: Any, namespace: Optional[str] = None) -> Any:
        """As :meth:`Server.close_room`."""
        return self.server.close_room(room, namespace=namespace or self.namespace)

    def get_session(self, sid: str, namespace: Optional[str] = None) -> Any:
        """As :meth:`Server.get_session`."""
        return self.server.get_session(sid, namespace=namespace or self.namespace)

    def save_session(self, sid: str, session: Any, namespace: Optional[str] = None) -> Any:
        """As :meth:`Server.save_session`."""
        return self.server.save_session(sid, session, namespace=namespace or self.namespace)

    def session(self, sid: str, namespace: Optional[str] = None) -> Any:
        """As :meth:`Server.session`."""
        return self.server.session(sid, namespace=namespace or self.namespace)

    def disconnect(self, sid: str, namespace: Optional[str] = None) -> Any:
        """As :meth:`Server.disconnect`."""
        return self.server.disconnect(sid, namespace=namespace or self.namespace)


class Namespace(BaseServerNamespace):
    """Handlers of one namespace as methods: ``on_connect``, ``on_disconnect``, ``on_`` and an event's name."""

    def trigger_event(self, event: str, *args: Any) -> Any:
        """Calls the method for an event. Override it for other rules."""
        method, args = self._method(event, args)
        return method(*args) if method is not None else None


class AsyncNamespace(BaseServerNamespace):
    """The same for :class:`AsyncServer`. Its handlers may be coroutines, and what it offers are coroutines."""

    def is_asyncio_based(self) -> bool:
        return True

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """Calls the method for an event. Override it for other rules."""
        method, args = self._method(event, args)
        answer = method(*args) if method is not None else None
        return await answer if inspect.isawaitable(answer) else answer
