"""A server behind a WSGI server's port: its requests come with their socket, which the broker takes over. It must not answer itself what the
broker can answer.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Optional
from urllib.parse import quote

from . import raw
from ._arguments import functions, mappings, texts
from ._static import Content
from .server import Server

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

#: Where WSGI servers put a request's socket, and what they take for a request whose connection is gone: they write nothing more on it.
_SERVERS: dict[str, type[BaseException]] = {"gunicorn.socket": StopIteration, "werkzeug.socket": ConnectionAbortedError}


class WSGIApp:
    """A WSGI application that has a :class:`Server` in it, and another application for all other paths.

    For gunicorn (``--threads``; one worker, unless clients use WebSocket alone) and werkzeug, which give their applications a request's
    socket: the broker takes that over, with the request, so no thread waits for a client. The server need not listen; its loop begins with
    the first request, in a thread. Not over TLS in the WSGI server itself. Mounted below a path, by werkzeug's ``DispatcherMiddleware`` for
    example, it looks at what comes behind that path; clients are told the whole: ``/chat/socket.io``.

    :param server: the server, with threads.
    :param wsgi_app: the application for other paths, such as ``flask_app.wsgi_app``; without one they are not found.
    :param static_files: as those of :meth:`Server.add_static`, by the path.
    :param socketio_path: as of the server, which has to know it.
    """

    def __init__(self, server: Server, wsgi_app: Optional[Application] = None, static_files: Optional[Mapping[str, Content]] = None,
                 socketio_path: str = "socket.io") -> None:
        if not isinstance(server, Server):
            raise TypeError(f"server={server!r}: WSGIApp is for a Server; an AsyncServer takes an ASGI application: server.run(host, port, app=…)")
        if wsgi_app is not None:
            functions(wsgi_app=wsgi_app)
        texts(socketio_path=socketio_path)
        mappings(static_files={} if static_files is None else static_files)
        if f"/{socketio_path.strip('/')}/" != server._path:
            raise ValueError(f"socketio_path={socketio_path!r}: the server has another one, {server._path!r}")
        self._server, self._app = server, wsgi_app
        self._lock = threading.Lock()
        self._running: Optional[threading.Thread] = None
        for path, content in (static_files or {}).items():
            server.add_static(path, content)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        # Decoded, as WSGI has it; pages have their paths as URLs have them.
        path = environ.get("PATH_INFO", "")
        if self._server._is_ours(path) or self._server._is_ours(_encoded(path)):
            return self._hand_over(environ, start_response)
        if self._app is not None:
            return self._app(environ, start_response)
        return _say(start_response, "404 Not Found", "Not Found")

    def _hand_over(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        key = next((key for key in _SERVERS if key in environ), None)
        if key is None:
            return _say(start_response, "501 Not Implemented", "this WSGI server does not give its sockets away: gunicorn and werkzeug do")
        sock = environ[key]
        if isinstance(sock, ssl.SSLSocket):
            return _say(start_response, "501 Not Implemented", "a WSGI server's TLS cannot be taken over: leave it to a proxy")
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > self._server._max_payload:
            return _say(start_response, "413 Payload Too Large", "")
        body = environ["wsgi.input"].read(length) if length else b""
        self._run()
        own = os.dup(sock.fileno())
        try:
            self._server._remote.adopt_request(own, environ["REQUEST_METHOD"], self._target(environ), _headers(environ, len(body)), body,
                                               _peer(environ))
        except (raw.RoomcastError, OSError) as error:
            os.close(own)
            return _say(start_response, "503 Service Unavailable", str(error))
        # The server's own descriptor is one whose other end has gone from here on: what it does with that is of no concern to anybody.
        ours, theirs = socket.socketpair()
        os.dup2(ours.fileno(), sock.fileno(), inheritable=False)
        ours.close()
        theirs.close()
        raise _SERVERS[key]("the connection is roomcast's")

    def _target(self, environ: dict[str, Any]) -> str:
        """The request's target as it came, or where the broker would not know it so, one that means the same."""
        for name in ("RAW_URI", "REQUEST_URI"):
            came = str(environ.get(name, ""))
            if self._server._is_ours(came.partition("?")[0]):
                return came
        path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        return _encoded(path) + (f"?{query}" if query else "")

    def _run(self) -> None:
        """Starts the server's loop, in this process."""
        with self._lock:
            if not self._server._running and (self._running is None or not self._running.is_alive()):
                self._running = threading.Thread(target=self._server.run, name="roomcast", daemon=True)
                self._running.start()


def _say(start_response: StartResponse, status: str, text: str) -> list[bytes]:
    body = text.encode()
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


def _encoded(path: str) -> str:
    """A path of WSGI's, as URLs have it."""
    return quote(path.encode("latin-1"))


def _headers(environ: dict[str, Any], length: int) -> list[tuple[str, str]]:
    headers = [(name[5:].replace("_", "-"), str(value)) for name, value in environ.items()
               if name.startswith("HTTP_") and name not in ("HTTP_CONNECTION", "HTTP_EXPECT", "HTTP_TRANSFER_ENCODING")]
    if content_type := environ.get("CONTENT_TYPE"):
        headers.append(("Content-Type", str(content_type)))
    if length or environ["REQUEST_METHOD"] == "POST":
        headers.append(("Content-Length", str(length)))
    # The next request on the connection may be for the application, which cannot have it back.
    upgrades = "upgrade" in str(environ.get("HTTP_CONNECTION", "")).lower()
    headers.append(("Connection", "Upgrade" if upgrades else "close"))
    return headers


def _peer(environ: dict[str, Any]) -> str:
    """Where a request comes from; nothing for a Unix socket's."""
    address, port = environ.get("REMOTE_ADDR", ""), environ.get("REMOTE_PORT", "0")
    if not address or not str(port).isdigit():
        return ""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
