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
from ._arguments import functions
from ._driver import Driver
from ._log import Log

#: Takes a connection back: its descriptor, what was read of it, where it comes from.
Adopt = Callable[[int, bytes, str], None]

#: Bytes of a request's head, past which it is the application's.
_LONGEST_HEAD = 64 * 1024
#: Where that is so, it has all that comes on the connection: nobody knows where such a head ends.
_EVERYTHING = 1 << 62
#: Bytes behind a request that is not answered yet. Nobody sends so many; reading goes on to them, as else nobody sees a client leave.
_MOST_BEHIND = 256 * 1024
#: Seconds between two looks at whether uvicorn has started.
_AGAIN = 0.01
_NOT_STARTED = "the application did not start: uvicorn.error has logged why"

#: An empty line, as any reader of HTTP may see one.
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
#: Headers that say what follows a head, and the one way to say it that all readers take for the same.
_FRAMING = re.compile(rb"\n(?:content-length|transfer-encoding|upgrade)[ \t]*:", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*(?=\r\n|$)", re.IGNORECASE)


def _body(head: bytes) -> Optional[int]:
    """How many bytes follow a request's head. None where that shows when they are read, or where readers may not agree."""
    lines = head.count(b"\n")
    if not lines == head.count(b"\r") == head.count(b"\r\n") or b"\n " in head or b"\n\t" in head:
        return None
    framing = _FRAMING.findall(head)
    if not framing:
        return 0
    length = _LENGTH.search(head) if len(framing) == 1 else None
    return int(length[1]) if length else None


class Front:
    """uvicorn without a listener, as a server has it for its application."""

    def __init__(self, app: Any, is_ours: Callable[[str], bool], adopt: Adopt) -> None:
        try:
            import uvicorn
        except ImportError:
            raise RuntimeError("an ASGI application beside the server is served by uvicorn: pip install uvicorn") from None
        if not isinstance(app, (str, uvicorn.Config)):
            functions(app=app)
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
                    raise RuntimeError(_NOT_STARTED) from None

            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                """Signals are the program's."""
                yield

        class Protocol(config.http_protocol_class):  # type: ignore[name-defined, misc]
            #: Hears that a request is answered.
            answered: Callable[[], object]
            #: Of httptools': the last request was read to its end.
            is_read = True

            def on_message_begin(self) -> None:
                """Of httptools'."""
                self.is_read = False
                super().on_message_begin()

            def on_message_complete(self) -> None:
                """Of httptools': it says so of a request that was answered before its end, too."""
                super().on_message_complete()
                self.is_read = True
                if self.cycle is not None:
                    self.cycle.more_body = False

            def on_response_complete(self) -> None:
                super().on_response_complete()
                self.answered()

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
                # Older ones end without a word.
                raise RuntimeError(_NOT_STARTED)

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
        # `connect_accepted_socket` is unknown to types of before Python 3.11.
        loop: Any = asyncio.get_running_loop()
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
        # Not at once: uvicorn is in the middle of it.
        self._inner.answered = lambda: loop.call_soon(self._look)
        self._transport: Any = None
        #: What was read, and is not known to be the application's.
        self._read = read
        #: Bytes of the body that is being read; None where only uvicorn knows where it ends.
        self._left: Optional[int] = 0
        #: The end of what uvicorn was given of such a body: an empty line may be cut in two.
        self._tail = b""
        #: No head ends before this in what was read.
        self._searched = 0
        #: The next request waits until all before it is answered, and has left.
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
        elif len(self._read) > _MOST_BEHIND:
            self._transport.abort()

    def _go_on(self) -> None:
        """Gives the application what is its own, up to a request that is not."""
        while self._read and not self._transport.is_closing():
            if self._left is None:
                if self._transport.get_protocol() is not self:
                    return self._hand_on()
                if self._has_read():
                    self._left = 0
                else:
                    self._give(self._piece())
            elif self._left:
                size = min(self._left, len(self._read))
                self._left -= size
                self._give(size)
            elif self._read[:1] in b"\r\n":  # before a request it is nothing (RFC 9112, 2.2)
                self._read, self._searched = self._read.lstrip(b"\r\n"), 0
            elif not self._begin():
                return

    def _begin(self) -> bool:
        """Begins with a request, if its head is there and it is the application's turn."""
        end = _EMPTY_LINE.search(self._read, self._searched)
        if end is None and len(self._read) < _LONGEST_HEAD:
            self._searched = max(0, len(self._read) - 3)
            return False
        head = self._read[:end.start()] if end else self._read
        is_ours, left = self._is_ours(head), _body(head) if end and end[0] == b"\r\n\r\n" else None
        if end is None:
            left = _EVERYTHING
        # The server takes it with nothing open before it; and whether a body is read shows as long as there is no other one.
        if (is_ours or left is None) and not self._is_settled():
            self._searched = 0
            self._wait()
            return False
        if is_ours:
            self._leave()
            return False
        self._left, self._tail, self._searched = left, b"", 0
        if end:
            self._give(end.end())
        return True

    def _piece(self) -> int:
        """Bytes up to where a body ends, if it ends with an empty line; what follows may be another request."""
        found = _EMPTY_LINE.search(self._tail + self._read)
        if found:
            size = found.end() - len(self._tail)
            self._tail = b""
            return size
        self._tail = (self._tail + self._read)[-3:]
        return len(self._read)

    def _give(self, size: int) -> None:
        data, self._read = self._read[:size], self._read[size:]
        self._inner.data_received(data)

    def _hand_on(self) -> None:
        """It has become a WebSocket of the application's."""
        data, self._read = self._read, b""
        if data:
            self._transport.get_protocol().data_received(data)

    def _is_ours(self, head: bytes) -> bool:
        target = head.partition(b"\n")[0].split(b" ")[1:2]
        return bool(target) and self._front.is_ours(target[0].partition(b"?")[0].decode("latin-1"))

    def _has_read(self) -> bool:
        """Whether uvicorn has read the last request to its end."""
        conn = getattr(self._inner, "conn", None)  # h11's
        return str(conn.their_state) != "SEND_BODY" if conn else self._inner.is_read

    def _is_settled(self) -> bool:
        """Whether what uvicorn was given is answered, and has left."""
        inner = self._inner
        if self._transport.get_write_buffer_size():
            return False
        if conn := getattr(inner, "conn", None):
            return str(conn.our_state) == str(conn.their_state) == "IDLE"
        cycle = inner.cycle
        return cycle is None or (cycle.response_complete and not cycle.more_body and not inner.pipeline)

    def _wait(self) -> None:
        """Goes on with the next request when it is settled."""
        self._waits = True
        # So that it is told when all has left.
        self._transport.set_write_buffer_limits(high=0)

    def _look(self) -> None:
        """Something was answered, or has left."""
        if self._waits and not self._transport.is_closing() and self._is_settled():
            self._waits = False
            self._transport.set_write_buffer_limits()
            self._go_on()

    def _leave(self) -> None:
        """Goes back to the server."""
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
        self._loop.call_soon(self._look)


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
