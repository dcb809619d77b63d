"""Our end of a socket pair whose other end is the broker's: HTTP and WebSocket as a client speaks them. It must not know for whom."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, Optional

TEXT, BINARY, CLOSE = 1, 2, 8
#: Bytes that are read at once; twice as many wait here, at most, for whoever takes them.
_PIECE = 64 * 1024

Headers = list[tuple[bytes, bytes]]


def handshake(key: bytes = b"cm9vbWNhc3QgZ3Vlc3RzIQ==") -> Headers:
    """The headers by which a request asks for a WebSocket. Nothing caches between the two ends, so the key may be any."""
    return [(b"connection", b"Upgrade"), (b"upgrade", b"websocket"), (b"sec-websocket-version", b"13"), (b"sec-websocket-key", key)]


def _masked(opcode: int, payload: bytes) -> bytes:
    """A client's frame. The mask of four zeros leaves the payload as it is: no proxy is in between that it were against."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0xFF)) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


def _frame(data: bytes, at: int) -> Optional[tuple[int, int, int]]:
    """The opcode of a server's frame, and where its payload begins and ends; None if it is not whole. The broker fragments none."""
    if len(data) < at + 2:
        return None
    size, start = data[at + 1], at + 2
    if size >= 126:
        start = at + (4 if size == 126 else 10)
        if len(data) < start:
            return None
        size = int.from_bytes(data[at + 2:start], "big")
    return (data[at] & 0x0F, start, start + size) if len(data) >= start + size else None


class Pair:
    """A connection to the broker that no port was needed for. What the broker says waits in the kernel until it is read, and what the
    broker does not read holds up :meth:`send`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, adopt: Callable[[int], None]) -> Pair:
        """Makes one. ``adopt`` gives the broker its end; what it raises, this raises."""
        ours, theirs = socket.socketpair()
        try:
            adopt(theirs.fileno())
        except BaseException:
            ours.close()
            theirs.close()
            raise
        theirs.detach()
        ours.setblocking(False)
        # `connect_accepted_socket` is unknown to types of before Python 3.11.
        loop: Any = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_PIECE, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, ours)
        except BaseException:
            ours.close()
            raise
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    def close(self) -> None:
        """Ends the connection, as a client that goes away does."""
        self._writer.close()

    async def head(self) -> tuple[int, Headers]:
        """The status and the headers of the answer, their names in small letters. EOFError if there is none."""
        try:
            first, *lines = (await self._reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
        except ConnectionError:
            raise EOFError from None
        pairs = (line.partition(b": ") for line in lines)
        return int(first.split(b" ")[1]), [(name.lower(), value) for name, _, value in pairs]

    async def read(self) -> bytes:
        """A piece of what follows; nothing at the end."""
        try:
            return await self._reader.read(_PIECE)
        except ConnectionError:
            return b""

    async def messages(self) -> AsyncIterator[tuple[int, bytes]]:
        """The opcodes and payloads of the frames behind the head, until the connection ends."""
        data = b""
        while piece := await self.read():
            data, at = data + piece, 0
            while frame := _frame(data, at):
                opcode, start, at = frame
                yield opcode, data[start:at]
            data = data[at:]

    async def send(self, opcode: int, payload: bytes) -> None:
        """Sends a frame. ConnectionError if the broker has ended the connection."""
        self._writer.write(_masked(opcode, payload))
        await self._writer.drain()
