"""Clients with another parser or an older protocol, beside those of today: msgpack by python-socketio's own client, Engine.IO 3 by bare requests."""

from __future__ import annotations

import queue
from typing import Any

import pytest
import requests
import socketio
from host import PATIENCE, Client, Host


@pytest.mark.parametrize("kind", ["threads", "asyncio", "threads+2"])
def test_clients_with_msgpack_talk_with_those_without(kind: str) -> None:
    host = Host(kind, serializer="msgpack")

    async def say(sid: str, data: Any) -> Any:
        await host.emit("said", data)
        return data

    host.on("say", say)
    with host:
        said: "dict[str, queue.Queue[Any]]" = {"default": queue.Queue(), "msgpack": queue.Queue()}
        clients = {name: Client(serializer=name) for name in said}
        try:
            for name, client in clients.items():
                client.on("said", said[name].put)
                client.connect(host.url, transports=["websocket"], wait_timeout=PATIENCE)
            for name, client in clients.items():
                # Without bytes: the default client handles each message on a thread of its own, and may take an attachment first.
                data = {"from": name, "list": [1, None, "é"], "object": {"n": 1.5}}
                assert client.call("say", data, timeout=PATIENCE) == data
                assert [said[to].get(timeout=PATIENCE) for to in clients] == [data, data]
        finally:
            for client in clients.values():
                client.disconnect()


def test_msgpack_is_refused_unless_asked_for() -> None:
    with Host("threads") as host:
        client = Client(serializer="msgpack", reconnection=False)
        with pytest.raises(socketio.exceptions.ConnectionError):
            client.connect(host.url, transports=["websocket"], wait_timeout=PATIENCE)


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_clients_of_engineio_3_are_let_in_if_asked_for(kind: str) -> None:
    for allowed in (False, True):
        with Host(kind, allow_eio3=allowed) as host:
            url = f"{host.url}/socket.io/?EIO=3&transport=polling&b64=1"
            answer = requests.get(url, timeout=PATIENCE)
            if allowed:
                length, _, packet = answer.text.partition(":")
                assert answer.status_code == 200 and packet.startswith('0{"sid":"') and int(length) == len(packet)
                # Such a client is in / without having asked.
                sid = packet.partition('"sid":"')[2].partition('"')[0]
                assert requests.get(f"{url}&sid={sid}", timeout=PATIENCE).text == "2:40"
            else:
                assert answer.status_code == 400 and answer.json() == {"code": 5, "message": "Unsupported protocol version"}
