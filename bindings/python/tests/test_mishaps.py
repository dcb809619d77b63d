"""What goes wrong in a program's own handlers, loggers, signal handlers and JSON modules costs no more than it must."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import queue
import threading
from typing import Any

import pytest
import roomcast
import socketio
from host import PATIENCE, Host, Player, Raw, drive

#: Where the turns are taken and the threads run. What is in all other files may be interrupted by a call of the server.
LOOPS = ("/server.py", "/async_server.py", "/_driver.py", "/_workers.py")


def test_an_exception_costs_its_event_only(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    host = make()

    async def fail(sid: str) -> None:
        raise RuntimeError("a fault of the handler")

    async def fine(sid: str) -> str:
        return "fine"

    async def unsendable(sid: str) -> object:
        return object()

    async def connect(sid: str, environ: Any, auth: Any) -> None:
        if auth:
            raise RuntimeError("a fault at connect")

    host.on_connect(connect)
    host.on("fail", fail)
    host.on("unsendable", unsendable)
    host.on("fine", fine)
    host.sio.on("disconnect", lambda sid: 1 / 0)
    with host, caplog.at_level(logging.ERROR):
        player = Player(host)
        player.emit("fail")
        player.emit("fine", ("too", "many", "arguments"))
        player.emit("unsendable", callback=lambda *args: None)
        assert player.call("fine") == "fine"
        with pytest.raises(socketio.exceptions.ConnectionError):
            Player(host, auth={"fail": 1})
        player.leave()
        again = Player(host)
        assert again.call("fine") == "fine"
        again.leave()
    for text in ("a fault of the handler", "a fault at connect", "neither JSON nor binary", "division by zero"):
        assert text in caplog.text


class Odd(BaseException):
    """No Exception, and nothing that Python itself knows."""


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "coroutine"])
@pytest.mark.parametrize("error", [asyncio.CancelledError, Odd, GeneratorExit])
@pytest.mark.parametrize("async_handlers", [True, False], ids=["at once", "in order"])
def test_what_is_no_exception_costs_its_event_only(make: Any, error: type[BaseException], plain: bool, async_handlers: bool,
                                                   caplog: pytest.LogCaptureFixture) -> None:
    host = make(async_handlers=async_handlers, ping_interval=0.05)

    def on(event: str, act: Any) -> None:
        async def later(*args: Any) -> Any:
            return act(*args)

        host.on(event, act if plain else later)

    def fail(*args: Any) -> None:
        raise error("at " + str(args[0]))

    gone: queue.SimpleQueue[str] = queue.SimpleQueue()
    on("connect", lambda sid, environ, auth: fail("connect") if auth else None)
    on("fail", lambda sid: fail("event"))
    on("fine", lambda sid, number: number)
    on("disconnect", lambda sid, reason: (gone.put(sid), fail("disconnect")))
    with host, caplog.at_level(logging.ERROR):
        raws = [Raw(host.port) for _ in range(2)]
        # Both clients' events are there in one turn, as far as the kernel allows it.
        for raw in raws:
            raw.socket.sendall(raw.frame('42["fail"]') + raw.frame('420["fine",1]') + raw.frame('421["fine",2]'))
        for raw in raws:
            assert sorted(raw.next_of("43") for _ in range(2)) == ["430[1]", "431[2]"]
        if async_handlers:  # a callback, too
            host.do("emit", "ask", to=raws[0].sid, callback=lambda: fail("callback"))
            raws[0].send("43" + raws[0].next_of("42")[2:].split("[")[0] + "[]")
        refused = Raw(host.port, auth={"fail": 1}, wait=False)
        assert refused.next_of("44") == '44{"message":"Connection rejected by server"}'
        refused.close()
        for raw in raws:
            assert raw.next_of("2") == raw.next_of("2") == "2"  # pings go on
            raw.send('422["fine",3]')
            assert raw.next_of("43") == "432[3]"
            raw.close()
        assert {gone.get(timeout=PATIENCE), gone.get(timeout=PATIENCE)} == {raw.sid for raw in raws}
        player = Player(host)
        assert player.call("fine", 4) == 4
        player.leave()
        assert gone.get(timeout=PATIENCE)
    assert not host.sio._clients.by_sid
    for at in ("connect", "event", "disconnect"):
        assert f"at {at}" in caplog.text


def test_a_signal_handler_may_come_anywhere(make: Any) -> None:
    # A trace function is called where a signal handler may be: between any two lines, in the middle of any call.
    host = make()
    host.sio.on("echo", lambda sid, number: number)
    ticks, done, refused, sids = [0], [0], [0], [""]

    def handler() -> None:
        emitting = host.sio.emit("tick", ticks[0])
        ticks[0] += 1
        if not host.threaded:
            with contextlib.suppress(AssertionError):  # it lets others have their turn
                drive(emitting)
        try:
            assert sids[0] in host.sio.rooms(sids[0])
            host.sio._membership.enter(sids[0], f"room {ticks[0]}", None)
            done[0] += 1
        except roomcast.exceptions.RoomcastError as error:
            assert error.code == "ROOMCAST_ERROR_BUSY"
            refused[0] += 1

    lines, calling = [0], threading.Lock()

    def trace(frame: Any, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        if "roomcast" not in name or name.endswith(LOOPS) or not sids[0]:
            return None if "roomcast" not in name else trace
        lines[0] += event == "line"
        # One at a time, as signals come, and none behind the end. To wait here could be for a thread that waits for this one.
        if lines[0] % 11 == 0 and ticks[0] < 2000 and calling.acquire(blocking=False):
            try:
                if sids[0]:
                    handler()
            finally:
                calling.release()
        return trace

    threading.settrace(trace)
    try:
        host.__enter__()
    finally:
        threading.settrace(None)  # type: ignore[arg-type]
    with contextlib.closing(Raw(host.port)) as raw:
        sids[0] = raw.sid
        got: list[str] = []
        for number in range(400):
            raw.send(f'42{number}["echo",{number}]')
            while (text := raw.text()) != f"43{number}[{number}]":
                got.append(text)
        with calling:
            sids[0] = ""
        host.do("emit", "end")
        while (text := raw.text()) != '42["end"]':
            got.append(text)
        assert got == [f'42["tick",{number}]' for number in range(ticks[0])]
    assert ticks[0] > 100 and done[0] and refused[0]
    host.__exit__()


def test_a_logging_handler_may_call_the_server(make: Any) -> None:
    class Telling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            for _ in range(300):  # more than wait for the turn's end
                emitting = host.sio.emit("log", record.getMessage())
                if not host.threaded:
                    with contextlib.suppress(AssertionError):  # it lets others have their turn
                        drive(emitting)
            host.sio.rooms(sids[0])

    logger = logging.getLogger("roomcast.test")
    logger.propagate = False
    logger.addHandler(Telling())
    host, sids = make(engineio_logger=logger), [""]
    host.sio.on("echo", lambda sid: "echo")
    with host:
        raw = Raw(host.port)
        sids[0] = raw.sid
        for _ in range(3):
            bad = Raw(host.port)
            bad.send("4nonsense")
            with pytest.raises(EOFError):
                while True:
                    bad.text()
            bad.close()
        assert raw.next_of("42").startswith('42["log","')
        raw.send('420["echo"]')
        assert raw.next_of("43") == '430["echo"]'
        raw.close()
    logger.handlers.clear()


def test_a_logger_that_fails_breaks_nothing(make: Any, capfd: pytest.CaptureFixture[str]) -> None:
    def fails(record: logging.LogRecord) -> bool:
        raise RuntimeError("a filter's fault")

    logger = logging.getLogger("roomcast.test")
    logger.addFilter(fails)
    host = make(logger=logger)
    host.sio.on("fail", lambda sid: 1 / 0)
    host.sio.on("echo", lambda sid: "echo")
    with host:
        raw = Raw(host.port)
        raw.send('42["fail"]')
        bad = Raw(host.port)
        bad.send("4nonsense")
        with pytest.raises(EOFError):
            bad.text()
        bad.close()
        raw.send('420["echo"]')
        assert raw.next_of("43") == '430["echo"]'
        raw.close()
    logger.removeFilter(fails)
    assert "a filter's fault" in capfd.readouterr().err


def test_numbers_that_json_has_not_are_null_as_on_node(make: Any) -> None:
    host = make()
    host.sio.on("echo", lambda sid, *values: values)
    with host:
        raw = Raw(host.port)
        raw.send('420["echo",1e400,{"a":[-1e400,1.5]},"x"]')
        assert raw.text() == '430[null,{"a":[null,1.5]},"x"]'
        host.do("emit", "x", (float("nan"), ["\ud800", float("inf")], {float("nan"): 1, 2.5: ()}))
        assert raw.text() == '42["x",null,["\\ud800",null],{"NaN":1,"2.5":[]}]'
        raw.close()
        player = Player(host)
        host.do("emit", "x", {"beside": [b"binary", float("inf")]})
        assert player.next() == ("x", {"beside": [b"binary", None]})
        player.leave()


class Wayward:
    """A json module that writes bytes by itself, as simplejson does, and whatever else it is shown."""

    loads = staticmethod(json.loads)

    @staticmethod
    def dumps(value: Any, **options: Any) -> str:
        return json.dumps(value, **{**options, "default": str})


class Plain:
    """A json module that knows no ``default``, and gives bytes."""

    loads = staticmethod(json.loads)

    @staticmethod
    def dumps(value: Any, separators: tuple[str, str]) -> bytes:
        return json.dumps(value, separators=separators).encode()


@pytest.mark.parametrize("module", [Wayward, Plain])
def test_binary_travels_with_any_json_module(make: Any, module: Any) -> None:
    host = make(json=module)
    host.sio.on("echo", lambda sid, value: value)
    with host:
        player = Player(host)
        data = {"a": b"\x00\xff", "deep": [{"er": b"x"}, "text"], "n": 1}
        assert player.call("echo", data) == data
        host.do("emit", "x", (bytearray(b"1"), float("nan")))
        assert player.next() == ("x", b"1", None)
        player.leave()


@pytest.mark.parametrize("kind", ("threads", "threads+2"))
def test_another_thread_may_call_in_the_moment_in_which_run_begins(kind: str) -> None:
    for _ in range(20):
        host = Host(kind)
        with host:
            for _ in range(20):
                host.do("stats")
