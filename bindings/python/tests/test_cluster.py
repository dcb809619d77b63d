"""Two servers that are nodes of one cluster, seen by python-socketio's own client."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import roomcast
import socketio
from host import PATIENCE, Player, drive
from roomcast import raw
from werkzeug.serving import WSGIRequestHandler, make_server

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
        here.do("emit", "a alone", ignore_queue=True)
        here.do("send", "a alone", ignore_queue=True)
        here.do("disconnect", b.sid(), ignore_queue=True)
        here.do("emit", "b", to=b.sid())
        here.do("leave_room", b.sid(), "room")
        here.do("emit", "nobody", room="room")
        here.do("emit", "end")
        assert [said(player) for player in (a, b, c)] == [
            [("not b",), ("a alone",), ("message", "a alone")], [("room", 1, b"\1\2"), ("b",)], [("not b",)]]
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
        # Of its own sockets, of which it has none.
        worker.emit(ns, "nobody", rooms=["room"], flags=raw.LOCAL)
        worker.emit_many([raw.pack(ns, b"nobody", b"[]", flags=raw.LOCAL)])
        worker.orders([raw.order("emit", raw.target(ns), raw.message("nobody", flags=raw.LOCAL))])
        worker.remote().emit_to(ns, "nobody", flags=raw.LOCAL)
        with pytest.raises(raw.RoomcastError, match="message.flags"):
            worker.emit(ns, "x", flags=64)
        with pytest.raises(raw.RoomcastError, match="message.flags"):
            worker.emit_many([raw.pack(ns, b"x", b"[]", flags=64)])
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


class Quiet(WSGIRequestHandler):
    """A server's handler that writes nothing."""

    def log(self, *_args: Any) -> None:
        pass


class Theirs:
    """A server of python-socketio's, as a node of the same cluster."""

    def __init__(self, url: str) -> None:
        self.sio = socketio.Server(async_mode="threading", client_manager=socketio.RedisManager(url))
        self.http = make_server("127.0.0.1", 0, socketio.WSGIApp(self.sio), threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def theirs(url: str) -> Iterator[Theirs]:
    """Its listening thread ends with the program, and says until then that there is no Redis."""
    server = Theirs(url)
    yield server
    server.http.shutdown()
    server.http.server_close()


def test_a_cluster_with_servers_of_python_socketio(make: Any, url: str, theirs: Theirs) -> None:
    with make(client_manager=roomcast.RedisManager(url)) as ours:
        answers = {"ask": lambda *args: ("heard", *args)}
        a, b = Player(ours, answers=answers), Player(theirs, answers=answers)  # type: ignore[arg-type]
        reach(lambda: ours.do("emit", "knock", to=b.sid()), b)
        reach(lambda: theirs.sio.emit("knock", to=a.sid()), a)

        ours.do("enter_room", b.sid(), "room")
        ours.do("emit", "room", (1, b"\1\2", {"é": None}), room="room")
        ours.do("emit", "not b", skip_sid=b.sid())
        ours.do("emit", "two", to=["room", a.sid()])
        ours.do("leave_room", b.sid(), "room")
        ours.do("emit", "nobody", room="room")
        ours.do("emit", "end")
        assert [said(player) for player in (a, b)] == [[("not b",), ("two",)], [("room", 1, b"\1\2", {"é": None}), ("two",)]]

        theirs.sio.enter_room(a.sid(), "room")
        theirs.sio.emit("room", (1, b"\1\2", {"é": None}), room="room")
        theirs.sio.emit("not a", skip_sid=a.sid())
        theirs.sio.emit("two", to=["room", b.sid()])
        theirs.sio.close_room("room")
        theirs.sio.emit("nobody", room="room")
        theirs.sio.emit("end")
        assert [said(player) for player in (a, b)] == [[("room", 1, b"\1\2", {"é": None}), ("two",)], [("not a",), ("two",)]]

        got: queue.SimpleQueue[Any] = queue.SimpleQueue()
        theirs.sio.emit("ask", (1, "two"), to=a.sid(), callback=lambda *args: got.put(args))
        assert got.get(timeout=PATIENCE) == ("heard",), "the first value is what goes over the bus"

        ours.do("enter_room", b.sid(), "room")
        ours.do("close_room", "room")
        ours.do("emit", "nobody", room="room")
        ours.do("emit", "end")
        assert [said(player) for player in (a, b)] == [[], []]

        ours.do("disconnect", b.sid())
        assert b.gone.get(timeout=PATIENCE) == "/"
        theirs.sio.disconnect(a.sid())
        assert a.gone.get(timeout=PATIENCE) == "/"


def test_an_acknowledgement_from_a_client_of_python_socketio(make: Any, url: str, theirs: Theirs) -> None:
    with make(client_manager=roomcast.RedisManager(url)) as ours:
        player = Player(theirs, answers={"ask": lambda *args: ["heard", *args]})  # type: ignore[arg-type]
        reach(lambda: ours.do("emit", "knock", to=player.sid()), player)
        got: queue.SimpleQueue[Any] = queue.SimpleQueue()
        ours.do("emit", "ask", (1, "two"), to=player.sid(), callback=lambda *args: got.put(args))
        assert got.get(timeout=PATIENCE) == (["heard", 1, "two"],)
        player.leave()


def test_workers_of_both_packages_reach_the_servers_of_both(make: Any, url: str, theirs: Theirs) -> None:
    with make(client_manager=roomcast.AsyncRedisManager(url)) as ours:
        players = [Player(ours), Player(theirs)]  # type: ignore[arg-type]
        workers: list[Any] = [socketio.RedisManager(url, write_only=True), roomcast.RedisManager(url, write_only=True),
                              roomcast.AsyncRedisManager(url, write_only=True)]
        for worker in workers:
            def call(name: str, *args: Any, worker: Any = worker, **options: Any) -> None:
                method = getattr(worker, name)
                if isinstance(worker, roomcast.AsyncRedisManager):
                    drive(method(*args, **options))
                else:
                    method(*args, **options)

            for player in players:
                reach(lambda sid=player.sid(): call("emit", "knock", None, to=sid), player)
                call("emit", "one", (b"\0", [None]), room=player.sid())
            call("emit", "all", {"n": 1}, skip_sid=players[0].sid())
            call("emit", "end", None)
            assert [said(player) for player in players] == [[("one", b"\0", [None])], [("one", b"\0", [None]), ("all", {"n": 1})]]
        for worker in workers[1:]:
            worker.close()
        for player in players:
            player.leave()


def test_a_sharded_cluster(make: Any, url: str) -> None:
    here, there = (make(client_manager=roomcast.ClusterManager(url, "sharded")) for _ in range(2))
    with here, there:
        player = Player(there)
        there.do("enter_room", player.sid(), "room")
        reach(lambda: here.do("emit", "knock", to="room"), player)
        worker = roomcast.ClusterManager(url, "sharded", write_only=True)
        for order in (worker.enter_room, worker.leave_room):
            order(player.sid(), "/", "other")
            worker.emit("news", order.__name__, room="room")
        worker.close_room("room")
        worker.emit("nobody", room="room")
        worker.emit("end", to=player.sid())
        assert said(player) == [("news", "enter_room"), ("news", "leave_room")]
        worker.disconnect(player.sid())
        assert player.gone.get(timeout=PATIENCE) == "/"
        worker.close()


def test_managers_refuse_what_they_cannot_do(url: str) -> None:
    with pytest.raises(ValueError, match="format='mine'"):
        roomcast.ClusterManager(url, format="mine")
    with pytest.raises(ValueError, match="redis_options"):
        roomcast.RedisManager(url, redis_options={"ssl": True})
    with pytest.raises(TypeError, match="url"):
        roomcast.RedisManager(None)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="write_only"):
        roomcast.RedisManager(url).emit("x")
    worker = roomcast.RedisManager(url, write_only=True)
    with pytest.raises(RuntimeError, match="Callbacks"):
        worker.emit("x", callback=print)
    worker.close()
