"""Runs either server on a thread of its own, so that one test, written once, holds for both. Not a test itself."""

from __future__ import annotations

import asyncio
import inspect
import json
import queue
import socket
import threading
from typing import Any

import engineio
import roomcast
import socketio
import uvloop

PATIENCE = 10
#: With +2, the library runs two loops on threads of its own.
KINDS = ("threads", "asyncio", "uvloop", "threads+2", "asyncio+2")


def drive(work: Any) -> Any:
    """Runs a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited")


class Host:
    """A server of one kind. Handlers are coroutines; a threaded server gets them as functions."""

    def __init__(self, kind: str, **options: Any) -> None:
        kind, _, loops = kind.partition("+")
        if loops:
            options["config"] = {**options.get("config", {}), "loops": int(loops)}
        self.kind = kind
        self.threaded = kind == "threads"
        self.sio: Any = roomcast.Server(**options) if self.threaded else roomcast.AsyncServer(**options)
        self.port = 0
        self.ended = False

    def on(self, event: str, handler: Any, namespace: str | None = None) -> None:
        if self.threaded and inspect.iscoroutinefunction(handler):
            self.sio.on(event, lambda *args: drive(handler(*args)), namespace)
        else:
            self.sio.on(event, handler, namespace)

    def on_connect(self, handler: Any, namespace: str | None = None) -> None:
        """A connect handler keeps its number of arguments."""
        if self.threaded:
            self.sio.on("connect", lambda sid, environ, auth: drive(handler(sid, environ, auth)), namespace)
        else:
            self.sio.on("connect", handler, namespace)

    def __getattr__(self, name: str) -> Any:
        """A method of the server as a coroutine."""
        method = getattr(self.sio, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            result = method(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        return call

    def do(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Calls a method from the test's thread, in the way that the kind of server asks for."""
        method = getattr(self.sio, name)
        self.ended = name == "shutdown"
        if self.threaded:
            return method(*args, **kwargs)

        async def call() -> Any:
            result = method(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(PATIENCE)

    def __enter__(self) -> Host:
        if self.threaded:
            self.port = self.sio.listen(port=0)
            self.thread = threading.Thread(target=self.sio.run)
            self.thread.start()
            return self
        self.loop = uvloop.new_event_loop() if self.kind == "uvloop" else asyncio.new_event_loop()
        ready = threading.Event()

        async def serve() -> None:
            self.port = self.sio.listen(port=0)
            ready.set()
            await self.sio.serve()
            # Whoever asked for the end hears of it.
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)

        self.thread = threading.Thread(target=self.loop.run_until_complete, args=[serve()])
        self.thread.start()
        assert ready.wait(PATIENCE)
        return self

    def __exit__(self, *args: object) -> None:
        if not self.ended:
            self.do("shutdown")
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _InOrder(engineio.Client):
    """Deals with one message after the other. Its own way is a thread for each, so that an attachment may overtake what it belongs to."""

    def _trigger_event(self, event: str, *args: Any, **options: Any) -> Any:
        if event == "message":
            options["run_async"] = False
        return super()._trigger_event(event, *args, **options)


class Client(socketio.Client):
    """python-socketio's threaded client. Its handlers must not wait for an answer."""

    def _engineio_client_class(self) -> Any:
        return _InOrder


class SimpleClient(socketio.SimpleClient):
    """The same, of whom one asks for what has come."""

    client_class = Client


class Player:
    """python-socketio's client, with what it got in a queue.

    It is the asyncio one, on a thread: the threaded one handles messages out of order when they come fast.
    """

    def __init__(self, host: Host, namespaces: list[str] | None = None, transports: list[str] | None = None,
                 auth: Any = None, answers: dict[str, Any] | None = None) -> None:
        self.namespaces = namespaces or ["/"]
        self.got: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.gone: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.client = self.run(self._make(answers or {}))
        self.run(self.client.connect(host.url, auth=auth, transports=transports or ["websocket"],
                                     namespaces=self.namespaces, wait_timeout=PATIENCE))

    async def _make(self, answers: dict[str, Any]) -> Any:
        client = socketio.AsyncClient(reconnection=False)
        for name in self.namespaces:
            client.on("*", lambda event, *args, name=name: self._note(name, event, args), namespace=name)
            client.on("disconnect", lambda why=None, name=name: self.gone.put(name), namespace=name)
            for event, answer in answers.items():
                client.on(event, answer, namespace=name)
        return client

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def _note(self, namespace: str, event: str, args: tuple[Any, ...]) -> None:
        self.got.put((event, *args) if len(self.namespaces) == 1 else (namespace, event, *args))

    def next(self) -> Any:
        return self.got.get(timeout=PATIENCE)

    def sid(self, namespace: str = "/") -> str:
        return str(self.client.get_sid(namespace))

    def emit(self, *args: Any, **kwargs: Any) -> None:
        self.run(self.client.emit(*args, **kwargs))

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.run(self.client.call(*args, timeout=PATIENCE, **kwargs))

    def leave(self) -> None:
        self.run(self.client.disconnect())


class Raw:
    """A WebSocket of plain frames: fast enough for a hundred thousand, and rude if need be."""

    def __init__(self, port: int, auth: Any = None, wait: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.sendall(b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.socket.recv(65536)
        self.buffer = self.buffer.split(b"\r\n\r\n", 1)[1]
        assert self.text().startswith("0{")
        self.send("40" if auth is None else "40" + json.dumps(auth))
        if not wait:
            return
        opened = self.next_of("40{")
        self.sid: str = json.loads(opened[2:])["sid"]

    @staticmethod
    def frame(text: str) -> bytes:
        data = text.encode()
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
        return b"\x81" + size + b"\0\0\0\0" + data

    def send(self, text: str) -> None:
        self.socket.sendall(self.frame(text))

    def text(self) -> str:
        """The next message that is no ping; those come among the others where a machine is busy, and are answered."""
        while (text := self.any_text()) == "2":
            self.send("3")
        return text

    def any_text(self) -> str:
        """The next message."""
        while True:
            if len(self.buffer) >= 2:
                size, head = self.buffer[1], 2
                if size == 126:
                    size, head = int.from_bytes(self.buffer[2:4], "big"), 4
                if self.buffer[0] == 0x88:  # a close frame
                    raise EOFError
                if len(self.buffer) >= head + size:
                    data, self.buffer = self.buffer[head:head + size], self.buffer[head + size:]
                    return data.decode()
            data = self.socket.recv(1 << 20)
            if not data:
                raise EOFError
            self.buffer += data

    def next_of(self, kind: str) -> str:
        """The next message that begins so; the others are passed over, and pings answered."""
        while True:
            text = self.any_text()
            if text == "2":
                self.send("3")
            if text.startswith(kind):
                return text

    def close(self) -> None:
        self.socket.close()
