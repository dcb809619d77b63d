"""Compressed messages and answers: who gets what, by the `websockets` package's own permessage-deflate and by bare requests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import requests
import roomcast
import websockets.asyncio.client
from host import PATIENCE, Host

LONG = "compressed once for everybody " * 100
WS = "/socket.io/?EIO=4&transport=websocket"


def talking(kind: str, **options: Any) -> Host:
    """A server that says something long when it is asked to."""
    host = Host(kind, **options)

    async def say(sid: str, compress: bool) -> None:
        await host.emit("said", LONG, compress=compress)

    host.on("say", say)
    return host


async def told(host: Host, compress: bool) -> "tuple[list[Any], list[int]]":
    """What a client that offers it and one that does not are told, and how many bytes each was sent for it."""
    url = host.url.replace("http", "ws") + WS
    texts, sizes = [], []
    async with websockets.asyncio.client.connect(url) as taker, websockets.asyncio.client.connect(url, compression=None) as other:
        for client in (taker, other):
            await client.recv()
            await client.send("40")
            await client.recv()
        counts = []
        for client in (taker, other):
            count = [0]
            counts.append(count)
            protocol, receive = client.protocol, client.protocol.receive_data

            def counted(data: bytes, count: "list[int]" = count, receive: Any = receive) -> None:
                count[0] += len(data)
                receive(data)

            protocol.receive_data = counted  # type: ignore[method-assign]
        await taker.send(f'42["say",{str(compress).lower()}]')
        for client, count in zip((taker, other), counts):
            texts.append(await asyncio.wait_for(client.recv(), PATIENCE))
            sizes.append(count[0])
    return texts, sizes


@pytest.mark.parametrize("kind", ["threads", "asyncio", "threads+2"])
def test_messages_are_compressed_for_those_who_take_it(kind: str) -> None:
    with talking(kind, per_message_deflate=True) as host:
        texts, (compressed, plain) = asyncio.run(told(host, True))
        assert texts == [f'42["said","{LONG}"]'] * 2
        assert compressed < 300 and plain > len(LONG)
        texts, (left, plain) = asyncio.run(told(host, False))
        assert texts == [f'42["said","{LONG}"]'] * 2
        assert left == plain > len(LONG)


def test_it_is_off_unless_asked_for_and_has_a_threshold() -> None:
    for options in ({}, {"per_message_deflate": True, "compression_threshold": 100_000}):
        with talking("threads", **options) as host:
            _, (one, other) = asyncio.run(told(host, True))
            assert one == other > len(LONG)


@pytest.mark.parametrize("compression", [True, False])
def test_answers_to_polls_are_compressed(compression: bool) -> None:
    with talking("threads", http_compression=compression) as host:
        with requests.Session() as session:
            session.trust_env = False
            url = f"{host.url}/socket.io/?EIO=4&transport=polling"
            sid = session.get(url).text.partition('"sid":"')[2][:20]
            url += f"&sid={sid}"
            session.post(url, data="40")
            session.get(url)
            session.post(url, data='42["say",true]')
            answer = session.get(url, timeout=PATIENCE)
            assert answer.text == f'42["said","{LONG}"]'
            assert answer.headers.get("Content-Encoding") == ("gzip" if compression else None)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(roomcast.exceptions.RoomcastError, match="compression_level"):
        roomcast.Server(config={"compression_level": 10})
    with pytest.raises(TypeError, match="compression_threshold"):
        roomcast.Server(compression_threshold="much")
