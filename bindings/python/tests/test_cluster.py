"""Two servers that are nodes of one cluster, seen by python-socketio's own client."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from host import PATIENCE, Player
from roomcast import raw

REDIS = shutil.which("redis-server")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A Redis of its own."""
    if REDIS is None:
        assert "CI" not in os.environ, "the tests' tools bring a redis-server"
        pytest.skip("there is no redis-server here")
    path = tmp_path / "redis"
    with subprocess.Popen([REDIS, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path)],
                          stdout=subprocess.PIPE, text=True) as redis:
        assert redis.stdout is not None
        assert any("eady to accept connections" in line for line in redis.stdout)
        yield f"unix://{path}"
        redis.kill()


def reach(say: Callable[[], object], player: Player) -> None:
    """That another node listens cannot be known: something is said until it is heard."""
    while True:
        say()
        try:
            player.got.get(timeout=0.05)
            return
        except queue.Empty:
            pass


def said(player: Player) -> list[Any]:
    """What has come up to the end, but for what was said to see whether it is heard."""
    got = []
    while (event := player.next()) != ("end",):
        if event != ("knock",):
            got.append(event)
    return got


def test_a_server_reaches_the_clients_of_another(make: Any, url: str) -> None:
    here, there = make(client_manager=url), make(client_manager=url)
    with here, there:
        a, b, c = Player(here), Player(there), Player(there)
        for player in (b, c):
            reach(lambda sid=player.sid(): here.do("emit", "knock", to=sid), player)
        here.do("enter_room", b.sid(), "room")
        here.do("emit", "room", (1, b"\1\2"), room="room")
        here.do("emit", "not b", skip_sid=b.sid())
        here.do("emit", "b", to=b.sid())
        here.do("leave_room", b.sid(), "room")
        here.do("emit", "nobody", room="room")
        here.do("emit", "end")
        assert [said(player) for player in (a, b, c)] == [[("not b",)], [("room", 1, b"\1\2"), ("b",)], [("not b",)]]
        here.do("disconnect", c.sid())
        assert c.gone.get(timeout=PATIENCE) == "/"
        for player in (a, b):
            player.leave()


def test_a_worker_without_clients(make: Any, url: str) -> None:
    there = make(client_manager=url)
    with there:
        player = Player(there)
        sid = player.sid()
        # It has a thread of its own: nobody polls it.
        worker = raw.Broker(cluster_url=url, cluster_write_only=True, loops=1)
        ns = worker.add_namespace("/")
        reach(lambda: worker.emit(ns, "knock", "[]", rooms=[sid]), player)
        worker.sockets_join(ns, ["room"], rooms=[sid])
        worker.emit(ns, "news", "[1]", rooms=["room"])
        worker.close()
        # One that says something and goes: it has no connection yet.
        for loops in (0, 1):
            worker = raw.Broker(cluster_url=url, cluster_write_only=True, loops=loops)
            worker.emit(worker.add_namespace("/"), "news", str([loops]), rooms=["room"])
            worker.emit(worker.add_namespace("/"), "end" if loops else "knock")
            worker.close(5)
        assert said(player) == [("news", 1), ("news", 0), ("news", 1)]
        player.leave()
