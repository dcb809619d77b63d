"""What a server is to its process: signals, threads, forks and memory."""

from __future__ import annotations

import asyncio
import gc
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import roomcast
from host import PATIENCE, Host, Player, Raw

HERE = Path(__file__).parent

WHERE = """
import roomcast
sio = roomcast.{kind}()
sio.run(uds={uds!r}, fd={fd!r})
"""


@pytest.mark.parametrize("kind", ["Server", "AsyncServer"])
@pytest.mark.parametrize("inherited", [False, True])
def test_a_server_runs_on_a_unix_socket_or_a_descriptor(tmp_path: Path, kind: str, inherited: bool) -> None:
    path = str(tmp_path / "a.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        if inherited:
            listener.bind(path)
            listener.listen()
        uds, fd = (None, listener.fileno()) if inherited else (path, None)
        program = subprocess.Popen([sys.executable, "-c", WHERE.format(kind=kind, uds=uds, fd=fd)], stderr=subprocess.PIPE, text=True,
                                   pass_fds=[fd] if fd is not None else [])
    assert program.stderr
    where = f"descriptor {fd}" if inherited else f"unix:{path}"
    assert program.stderr.readline() == f"roomcast listens on {where} (Ctrl-C ends it)\n"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(path)
        client.sendall(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(1024).startswith(b"HTTP/1.1 200 ")
    program.send_signal(signal.SIGINT)
    assert program.communicate(timeout=PATIENCE)[1] == ""
    assert Path(path).exists() == inherited


def test_any_thread_may_use_a_threaded_server() -> None:
    host = Host("threads")
    with host:
        player, rounds = Player(host), 500

        def work(number: int) -> None:
            for step in range(rounds):
                host.sio.enter_room(player.sid(), f"room {number}")
                host.sio.emit("step", (number, step), room=f"room {number}")
                host.sio.leave_room(player.sid(), f"room {number}")
                host.sio.emit("never", room=f"room {number}")

        threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        got: dict[int, list[int]] = {number: [] for number in range(4)}
        for _ in range(4 * rounds):
            event, number, step = player.next()
            assert event == "step"
            got[number].append(step)
        for thread in threads:
            thread.join()
        assert all(steps == list(range(rounds)) for steps in got.values())
        player.leave()
        assert player.got.empty()


def test_a_thread_wakes_a_server_that_sleeps() -> None:
    host = Host("threads")
    with host:
        player = Player(host)
        for number in range(20):
            # One at a time: each finds the loop asleep, or about to be.
            host.sio.emit("wake", number)
            assert player.next() == ("wake", number)
        player.leave()


def test_handlers_may_wait_for_each_other() -> None:
    host = Host("threads")
    together = threading.Barrier(50)
    host.sio.on("meet", lambda sid: together.wait(PATIENCE) >= 0)
    with host:
        raw = Raw(host.port)
        for number in range(50):
            raw.send(f'42{number}["meet"]')
        assert sorted(int(raw.text()[2:-6]) for _ in range(50)) == list(range(50))
        raw.close()


def test_one_who_floods_a_slow_handler_holds_up_nobody_else() -> None:
    others = set(threading.enumerate())
    host = Host("threads", max_workers=8)
    goes_on, began = threading.Event(), threading.Semaphore(0)

    def slow(sid: str, number: int) -> int:
        began.release()
        goes_on.wait(PATIENCE)
        return number

    host.sio.on("slow", slow)
    host.sio.on("quick", lambda sid: "quick")
    with host:
        flood = Raw(host.port)
        flood.socket.sendall(b"".join(flood.frame(f'42{number}["slow",{number}]') for number in range(2000)))
        for _ in range(2):
            assert began.acquire(timeout=PATIENCE)
        player = Player(host)
        assert player.call("quick") == "quick"
        assert sum(thread.name == "roomcast handler" for thread in set(threading.enumerate()) - others) <= 8
        assert not began.acquire(timeout=0)
        goes_on.set()
        assert sorted(int(flood.next_of("43")[2:].split("[")[0]) for _ in range(2000)) == list(range(2000))
        player.leave()
        flood.close()


def test_a_call_is_answered_although_every_thread_waits() -> None:
    host = Host("threads", max_workers=1)
    host.sio.on("ask", lambda sid: host.sio.call("back", 1, to=sid))
    with host:
        player = Player(host, answers={"back": lambda number: number + 1})
        assert player.call("ask") == 2
        player.leave()


@pytest.mark.parametrize("had", [0, 3])
def test_a_system_without_threads_to_spare_ends_nothing(had: int, monkeypatch: pytest.MonkeyPatch) -> None:
    start, started = threading.Thread.start, [0]

    def scarce(thread: threading.Thread) -> None:
        if thread.name == "roomcast handler":
            started[0] += 1
            if started[0] > had:
                raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    host = Host("threads")
    host.sio.on("echo", lambda sid, number: number)
    with host:
        raw = Raw(host.port)
        raw.socket.sendall(b"".join(raw.frame(f'42{number}["echo",{number}]') for number in range(500)))
        assert sorted(int(raw.next_of("43")[2:].split("[")[0]) for _ in range(500)) == list(range(500))
        raw.close()
    assert started[0] > had


FORKED = """
import os, sys, roomcast
server = roomcast.{kind}(config={{"loops": {loops}}})
{listen}
for name, args in (("run", ()), ("stats", ()), ("emit", ("x",)), ("listen", ("127.0.0.1", 0))):
    if child := os.fork():
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, name
        continue
    try:
        work = getattr(server, name)(*args)
        if hasattr(work, "send"):
            work.send(None)
    except RuntimeError as error:
        said = "make" in str(error) and str(os.getppid()) in str(error) or name == "listen" and "running event loop" in str(error)
        del server
        os._exit(0 if said else print(error) or 1)
    os._exit(2)
print(len(server.stats()) > 5)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("loops", [0, 2])
@pytest.mark.parametrize("kind", ["Server", "AsyncServer"])
def test_a_server_made_before_a_fork_says_so(kind: str, loops: int) -> None:
    listen = "server.listen(port=0)" if kind == "Server" else ""
    program = [sys.executable, "-c", FORKED.format(kind=kind, loops=loops, listen=listen)]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=PATIENCE)
    assert (ended.stdout, ended.returncode) == ("True\n", 0), ended.stdout + ended.stderr


FORKED_REMOTE = """
import os
from roomcast import raw
broker = raw.Broker(loops={loops})
ns, remote = broker.add_namespace("/"), broker.remote()
calls = {{"emit": (ns, "e"), "emit_to": (ns, "e"), "send": (ns, 1, "e"), "join": (1, "r"), "leave": (1, "r"), "change_rooms": (1, [], []),
          "disconnect": (1,), "sockets_join": (ns, ["r"]), "sockets_leave": (ns, ["r"]), "disconnect_sockets": (ns,), "drain_clients": (1,),
          "stop_draining": (), "ack": (1, 1), "accept": (1,), "reject": (1, "no"), "allow": (1,), "add_header": (1, "X", "y"), "refuse": (1,), "refuse_with": (1, 401, "", b""), "guard_handshakes": (True,),
          "close_connection": (1,),
          "server_emit": (ns, "e"), "ask_nodes": (ns, "e"), "answer_node": (1, "1"), "fetch_remote_sockets": (ns,), "count_nodes": (ns, 1),
          "send_text": (1, "x"), "send_binary": (1, b"x"), "set_tag": (1, 1), "leave_all": (1,), "adopt": (0, b""), "adopt_request": (0, "GET", "/"), "wake": ()}}
assert calls.keys() == {{name for name in dir(remote) if not name.startswith("_") and callable(getattr(remote, name))}}
for name, args in calls.items():
    if child := os.fork():
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, name
        continue
    try:
        getattr(remote, name)(*args)
    except RuntimeError as error:
        said = "make" in str(error) and str(os.getppid()) in str(error)
        del remote, broker
        os._exit(0 if said else print(error) or 1)
    except raw.RoomcastError as error:
        os._exit(print(error) or 2)
    os._exit(3)
remote.wake()
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("loops", [0, 2])
def test_a_remote_of_before_a_fork_says_so(loops: int) -> None:
    program = [sys.executable, "-c", FORKED_REMOTE.format(loops=loops)]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=PATIENCE)
    assert (ended.stdout, ended.returncode) == ("done\n", 0), ended.stdout + ended.stderr


def test_an_asyncio_server_says_who_may_use_it() -> None:
    host = Host("asyncio")
    with host:
        player = Player(host)
        with pytest.raises(RuntimeError, match="run_coroutine_threadsafe"):
            asyncio.run(host.sio.emit("wrong"))
        asyncio.run_coroutine_threadsafe(host.sio.emit("right"), host.loop).result(PATIENCE)
        assert player.next() == ("right",)
        player.leave()


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_a_hundred_thousand_events_and_emits_leave_no_memory_behind(make: Any) -> None:
    host = make()

    async def echo(sid: str, number: int, text: str) -> int:
        await host.emit("echo", (number, text), to=sid)
        return number

    host.on("echo", echo)
    with host:
        raw = Raw(host.port)

        def go(count: int) -> None:
            # A hundred on the way at a time, each answered by an event and an acknowledgement.
            for begin in range(0, count, 100):
                raw.socket.sendall(b"".join(raw.frame(f'42{n}["echo",{n},"{"x" * 50}"]') for n in range(begin, begin + 100)))
                got = [raw.text() for _ in range(200)]
                assert sum(text.startswith('42["echo",') for text in got) == 100
                assert sum(text.startswith("43") for text in got) == 100

        go(20_000)
        before = resident()
        go(100_000)
        assert resident() - before < 2 << 20
        assert host.do("stats")["emits"] == 120_000
        raw.close()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_clients_that_come_and_go_leave_no_memory_behind(make: Any) -> None:
    host = make()
    gone: queue.SimpleQueue[str] = queue.SimpleQueue()
    host.sio.on("disconnect", lambda sid: gone.put(sid))
    with host:
        def go(count: int) -> None:
            for _ in range(count):
                raw = Raw(host.port)
                host.do("enter_room", raw.sid, "room")
                host.do("save_session", raw.sid, {"some": "thing"})
                raw.close()
                assert gone.get(timeout=PATIENCE) == raw.sid

        go(200)
        before = resident()
        go(1000)
        assert resident() - before < 2 << 20
        assert not host.sio._clients.by_sid and not host.sio._clients.by_socket


def test_a_client_may_be_sent_away_while_it_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("threads+2")
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
    host.sio.on("connect", lambda sid, environ: seen.put(sid))
    host.sio.on("disconnect", lambda sid, reason: seen.put(reason))
    accept = roomcast.raw.Broker.accept
    away: list[threading.Thread] = []

    def accept_and_dawdle(broker: roomcast.raw.Broker, socket: int) -> None:
        accept(broker, socket)
        away.append(threading.Thread(target=host.sio.disconnect, args=[seen.get(timeout=PATIENCE)]))
        away[0].start()
        away[0].join(0.2)  # what it did too early is done by now

    monkeypatch.setattr(roomcast.raw.Broker, "accept", accept_and_dawdle)
    with host:
        player = Player(host)
        assert player.gone.get(timeout=PATIENCE) == "/"
        away[0].join()
        assert seen.get(timeout=PATIENCE) == "server disconnect" and seen.empty()


def test_an_emit_arrives_that_meets_the_letting_in(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("threads")
    asked: queue.SimpleQueue[str] = queue.SimpleQueue()
    goes_on, let_in = threading.Event(), threading.Event()

    def connect(sid: str, environ: Any) -> None:
        asked.put(sid)
        goes_on.wait(PATIENCE)

    host.sio.on("connect", connect)
    emit_each, accept = roomcast.raw.Broker.emit_each, roomcast.raw.Broker.accept

    def emit_and_dawdle(*args: Any) -> Any:
        goes_on.set()
        let_in.wait(0.2)  # what happens too early has happened by now
        return emit_each(*args)

    def accept_and_tell(broker: roomcast.raw.Broker, socket: int) -> None:
        accept(broker, socket)
        let_in.set()

    monkeypatch.setattr(roomcast.raw.Broker, "emit_each", emit_and_dawdle)
    monkeypatch.setattr(roomcast.raw.Broker, "accept", accept_and_tell)
    with host:
        emitting = threading.Thread(target=lambda: host.sio.emit("early", to=asked.get(timeout=PATIENCE)))
        emitting.start()
        player = Player(host)
        assert player.next() == ("early",)
        emitting.join()
        player.leave()
