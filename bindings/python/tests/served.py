"""The server in an ASGI application on uvicorn, as tests drive it: by messages."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import roomcast
import uvicorn
from host import PATIENCE


class Served:
    """A server in an ASGI application on uvicorn, in a thread of its own."""

    def __init__(self, loop: str, other: Any = None, path: str | None = "socket.io", **options: Any) -> None:
        self.sio: Any = roomcast.AsyncServer(**options)
        self.came: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.gone: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.sio.on("connect", lambda sid, environ: self.came.put(environ))
        self.sio.on("disconnect", lambda sid, reason: self.gone.put(reason))
        self.sio.on("say", lambda sid, *args: args)
        self.app = self.wrapped(other, path)
        self.loop_name = loop
        self.port = 0

    def wrapped(self, other: Any, path: str | None) -> Any:
        return roomcast.ASGIApp(self.sio, other, socketio_path=path)

    def __enter__(self) -> Served:
        # A poll that waits for a message would hold its end up.
        self.server = uvicorn.Server(uvicorn.Config(self.app, port=0, loop=self.loop_name, log_config=None, timeout_graceful_shutdown=1))
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive()
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *args: object) -> None:
        self.server.should_exit = True
        self.thread.join(3 * PATIENCE)
        assert not self.thread.is_alive()

    def do(self, work: Callable[[], Any]) -> Any:
        """Calls something in the server's thread."""
        async def there() -> Any:
            done = work()
            return await done if asyncio.iscoroutine(done) else done

        return asyncio.run_coroutine_threadsafe(there(), self.sio._driver.loop).result(PATIENCE)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"
