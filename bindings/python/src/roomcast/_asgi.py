"""A server behind an ASGI server's port: each request, and each WebSocket, is a connection of its own to the broker, over a socket pair. It
must not decide what the broker can decide.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import ipaddress
import re
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Optional
from urllib.parse import quote

from . import raw
from ._arguments import functions, mappings, texts
from ._pair import BINARY, CLOSE, TEXT, Headers, Pair, handshake
from ._scopes import HEADER, Message, Receive, Scope, Send
from ._static import Content
from .async_server import AsyncServer

Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Hook = Callable[[], Any]

#: What is between the client and the ASGI server alone; and what only we say.
_LEFT_OUT = frozenset((b"connection", b"content-length", b"expect", b"http2-settings", b"keep-alive", b"proxy-connection",
                       b"sec-websocket-extensions", b"sec-websocket-key", b"sec-websocket-version", b"te", b"transfer-encoding",
                       b"upgrade", HEADER.encode()))
_NOT_ANSWERED = frozenset((b"connection", b"sec-websocket-accept", b"sec-websocket-protocol", b"upgrade"))
#: Of a connection that is there already.
_HAS_SID = re.compile(r"[?&]sid=")
#: An end for which the broker has no code of its own: it gave the connection up.
_ABNORMAL = 1011
#: Seconds within which an ASGI server says what it knows.
_SOON = 1.0


class ASGIApp:
    """An ASGI application that has an :class:`AsyncServer` in it, and another application for all other paths, as python-socketio's.

    For any ASGI server whose event loop is asyncio's or uvloop's. The server need not listen: it begins with the application's lifespan, or
    where the ASGI server has none with the first request, and ends with the lifespan. ``environ`` of its connect handlers has
    ``asgi.scope``, ``asgi.receive`` and ``asgi.send``.

    :param socketio_server: the server.
    :param other_asgi_app: the application for other paths, and for the lifespan, unless there is an ``on_startup`` or an
        ``on_shutdown``; without one they are not found.
    :param static_files: as those of :meth:`AsyncServer.add_static`, by the path.
    :param socketio_path: where clients connect; the server's own path has no meaning here. None: all that comes is the server's, as
        somebody else has chosen it.
    :param on_startup: a function, or a coroutine, called before the first request.
    :param on_shutdown: the same, called behind the last one.
    """

    def __init__(self, socketio_server: AsyncServer, other_asgi_app: Optional[Application] = None,
                 static_files: Optional[Mapping[str, Content]] = None, socketio_path: Optional[str] = "socket.io",
                 on_startup: Optional[Hook] = None, on_shutdown: Optional[Hook] = None) -> None:
        if not isinstance(socketio_server, AsyncServer):
            raise TypeError(f"socketio_server={socketio_server!r}: ASGIApp is for an AsyncServer; a Server takes a WSGI application: WSGIApp(server, app)")
        functions(**{name: given for name, given in (("other_asgi_app", other_asgi_app), ("on_startup", on_startup), ("on_shutdown", on_shutdown))
                     if given is not None})
        texts(socketio_path="" if socketio_path is None else socketio_path)
        mappings(static_files={} if static_files is None else static_files)
        self._sio, self._other = socketio_server, other_asgi_app
        #: Where the server was begun.
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._path = None if socketio_path is None else "/".join(("", *filter(None, socketio_path.split("/")), ""))
        self._hooks = {"lifespan.startup": on_startup, "lifespan.shutdown": on_shutdown}
        for path, content in (static_files or {}).items():
            socketio_server.add_static(path, content)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._lifespan(scope, receive, send)
        target = self._target(scope)
        if target is not None:
            if self._loop is not asyncio.get_running_loop():
                self._begin()
            if scope["type"] == "websocket":
                await self._websocket(Scope(scope, receive, send), target)
            else:
                await self._request(Scope(scope, receive, send), target)
        elif self._other is not None:
            await self._other(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await _refuse(scope, send, 404)
        else:
            await _say(send, 404)

    def _target(self, scope: MutableMapping[str, Any]) -> Optional[str]:
        """What a request asks the broker for, if it is for that."""
        path, own = scope["path"], self._sio._path
        if self._path is None:
            target = own
        elif f"{path}/".startswith(self._path):
            target = own + quote(path[len(self._path):])
        elif scope["type"] == "http" and not self._sio._pages.isdisjoint((path, quote(path))):
            target = path if path in self._sio._pages else quote(path)
        else:
            return None
        query = scope.get("query_string", b"").decode("latin-1")
        return f"{target}?{query}" if query else target

    # ---- requests ----

    async def _request(self, scope: Scope, target: str) -> None:
        body = await self._body(scope)
        if body is None:
            return
        rest, length = body
        more = [(b"connection", b"close")]
        if length or scope["method"] in ("POST", "PUT", "PATCH"):
            more.append((b"content-length", b"%d" % length))
        try:
            pair = await self._open(scope, scope["method"], target, more, rest)
        except (raw.RoomcastError, OSError) as error:
            return await _say(scope.send, _status(error))
        leaving = asyncio.ensure_future(_leave(scope.receive, pair))
        try:
            status, headers = await pair.head()
            await scope.send({"type": "http.response.start", "status": status, "headers": _answered(headers)})
            while piece := await pair.read():
                await scope.send({"type": "http.response.body", "body": piece, "more_body": True})
            await scope.send({"type": "http.response.body", "body": b""})
        except EOFError:
            if not leaving.done():
                await _say(scope.send, 503)
        except OSError:  # how some servers say that the client is gone
            pass
        finally:
            leaving.cancel()
            pair.close()

    async def _body(self, scope: Scope) -> Optional[tuple[bytes, int]]:
        """A request's body and its length; None if the client is gone. Of one that is too long the broker hears how long it is, if only as
        far as it was read: that is enough to refuse it."""
        parts, size = [], 0
        while True:
            message = await scope.receive()
            if message["type"] != "http.request":
                return None
            part = message.get("body", b"")
            parts.append(part)
            size += len(part)
            if size > self._sio._max_payload:
                return b"", size
            if not message.get("more_body", False):
                return b"".join(parts), size

    # ---- WebSockets ----

    async def _websocket(self, scope: Scope, target: str) -> None:
        if (await scope.receive())["type"] != "websocket.connect":
            return
        try:
            pair = await self._open(scope, "GET", target, handshake())
        except (raw.RoomcastError, OSError) as error:
            return await _refuse(scope, scope.send, _status(error))
        hearing: Optional[asyncio.Future[bool]] = None
        try:
            status, headers = await pair.head()
            if status != 101:
                body = b"".join([piece async for piece in _pieces(pair)])
                return await _refuse(scope, scope.send, status, _answered(headers), body)
            protocol = dict(headers).get(b"sec-websocket-protocol")
            await scope.send({"type": "websocket.accept", "subprotocol": protocol and protocol.decode("latin-1"),
                              "headers": _answered(headers)})
            hearing = asyncio.ensure_future(_hear(scope.receive, pair))
            code = await _tell(pair, scope.send)
            if not (hearing.done() and hearing.result()):
                await scope.send({"type": "websocket.close", "code": code})
        except EOFError:
            await _refuse(scope, scope.send, 503)
        except OSError:  # how some servers say that the client is gone
            pass
        except RuntimeError:
            # So says uvicorn when it has heard that the client ends, and we have not.
            if hearing is None or not (await asyncio.wait([hearing], timeout=_SOON))[0]:
                raise
        finally:
            pair.close()
            if hearing is not None:
                hearing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await hearing

    # ---- the server ----

    async def _open(self, scope: Scope, method: str, target: str, more: Headers, rest: bytes = b"") -> Pair:
        """A connection to the broker, with a request on it."""
        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in _LEFT_OUT]
        headers = [(name.decode("latin-1"), value) for name, value in kept + more]
        if not _HAS_SID.search(target):
            headers.append((HEADER, self._sio._scopes.note(scope)))
        return await Pair.open(lambda fd: self._sio._adopt_request(fd, method, target, headers, rest, _peer(scope.get("client"))))

    def _begin(self) -> None:
        """Has the server run in this event loop. Once it has ended, that is for another lifespan, or another loop."""
        self._loop = asyncio.get_running_loop()
        self._sio._serve_requests()

    async def _lifespan(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if self._other is None or any(self._hooks.values()):
            return await self._live(receive, send)
        begun = False

        async def receives() -> Message:
            nonlocal begun
            begun = True
            return await receive()

        async def sends(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._begin()
            else:
                await self._sio.shutdown()
            await send(message)

        try:
            await self._other(scope, receives, sends)
        except Exception:
            if begun:
                raise
        if not begun:  # it knows of none, as Django's
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """A lifespan of the server's own."""
        while True:
            kind = (await receive())["type"]
            hook = self._hooks.get(kind)
            try:
                if hook is not None and inspect.isawaitable(done := hook()):
                    await done
            except Exception:
                await self._sio.shutdown()
                return await send({"type": f"{kind}.failed", "message": traceback.format_exc()})
            if kind == "lifespan.startup":
                self._begin()
            else:
                await self._sio.shutdown()
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return


async def _pieces(pair: Pair) -> Any:
    while piece := await pair.read():
        yield piece


async def _leave(receive: Receive, pair: Pair) -> None:
    """Ends the connection when the client's has ended."""
    while (await receive())["type"] == "http.request":
        pass
    pair.close()


async def _hear(receive: Receive, pair: Pair) -> bool:
    """Tells the broker what the client says, until either of them ends. Whether it was the client."""
    try:
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text")
            if text is not None:
                await pair.send(TEXT, text.encode())
            else:
                await pair.send(BINARY, message["bytes"])
    except ConnectionError:
        return False
    pair.close()
    return True


async def _tell(pair: Pair, send: Send) -> int:
    """Tells the client what the broker says, until the end. Returns its code."""
    async for opcode, payload in pair.messages():
        if opcode == TEXT:
            await send({"type": "websocket.send", "text": payload.decode()})
        elif opcode == BINARY:
            await send({"type": "websocket.send", "bytes": payload})
        elif opcode == CLOSE:
            return int.from_bytes(payload[:2], "big") or 1000
    return _ABNORMAL


async def _refuse(scope: MutableMapping[str, Any], send: Send, status: int, headers: Optional[Headers] = None, body: bytes = b"") -> None:
    """Answers a WebSocket's handshake with something else, as far as the ASGI server can: else it is a 403."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        return await send({"type": "websocket.close"})
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers or []})
    await send({"type": "websocket.http.response.body", "body": body})


async def _say(send: Send, status: int) -> None:
    body = {404: b"Not Found"}.get(status, b"")
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _answered(headers: Headers) -> Headers:
    return [(name, value) for name, value in headers if name not in _NOT_ANSWERED]


def _status(error: Exception) -> int:
    """What a request is answered with that the broker has not taken."""
    return {"ROOMCAST_ERROR_BAD_VALUE": 400, "ROOMCAST_ERROR_TOO_LARGE": 431}.get(getattr(error, "code", ""), 503)


def _peer(client: Any) -> str:
    """Where a request comes from; nothing for what is no address, such as that of a Unix socket or of a test."""
    try:
        address = ipaddress.ip_address(client[0])
    except (TypeError, ValueError):
        return ""
    return f"[{address}]:{client[1]}" if address.version == 6 else f"{address}:{client[1]}"
