"""What python-socketio's documentation promises of a server: events, answers, sessions and transports, seen by its own client."""

from __future__ import annotations

import queue
import socket
import threading
import time
from typing import Any

import pytest
import roomcast
import socketio
from host import PATIENCE, Player, Raw, drive


def test_answers(make: Any) -> None:
    host = make()

    async def echo(sid: str, *args: Any) -> Any:
        return args

    async def one(sid: str, value: Any) -> Any:
        return value

    async def nothing(sid: str) -> None:
        return None

    host.on("echo", echo)
    host.on("one", one)
    host.on("nothing", nothing)
    with host:
        player = Player(host)
        assert player.call("echo", ("a", {"b": [1, 2.5, None, True]})) == ("a", {"b": [1, 2.5, None, True]})
        assert player.call("one", [1, 2]) == [1, 2]
        assert player.call("one", "grüße, 世界 😀 \u2028 \x1e") == "grüße, 世界 😀 \u2028 \x1e"
        assert player.call("nothing") is None
        player.leave()


def test_plain_functions_are_handlers_too(make: Any) -> None:
    host = make()
    host.sio.on("add", lambda sid, a, b: a + b)

    @host.sio.event
    def double(sid: str, a: int) -> int:
        return a * 2

    @host.sio.event(namespace="/other")
    def triple(sid: str, a: int) -> int:
        return a * 3

    with host:
        player = Player(host, ["/", "/other"])
        assert player.call("add", (1, 2)) == 3
        assert player.call("double", 2) == 4
        assert player.call("triple", 2, namespace="/other") == 6
        player.leave()


def test_binary_travels_both_ways_wherever_it_is(make: Any) -> None:
    host = make()

    async def echo(sid: str, data: Any) -> Any:
        await host.emit("copy", {"of": [data, bytearray(b"\x01")]}, to=sid)
        return data, b""

    host.on("echo", echo)
    with host:
        for transports in (["websocket"], ["polling"]):
            player = Player(host, transports=transports)
            data = {"a": b"\x00\xff", "deep": [{"er": b"x"}, "text"], "n": 1}
            assert player.call("echo", data) == (data, b"")
            assert player.next() == ("copy", {"of": [data, b"\x01"]})
            player.leave()


def test_older_handlers_take_fewer_arguments(make: Any) -> None:
    host = make()
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
    host.sio.on("connect", lambda sid, environ: seen.put("connect"))
    host.sio.on("disconnect", lambda sid: seen.put("disconnect"))
    with host:
        player = Player(host, auth={"token": "t"})
        player.leave()
        assert [seen.get(timeout=PATIENCE) for _ in range(2)] == ["connect", "disconnect"]


def test_catch_alls(make: Any) -> None:
    host = make(namespaces="*")

    def teller(name: str) -> Any:
        async def tell(*args: Any) -> Any:
            return [name, *args]

        return tell

    host.on("own", teller("own"), "/known")
    host.on("*", teller("event"), "/known")
    host.on("somewhere", teller("namespace"), "*")
    host.on("*", teller("both"), "*")
    with host:
        player = Player(host, ["/known", "/new"])
        known, new = player.sid("/known"), player.sid("/new")
        assert player.call("own", 1, namespace="/known") == ["own", known, 1]
        assert player.call("other", 1, namespace="/known") == ["event", "other", known, 1]
        assert player.call("somewhere", 1, namespace="/new") == ["namespace", "/new", new, 1]
        assert player.call("other", 1, namespace="/new") == ["both", "other", "/new", new, 1]
        host.do("emit", "hello", namespace="/new")
        assert player.next() == ("/new", "hello")
        player.leave()


def test_namespaces_as_classes(make: Any) -> None:
    host = make()
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()

    class Common:
        def on_connect(self, sid: str, environ: Any) -> None:
            seen.put("connect")

        def on_disconnect(self, sid: str, reason: str) -> None:
            seen.put(reason)

    class Threaded(Common, roomcast.Namespace):
        def on_shout(self, sid: str, text: str) -> str:
            self.enter_room(sid, "room")
            self.emit("shout", text.upper(), room="room")
            with self.session(sid) as session:
                session["last"] = text
            return self.get_session(sid)["last"]

    class Asynchronous(Common, roomcast.AsyncNamespace):
        async def on_shout(self, sid: str, text: str) -> str:
            await self.enter_room(sid, "room")
            await self.emit("shout", text.upper(), room="room")
            async with self.session(sid) as session:
                session["last"] = text
            return (await self.get_session(sid))["last"]

    right, wrong = (Threaded, Asynchronous) if host.threaded else (Asynchronous, Threaded)
    host.sio.register_namespace(right("/loud"))
    with pytest.raises(ValueError, match="Not a valid namespace class"):
        host.sio.register_namespace(wrong("/loud"))
    with pytest.raises(ValueError, match="Not a namespace instance"):
        host.sio.register_namespace(object())
    host.sio.on("whisper", lambda sid: "a function goes first", namespace="/loud")
    with host:
        player = Player(host, ["/loud"])
        assert player.call("shout", "hey", namespace="/loud") == "hey"
        assert player.next() == ("shout", "HEY")
        assert player.call("whisper", namespace="/loud") == "a function goes first"
        player.emit("unheard of", namespace="/loud")
        player.leave()
        assert seen.get(timeout=PATIENCE) == "connect"
        assert seen.get(timeout=PATIENCE) in ("client disconnect", "transport close")


def test_two_namespaces_of_one_client_are_two_sockets(make: Any) -> None:
    host = make()

    async def who(sid: str) -> str:
        return sid

    host.on("who", who)
    host.on("who", who, "/chat")
    with host:
        player = Player(host, ["/", "/chat"])
        root, chat = player.call("who"), player.call("who", namespace="/chat")
        assert root != chat and (root, chat) == (player.sid("/"), player.sid("/chat"))
        host.do("enter_room", chat, "room", namespace="/chat")
        assert host.do("rooms", chat, namespace="/chat") == [chat, "room"] and host.do("rooms", chat) == []
        host.do("emit", "hi", room="room")
        host.do("emit", "hi", room="room", namespace="/chat")
        assert player.next() == ("/chat", "hi")
        host.do("save_session", root, {"in": "root"})
        host.do("save_session", chat, {"in": "chat"}, namespace="/chat")
        assert host.do("get_session", root) == {"in": "root"}
        assert host.do("get_session", chat, namespace="/chat") == {"in": "chat"}
        host.do("disconnect", chat, namespace="/chat")
        assert player.gone.get(timeout=PATIENCE) == "/chat"
        assert player.call("who") == root
        player.leave()


def test_callbacks_and_calls(make: Any) -> None:
    host = make()
    answered: queue.SimpleQueue[Any] = queue.SimpleQueue()

    with host:
        player = Player(host, answers={"ask": lambda n: (n, b"raw"), "none": lambda: None, "one": lambda: [1]})
        sid = player.sid()
        host.do("emit", "ask", 1, to=sid, callback=lambda *args: answered.put(args))
        assert answered.get(timeout=PATIENCE) == (1, b"raw")
        assert host.do("call", "ask", 2, to=sid, timeout=PATIENCE) == (2, b"raw")
        assert host.do("call", "one", sid=sid) == [1]
        assert host.do("call", "none", to=sid) is None
        with pytest.raises(ValueError, match="broadcast"):
            host.do("call", "ask", 1)
        other = Player(host, answers={"ask": lambda n: n + 1})
        host.do("emit", "ask", 1, callback=lambda *args: answered.put(args))
        assert sorted([answered.get(timeout=PATIENCE) for _ in range(2)], key=len) == [(2,), (1, b"raw")]
        player.leave()
        other.leave()


def test_a_call_that_gets_no_answer(make: Any) -> None:
    host = make()
    with host:
        mute = Raw(host.port)
        with pytest.raises(roomcast.exceptions.TimeoutError, match="in time"):
            host.do("call", "unheard of", to=mute.sid, timeout=0.05)
        # Nothing of it is kept for as long as the client stays.
        while host.do("stats")["pending_acks"] > 0:
            time.sleep(0.01)
        with pytest.raises(roomcast.exceptions.TimeoutError, match="gone"):
            host.do("call", "anything", to="nobody")
        leaver = threading.Thread(target=lambda: (mute.text(), mute.text(), mute.close()))
        leaver.start()
        with pytest.raises(roomcast.exceptions.TimeoutError, match="gone"):
            host.do("call", "leave", to=mute.sid, timeout=PATIENCE - 1)
        leaver.join()


@pytest.mark.parametrize("in_order", [False, True])
def test_a_client_that_ends_its_side_behind_an_event_is_answered(make: Any, in_order: bool) -> None:
    host = make(async_handlers=not in_order)
    if host.threaded and not in_order:
        pytest.skip("handlers on threads may come too late")
    reasons: queue.SimpleQueue[str] = queue.SimpleQueue()

    async def say(sid: str, number: int) -> int:
        await host.emit("news", number)
        return number

    host.on("say", say)
    host.sio.on("disconnect", lambda sid, reason: reasons.put(reason))
    with host:
        for number in range(5):
            half = Raw(host.port)
            half.socket.sendall(half.frame(f'427["say",{number}]'))
            half.socket.shutdown(socket.SHUT_WR)
            assert sorted(half.text() for _ in range(2)) == [f'42["news",{number}]', f"437[{number}]"]
            assert reasons.get(timeout=PATIENCE) == "transport close"
            half.close()


def test_sessions(make: Any) -> None:
    host = make()
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()

    async def connect(sid: str, environ: Any, auth: Any) -> None:
        await host.save_session(sid, {"name": auth["name"]})

    async def name(sid: str) -> Any:
        return (await host.get_session(sid))["name"]

    async def disconnect(sid: str, reason: str) -> None:
        seen.put((await host.get_session(sid), await host.rooms(sid)))

    host.on_connect(connect)
    host.on("name", name)
    host.sio.on("disconnect", disconnect) if not host.threaded else host.sio.on(
        "disconnect", lambda sid, reason: seen.put((host.sio.get_session(sid), host.sio.rooms(sid))))
    with host:
        a, b = Player(host, auth={"name": "a"}), Player(host, auth={"name": "b"})
        assert (a.call("name"), b.call("name")) == ("a", "b")
        sid = a.sid()
        host.do("enter_room", sid, "room")
        assert host.do("rooms", sid) == [sid, "room"]
        a.leave()
        # At goodbye the session and the rooms are still there.
        assert seen.get(timeout=PATIENCE) == ({"name": "a"}, [sid, "room"])
        b.leave()
        seen.get(timeout=PATIENCE)
        with pytest.raises(KeyError):
            host.do("get_session", "nobody")


def test_handlers_without_a_hash(make: Any) -> None:
    class Handler:
        __hash__ = None  # type: ignore[assignment]

        def __init__(self, answer: Any) -> None:
            self.answer = answer

        def __eq__(self, other: object) -> bool:
            return True

        def __call__(self, *args: Any) -> Any:
            return self.answer

    class Later(Handler):
        async def __call__(self, *args: Any) -> Any:
            return self.answer

    host = make()
    for event, handler in (("one", Handler(1)), ("two", Handler(2)), ("connect", Handler(None)), ("disconnect", Handler(None))):
        host.sio.on(event, handler)
    if not host.threaded:
        host.sio.on("three", Later(3))
    with host:
        player = Player(host)
        assert [player.call("one"), player.call("two")] == [1, 2]
        assert host.threaded or player.call("three") == 3
        player.leave()


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]])
def test_transports(make: Any, transports: list[str]) -> None:
    host = make()
    with host:
        player = Player(host, transports=transports)
        assert host.do("transport", player.sid()) == transports[-1]
        host.do("emit", "hello", {"to": "you"})
        assert player.next() == ("hello", {"to": "you"})
        player.leave()


def test_without_async_handlers_the_events_of_a_client_wait_for_one_another(make: Any) -> None:
    host = make(async_handlers=False)
    order: list[int] = []

    async def slow(sid: str, number: int) -> None:
        if not host.threaded:
            await host.sleep(0)
        order.append(number)

    async def finished(sid: str) -> list[int]:
        return order

    host.on("slow", slow)
    host.on("finished", finished)
    with host:
        player = Player(host)
        for number in range(50):
            player.emit("slow", number)
        assert player.call("finished") == list(range(50))
        with pytest.raises(RuntimeError, match="async_handlers"):
            host.do("call", "x", to=player.sid())
        player.leave()


def test_background_tasks(make: Any) -> None:
    host = make()

    async def work(number: int, *, then: str) -> None:
        await host.sleep(0)
        await host.emit("done", (number, then))

    with host:
        player = Player(host)
        if host.threaded:
            host.sio.start_background_task(lambda *args, **kwargs: drive(work(*args, **kwargs)), 1, then="x").join()
        else:
            host.do("start_background_task", work, 1, then="x")
        assert player.next() == ("done", 1, "x")
        player.leave()


def test_the_threaded_client(make: Any) -> None:
    host = make()
    host.sio.on("add", lambda sid, a, b: a + b)
    with host:
        for transports in (["polling"], ["websocket"], ["polling", "websocket"]):
            client = socketio.Client(reconnection=False)
            client.connect(host.url, transports=transports, wait_timeout=PATIENCE)
            assert client.call("add", (1, 2), timeout=PATIENCE) == 3
            client.disconnect()
