"""An ASGI application behind the server's own port: connections with requests that are not the server's go to uvicorn's protocols, in the
same event loop, and come back when their next request is the server's. It must not know what the application does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any, Optional, cast

from . import raw
from ._driver import Driver
from ._log import Log

#: Takes a connection back: its descriptor, what was read of it, where it comes from.
Adopt = Callable[[int, bytes, str], None]

#: Bytes of a request's head, past which it is the application's.
_LONGEST_HEAD = 64 * 1024
#: Seconds between two looks at whether an answer has left.
_AGAIN = 0.01


_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*(?:\r|$)", re.IGNORECASE)
_OTHERWISE = re.compile(rb"\r\n(?:transfer-encoding|upgrade):", re.IGNORECASE)


def _body(head: bytes) -> Optional[int]:
    """How many bytes follow a request's head; None where it does not say."""
    if _OTHERWISE.search(head):
        return None
    length = _LENGTH.search(head)
    return int(length[1]) if length else 0


class Front:
    """uvicorn without a listener, as a server has it for its application."""

    def __init__(self, app: Any, is_ours: Callable[[str], bool], adopt: Adopt) -> None:
        try:
            import uvicorn
        except ImportError:
            raise RuntimeError("an ASGI application beside the server is served by uvicorn: pip install uvicorn") from None
        # Its loggers stay as the program has them.
        config = app if isinstance(app, uvicorn.Config) else uvicorn.Config(app, log_config=None)
        if not config.loaded:
            config.load()

        class Server(uvicorn.Server):
            async def startup(self, sockets: Any = None) -> None:
                """It may be that the program goes on without it."""
                try:
                    await super().startup(sockets=sockets)
                except SystemExit:
                    raise RuntimeError("the application did not start: uvicorn.error has logged why") from None

            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                """Signals are the program's."""
                yield

        class Protocol(config.http_protocol_class):  # type: ignore[name-defined, misc]
            def on_message_complete(self) -> None:
                """Of httptools': it says so of a request that was answered before its end, too."""
                super().on_message_complete()
                if self.cycle is not None:
                    self.cycle.more_body = False

        self.is_ours, self.adopt = is_ours, adopt
        self._server, self._protocol = Server(config), Protocol
        self._task: Optional[asyncio.Task[None]] = None

    async def start(self) -> None:
        """Starts the application: its lifespan, if it has one."""
        self._task = asyncio.ensure_future(self._server.serve(sockets=[]))
        while not self._server.started:
            await asyncio.wait([self._task], timeout=_AGAIN)
            if self._task.done():
                self._task.result()

    async def stop(self) -> None:
        """Lets the application answer what it has begun, and ends it."""
        if self._task is not None:
            self._server.should_exit = True
            await asyncio.wait([self._task])
            self._task.result()

    def protocol(self, loop: asyncio.AbstractEventLoop) -> Any:
        """One of uvicorn's, as its own listener makes it."""
        return self._protocol(config=self._server.config, server_state=self._server.server_state,
                              app_state=self._server.lifespan.state, _loop=loop)

    async def take(self, fd: int, read: bytes, peer: str) -> None:
        """Goes on with a connection of which this was read."""
        sock = socket.socket(fileno=fd)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: Connection(self, loop, read, peer), sock)
        except BaseException:
            sock.close()
            raise


class Connection(asyncio.Protocol):
    """One connection with uvicorn's protocol on it, as long as its requests are the application's."""

    def __init__(self, front: Front, loop: asyncio.AbstractEventLoop, read: bytes, peer: str) -> None:
        self._front, self._loop, self._peer = front, loop, peer
        self._inner = front.protocol(loop)
        self._transport: Any = None
        #: What was read, and is not known to be the application's.
        self._read = read
        #: Bytes of the body that is being read; None where only uvicorn knows where it ends.
        self._left: Optional[int] = 0
        #: The next request is the server's, and waits for the last answer.
        self._waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._inner.connection_made(transport)
        host, _, port = self._peer.rpartition(":")
        if port.isdigit():  # a proxy may have said who it is
            self._inner.client = (host.strip("[]"), int(port))
        self._go_on()

    def data_received(self, data: bytes) -> None:
        self._read = self._read + data if self._read else data
        if not self._waits:
            self._go_on()

    def _go_on(self) -> None:
        """Gives the application what is its own, up to a request that is not."""
        while self._read:
            if self._left is None and self._is_between():
                self._left = 0
            if self._left is None:
                self._give(len(self._read))
            elif self._left:
                size = min(self._left, len(self._read))
                self._left -= size
                self._give(size)
            else:
                end = self._read.find(b"\r\n\r\n")
                if end < 0 and len(self._read) < _LONGEST_HEAD:
                    return
                head = self._read[:end] if end >= 0 else self._read
                if self._is_ours(head):
                    return self._leave()
                self._left = _body(head) if end >= 0 else None
                self._give(len(self._read) if self._left is None else end + 4)

    def _give(self, size: int) -> None:
        data, self._read = self._read[:size], self._read[size:]
        self._inner.data_received(data)

    def _is_ours(self, head: bytes) -> bool:
        target = head.partition(b"\r\n")[0].split(b" ")[1:2]
        return bool(target) and self._front.is_ours(target[0].partition(b"?")[0].decode("latin-1"))

    def _is_between(self) -> bool:
        """Whether what uvicorn was given is answered."""
        inner = self._inner
        if conn := getattr(inner, "conn", None):  # h11's
            return str(conn.our_state) == str(conn.their_state) == "IDLE"
        cycle = inner.cycle
        return cycle is None or (cycle.response_complete and not cycle.more_body and not inner.pipeline)

    def _leave(self) -> None:
        """Goes back to the server, as soon as what came before is answered and has left."""
        if self._transport.is_closing():
            return
        if not self._waits:
            self._waits = True
            self._transport.pause_reading()
        if not self._is_between() or self._transport.get_write_buffer_size():
            self._loop.call_later(_AGAIN, self._leave)
            return
        fd = os.dup(self._transport.get_extra_info("socket").fileno())
        try:
            self._front.adopt(fd, self._read, self._peer)
        except Exception:  # it is logged
            os.close(fd)
        finally:
            # That closes this descriptor alone: the connection goes on by the other one.
            self._transport.abort()

    def eof_received(self) -> Optional[bool]:
        return cast(Optional[bool], self._inner.eof_received())

    def connection_lost(self, exc: Optional[Exception]) -> None:
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


class Behind:
    """The application behind a server's port, while there is one."""

    def __init__(self, broker: raw.Broker, driver: Driver, log: Log, is_ours: Callable[[str], bool]) -> None:
        self._broker, self._driver, self._log, self._is_ours = broker, driver, log, is_ours
        self._front: Optional[Front] = None

    async def begin(self, app: Any) -> None:
        """Starts one, before anybody can ask for it; None is none."""
        if app is not None:
            front = Front(app, self._is_ours, self._adopt)
            await front.start()
            self._front = front
            self._broker.set_hand_back(True)

    async def end(self) -> None:
        """Ends it."""
        if self._front is not None:
            front, self._front = self._front, None
            self._broker.set_hand_back(False)
            await front.stop()

    def take(self, fd: int, read: bytes, peer: str) -> None:
        """Takes a connection whose request is not the server's."""
        if self._front is None or self._driver.closing:
            return  # it is closed with its batch
        self._broker.take_descriptor(fd)
        self._driver.task(self._front.take(fd, read, peer))

    def _adopt(self, fd: int, read: bytes, peer: str) -> None:
        try:
            self._broker.adopt(fd, read, peer)
        except (raw.RoomcastError, OSError) as error:
            self._log.say(logging.WARNING, "a connection that came back was closed: %s", error)
            raise
        self._driver.wake()
