"""The admin interface: who may look at a server, and what a look shows, seen by python-socketio's own client as the page is one."""

from __future__ import annotations

from typing import Any

import pytest
import roomcast
import socketio
from host import Host, Player

LOGIN = {"username": "admin", "password": "secret"}


def look(host: Host, auth: Any) -> Player:
    """Somebody who looks, when the interface has answered."""
    return Player(host, namespaces=["/admin"], auth=auth)


def until(player: Player, name: str) -> tuple[Any, ...]:
    """The arguments of the next event of this name."""
    while True:
        event, *args = player.next()
        if event == name:
            return tuple(args)


def test_a_login_looks_and_acts(make: Any) -> None:
    host = make()
    host.sio.instrument(auth=LOGIN, server_id="ours", server_stats_interval=0.1)
    with host:
        with pytest.raises(socketio.exceptions.ConnectionError):
            look(host, {**LOGIN, "password": "wrong"})
        page = look(host, LOGIN)
        (config,) = until(page, "config")
        assert "ALL_EVENTS" in config["supportedFeatures"] and "JOIN" in config["supportedFeatures"]
        player = Player(host)
        connected, _ = until(page, "socket_connected")
        assert (connected["id"], connected["nsp"], connected["transport"]) == (player.sid(), "/", "websocket")
        host.do("enter_room", player.sid(), "lobby")
        assert until(page, "room_joined")[:3] == ("/", "lobby", player.sid())
        host.do("emit", "news", {"of": "today"}, room="lobby")
        assert until(page, "event_sent")[:3] == ("/", player.sid(), ["news", {"of": "today"}])
        page.emit("leave", ("/", "lobby", player.sid()), namespace="/admin")
        assert until(page, "room_left")[:3] == ("/", "lobby", player.sid())
        assert host.do("rooms", player.sid()) == [player.sid()]
        (stats,) = until(page, "server_stats")
        assert stats["serverId"] == "ours" and {"name": "/admin", "socketsCount": 1} in stats["namespaces"]
        page.leave()
        player.leave()


@pytest.mark.parametrize("auth", [
    [LOGIN, {"username": "bob", "password": "x"}],
    {"token": "t"},
    lambda given: given in (LOGIN, {"token": "t"}),
], ids=["list", "dict", "function"])
def test_other_ways_to_decide(make: Any, auth: Any) -> None:
    host = make()
    host.sio.instrument(auth=auth, mode="production", read_only=True)
    with host:
        for wrong in (None, {"username": "admin", "password": "wrong"}, {"token": "u"}):
            with pytest.raises(socketio.exceptions.ConnectionError):
                look(host, wrong)
        page = look(host, {"token": "t"} if isinstance(auth, dict) else LOGIN)
        assert until(page, "config") == ({"supportedFeatures": ["AGGREGATED_EVENTS"]},)
        page.leave()


def test_everybody_may_look_where_the_server_says_so(make: Any) -> None:
    host = make()
    host.sio.instrument(auth=False, namespace="/looking")
    with host:
        page = Player(host, namespaces=["/looking"])
        assert until(page, "all_sockets")[0][0]["nsp"] == "/looking"
        page.leave()


def test_a_coroutine_decides_for_asyncio() -> None:
    async def auth(given: Any) -> bool:
        return given == LOGIN

    host = Host("asyncio")
    host.sio.instrument(auth=auth)
    with host:
        with pytest.raises(socketio.exceptions.ConnectionError):
            look(host, None)
        page = look(host, LOGIN)
        until(page, "all_sockets")
        page.leave()
    with pytest.raises((TypeError, ValueError), match="coroutine"):
        roomcast.Server().instrument(auth=auth)


def test_what_is_no_choice_is_refused() -> None:
    server = roomcast.Server()
    with pytest.raises(ValueError, match="auth must be specified"):
        server.instrument()
    for wrong in ({"mode": "other"}, {"server_stats_interval": 0}, {"auth": 7}, {"auth": {"username": "", "password": ""}}):
        with pytest.raises(ValueError):
            server.instrument(**{"auth": LOGIN, **wrong})
    server.instrument(auth=LOGIN)
    with pytest.raises(ValueError):
        server.instrument(auth=LOGIN)
