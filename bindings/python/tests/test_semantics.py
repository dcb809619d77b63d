"""What python-socketio's documentation promises of a server, seen by its own client, on threads, asyncio and uvloop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import queue
import socket
import threading
import time
from typing import Any

import pytest
import roomcast
import socketio
import uvloop
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


def test_a_connect_handler_knows_the_client(make: Any) -> None:
    host = make()
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()

    async def connect(sid: str, environ: Any, auth: Any) -> None:
        seen.put((sid, environ, auth))

    host.on_connect(connect)
    with host:
        player = Player(host, auth={"token": "t"})
        sid, environ, auth = seen.get(timeout=PATIENCE)
        assert (sid, auth) == (player.sid(), {"token": "t"})
        assert environ["REMOTE_ADDR"] == "127.0.0.1" and environ["REQUEST_METHOD"] == "GET"
        assert environ["PATH_INFO"] == "/socket.io/" and "EIO=4" in environ["QUERY_STRING"]
        assert environ["HTTP_HOST"] == f"127.0.0.1:{host.port}" and environ["SERVER_PORT"] == str(host.port)
        assert host.do("get_environ", sid) == environ and host.do("get_environ", "nobody") is None
        assert host.do("transport", sid) == "websocket"
        player.leave()
        player = Player(host)
        assert seen.get(timeout=PATIENCE)[2] is None
        player.leave()
        raw = Raw(host.port)
        assert seen.get(timeout=PATIENCE)[2] is None
        raw.send('40"not an object"')
        with pytest.raises(EOFError):
            raw.text()
        raw.close()
        assert seen.empty()


def test_a_header_with_an_underscore_does_not_pass_for_another() -> None:
    from roomcast._options import environ
    from roomcast.raw import Handshake

    headers = [("X-Forwarded-For", "1.1.1.1, 2.2.2.2"), ("X_Forwarded_For", "6.6.6.6"), ("Content-Type", "text/plain")]
    made = environ(Handshake(1, False, 0, "127.0.0.1:5", "/socket.io/?EIO=4", [], headers))
    assert made["HTTP_X_FORWARDED_FOR"] == "1.1.1.1, 2.2.2.2" and made["CONTENT_TYPE"] == "text/plain"


def test_older_handlers_take_fewer_arguments(make: Any) -> None:
    host = make()
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
    host.sio.on("connect", lambda sid, environ: seen.put("connect"))
    host.sio.on("disconnect", lambda sid: seen.put("disconnect"))
    with host:
        player = Player(host, auth={"token": "t"})
        player.leave()
        assert [seen.get(timeout=PATIENCE) for _ in range(2)] == ["connect", "disconnect"]


@pytest.mark.parametrize(("refusal", "said"), [
    (None, {"message": "Connection rejected by server"}),
    (roomcast.exceptions.ConnectionRefusedError(), {"message": "Connection rejected by server"}),
    (roomcast.exceptions.ConnectionRefusedError("no", {"code": 7}), {"message": "no", "data": {"code": 7}}),
    (roomcast.exceptions.ConnectionRefusedError("no", 1, 2), {"message": "no", "data": [1, 2]}),
    (socketio.exceptions.ConnectionRefusedError("theirs"), {"message": "theirs"}),
    (ConnectionRefusedError("ignored"), {"message": "Connection refused by server"}),
])
def test_a_connect_handler_refuses(make: Any, refusal: Exception | None, said: Any) -> None:
    host = make()
    left: queue.SimpleQueue[str] = queue.SimpleQueue()

    async def connect(sid: str, environ: Any, auth: Any) -> Any:
        if auth:
            return True
        await host.enter_room(sid, "room")
        if refusal:
            raise refusal
        return False

    host.on_connect(connect)
    host.sio.on("disconnect", lambda sid, reason: left.put(sid))
    with host:
        client = socketio.Client(reconnection=False)
        refused: queue.SimpleQueue[Any] = queue.SimpleQueue()
        client.on("connect_error", refused.put)
        with pytest.raises(socketio.exceptions.ConnectionError):
            client.connect(host.url, transports=["websocket"], wait_timeout=PATIENCE)
        assert refused.get(timeout=PATIENCE) == said
        player = Player(host, auth={"let": "me in"})
        sid = player.sid()
        player.leave()
        # Only who was let in is said goodbye to.
        assert left.get(timeout=PATIENCE) == sid and left.empty()


def test_who_leaves_while_the_connect_handler_runs_is_said_goodbye_to(make: Any) -> None:
    host = make()
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
    goes_on = threading.Event()

    async def connect(sid: str, environ: Any, auth: Any) -> Any:
        await host.save_session(sid, {"of": sid})
        await host.enter_room(sid, "room")
        await host.stats()  # the answer of every loop: it is in there
        seen.put(sid)
        while not goes_on.wait(0 if not host.threaded else PATIENCE):
            await asyncio.sleep(0.01)
        return auth["name"] != "nobody"

    async def disconnect(sid: str, reason: str) -> None:
        seen.put((sid, await host.get_session(sid), host.sio.rooms(sid), reason))

    host.on_connect(connect)
    host.on("disconnect", disconnect)
    with host:
        for name in ("somebody", "nobody"):
            rude = Raw(host.port, wait=False, auth={"name": name})
            sid = seen.get(timeout=PATIENCE)
            rude.close()
            while host.do("stats")["connections"] > 0:
                time.sleep(0.01)
            assert seen.empty()
            goes_on.set()
            if name == "somebody":
                assert seen.get(timeout=PATIENCE) == (sid, {"of": sid}, [sid, "room"], "transport close")
            while sid in host.sio._clients:
                time.sleep(0.01)
            assert seen.empty()
            goes_on.clear()


def test_a_namespace_without_handlers_is_refused(make: Any) -> None:
    host = make(namespaces=["/", "/listed"])
    with host:
        player = Player(host, ["/", "/listed"])
        player.leave()
        client = socketio.Client(reconnection=False)
        with pytest.raises(socketio.exceptions.ConnectionError):
            client.connect(host.url, namespaces=["/unlisted"], transports=["websocket"], wait_timeout=PATIENCE)


def test_what_a_connect_handler_emits_arrives(make: Any) -> None:
    host = make()

    async def connect(sid: str, environ: Any, auth: Any) -> None:
        await host.emit("to you", 1, to=sid)
        await host.enter_room(sid, "room")
        await host.emit("to the room", 2, room="room")
        await host.emit("to all", 3)
        await host.emit("to all others", 4, skip_sid=sid)
        await host.leave_room(sid, "room")
        await host.emit("to an empty room", 5, room="room")

    host.on_connect(connect)
    with host:
        first = Player(host)
        assert [first.next() for _ in range(3)] == [("to you", 1), ("to the room", 2), ("to all", 3)]
        second = Player(host)
        assert [second.next() for _ in range(3)] == [("to you", 1), ("to the room", 2), ("to all", 3)]
        assert [first.next() for _ in range(2)] == [("to all", 3), ("to all others", 4)]
        for player in (first, second):
            player.leave()
        assert first.got.empty() and second.got.empty()


def test_always_connect_lets_in_first(make: Any) -> None:
    host = make(always_connect=True)

    async def connect(sid: str, environ: Any, auth: Any) -> bool:
        await host.emit("hello", to=sid)
        return bool(auth)

    host.on_connect(connect)
    with host:
        player = Player(host, auth={"stay": 1})
        assert player.next() == ("hello",)
        player.leave()
        # python-socketio's client overlooks a disconnect that comes together with the connect.
        raw = Raw(host.port)
        assert [raw.text(), raw.text()] == ['42["hello"]', "41"]
        raw.close()


def test_rooms(make: Any) -> None:
    host = make()
    with host:
        players = [Player(host) for _ in range(4)]
        a, b, c, _ = sids = [player.sid() for player in players]
        for sid in (a, b):
            host.do("enter_room", sid, "one")
        for sid in (b, c):
            host.do("enter_room", sid, "two")
        assert host.do("rooms", b) == [b, "one", "two"]
        host.do("emit", "one", 1, room="one")
        host.do("emit", "both", 2, to=["one", "two"])
        host.do("emit", "not a", 3, skip_sid=a)
        host.do("emit", "not a b", (4, 5), skip_sid=[a, b])
        host.do("emit", "only c", to=c)
        host.do("leave_room", b, "one")
        host.do("send", "left", room="one")
        host.do("close_room", "two")
        host.do("emit", "nobody", room="two")
        host.do("emit", "end")
        got = []
        for player in players:
            got.append([])
            while (event := player.next()) != ("end",):
                got[-1].append(event)
        assert got == [
            [("one", 1), ("both", 2), ("message", "left")],
            [("one", 1), ("both", 2), ("not a", 3)],
            [("both", 2), ("not a", 3), ("not a b", 4, 5), ("only c",)],
            [("not a", 3), ("not a b", 4, 5)],
        ]
        assert [host.do("rooms", sid) for sid in sids] == [[a, "one"], [b], [c], [sids[3]]]
        for player in players:
            player.leave()


def test_rooms_named_by_numbers(make: Any) -> None:
    host = make()
    with host:
        player = Player(host)
        host.do("enter_room", player.sid(), 7)
        host.do("emit", "text", room="7")
        host.do("emit", "number", room=7)
        assert player.next() == ("number",)
        assert host.do("rooms", player.sid()) == [player.sid(), 7]
        with pytest.raises(TypeError, match="str or an int"):
            host.do("enter_room", player.sid(), b"bytes")
        player.leave()


def test_no_text_is_the_room_of_another_name(make: Any) -> None:
    host = make()
    names = [42, -42, 0, 1, "42", "\x0042", "\x00-42", "\0", "\0x", '\x00"a"', '"a"', "a", "", "\ud800", "\ud801", "\0\ud800",
             "\\ud800", " 42", "\x00 42", "\x00[1]", "\x00null", "\x00true"]
    with host:
        players = [Player(host) for _ in names]
        for player, name in zip(players, names):
            host.do("enter_room", player.sid(), name)
            assert host.do("rooms", player.sid()) == [player.sid(), name]
        for name in names:
            host.do("emit", "to", repr(name), room=name)
        host.do("emit", "end")
        for player, name in zip(players, names):
            assert [player.next(), player.next()] == [("to", repr(name)), ("end",)]
        host.do("leave_room", players[0].sid(), "\x0042")
        host.do("close_room", "\x0042")
        assert host.do("rooms", players[0].sid()) == [players[0].sid(), 42]
        for player in players:
            player.leave()


def test_whom_an_emit_means(make: Any) -> None:
    # What python-socketio's get_participants does with each: its `to or room`, and None as the room of everybody.
    host = make()
    with host:
        a, b = Player(host), Player(host)
        host.do("enter_room", a.sid(), "room")
        host.do("enter_room", b.sid(), "")
        host.do("emit", "all", 1, to="")
        host.do("emit", "all", 2, to="", room=None)
        host.do("emit", "all", 3, to=[None])
        host.do("emit", "all", 4, room=["room", None])
        host.do("emit", "a", 5, to="", room="room")
        host.do("emit", "b", 6, room="")
        for nobody in (None, "", "room", 7, [None, "room"], ["nobody", 7]):
            host.do("emit", "all", 7, skip_sid=nobody)
        host.do("emit", "b", 8, skip_sid=[None, a.sid()])
        host.do("emit", "end")
        for player, own in ((a, [("a", 5)]), (b, [("b", 6), ("b", 8)])):
            got = []
            while (event := player.next()) != ("end",):
                got.append(event)
            assert sorted(got) == sorted([*(("all", n) for n in (1, 2, 3, 4, 7, 7, 7, 7, 7, 7)), *own])
            player.leave()


def test_a_clients_own_room_is_its_own(make: Any) -> None:
    host = make()
    with host:
        a, b = Player(host), Player(host)
        with pytest.raises(ValueError, match="cannot enter a sid room"):
            host.do("enter_room", a.sid(), b.sid())
        with pytest.raises(ValueError, match="cannot close a sid room"):
            host.do("close_room", b.sid())
        with pytest.raises(ValueError, match="not connected"):
            host.do("enter_room", "nobody", "room")
        host.do("leave_room", a.sid(), a.sid())
        host.do("emit", "still", to=a.sid())
        assert a.next() == ("still",)
        a.leave()
        b.leave()


def test_emits_and_memberships_keep_the_order_of_the_calls(make: Any) -> None:
    host = make()

    async def dance(sid: str) -> str:
        for step in range(100):
            await host.emit("step", (step, "out"), room="room")
            await host.enter_room(sid, "room")
            await host.emit("step", (step, "in"), room="room")
            await host.leave_room(sid, "room")
        return "done"

    host.on("dance", dance)
    with host:
        player = Player(host)
        assert player.call("dance") == "done"
        assert [player.next() for _ in range(100)] == [("step", step, "in") for step in range(100)]
        player.leave()
        assert player.got.empty()


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


def test_disconnect_reasons(make: Any) -> None:
    host = make(ping_interval=0.1, ping_timeout=1)
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
    host.sio.on("disconnect", lambda sid, reason: seen.put((sid, reason)))
    with host:
        player = Player(host)
        sid = player.sid()
        host.do("disconnect", sid)
        # The handler has run when disconnect returns.
        assert seen.get_nowait() == (sid, "server disconnect")
        host.do("disconnect", sid)
        assert player.gone.get(timeout=PATIENCE) == "/"
        player = Player(host)
        player.run(player.client.eio.send("1"))
        assert seen.get(timeout=PATIENCE)[1] == "client disconnect"
        player.leave()
        rude = Raw(host.port)
        rude.close()
        assert seen.get(timeout=PATIENCE) == (rude.sid, "transport close")
        silent = Raw(host.port)
        assert seen.get(timeout=PATIENCE) == (silent.sid, "ping timeout")
        silent.close()
        assert seen.empty()


def test_a_handler_disconnects_one_client_after_the_other(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    # Each disconnect is due at once: uvloop's handle for that has no `when`.
    host = make()

    async def clear(sid: str, sids: list[str]) -> str:
        for other in sids:
            await host.disconnect(other)
            if not host.threaded:
                await host.sleep(0)
        return "cleared"

    host.on("clear", clear)
    with host, caplog.at_level(logging.ERROR):
        player, others = Player(host), [Player(host) for _ in range(5)]
        assert player.call("clear", [other.sid() for other in others]) == "cleared"
        for other in others:
            assert other.gone.get(timeout=PATIENCE) == "/"
        player.leave()
    assert not caplog.records


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
    assert not host.sio._clients
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
            host.sio._enter(sids[0], f"room {ticks[0]}", None)
            done[0] += 1
        except roomcast.exceptions.RoomcastError as error:
            assert error.code == "ROOMCAST_ERROR_BUSY"
            refused[0] += 1

    lines = [0]

    def trace(frame: Any, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        if "roomcast" not in name or not name.endswith(("raw.py", "_base.py")) or not sids[0]:
            return None if "roomcast" not in name else trace
        lines[0] += event == "line"
        if lines[0] % 11 == 0 and ticks[0] < 2000:
            handler()
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


class NoJson:
    pass


@pytest.mark.parametrize("refusal", [("no", NoJson()), ("no", {"a": b"bytes"}), ("no", 1, {2}), ("lone \ud800",)])
def test_a_refusal_that_cannot_be_told_refuses(make: Any, refusal: tuple[Any, ...], caplog: pytest.LogCaptureFixture) -> None:
    host = make()

    async def connect(sid: str, environ: Any, auth: Any) -> None:
        raise roomcast.exceptions.ConnectionRefusedError(*refusal)

    host.on_connect(connect)
    with host:
        raw = Raw(host.port, wait=False)
        assert raw.text() == '44{"message":"Connection rejected by server"}'
        raw.close()
    assert not host.sio._clients and "'connect'" in caplog.text


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


def test_what_cannot_be_emitted_is_said_to_the_caller(make: Any) -> None:
    host = make()
    with host:
        with pytest.raises(TypeError, match="set is neither JSON nor binary"):
            host.do("emit", "x", {1, 2})
        with pytest.raises(ValueError, match="own event"):
            host.do("emit", "connect", 1)
        with pytest.raises(TypeError, match="an event is named by a str, not by int"):
            host.do("emit", 5)
        for room in (b"bytes", 5.5, [5.5]):
            with pytest.raises(TypeError, match="a room is named by a str or an int"):
                host.do("emit", "x", room=room)


def test_no_rooms_are_nobody(make: Any) -> None:
    host = make()
    with host:
        player = Player(host)
        for nobody in ([], (), set(), 0, ["", 0]):
            host.do("emit", "never", to=nobody)
            host.do("emit", "never", room=nobody)
            host.do("emit", "never", room=nobody, callback=print)
        host.do("emit", "never", room="")
        host.do("emit", "everybody", to=None, room=None)
        assert player.next() == ("everybody",)
        assert host.do("stats")["pending_acks"] == 0
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


def test_shutdown_says_goodbye(make: Any) -> None:
    host = make()
    seen: queue.SimpleQueue[str] = queue.SimpleQueue()
    host.sio.on("disconnect", lambda sid, reason: seen.put(reason))
    with host:
        player = Player(host)
        host.do("emit", "last")
        host.do("shutdown")
        assert player.next() == ("last",)
        assert player.gone.get(timeout=PATIENCE) == "/"
        assert seen.get(timeout=PATIENCE) == "server shutting down"


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Any:
    """Runs a coroutine in an event loop of its own, which is closed then, with what is still to do."""
    def run(work: Any) -> Any:
        loop = uvloop.new_event_loop() if request.param == "uvloop" else asyncio.new_event_loop()
        try:
            return loop.run_until_complete(work)
        finally:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.wait(left))
            loop.close()

    return run


def opened(port: int) -> asyncio.Future[Raw]:
    return asyncio.get_running_loop().run_in_executor(None, Raw, port)


def is_closed(raw: Raw) -> bool:
    with pytest.raises(EOFError):
        raw.next_of("nothing")
    raw.close()
    return True


def test_a_shutdown_that_is_cancelled_goes_on(run: Any) -> None:
    sio, gone = roomcast.AsyncServer(), []
    sio.on("disconnect", lambda sid, reason: gone.append(reason))

    async def main() -> Raw:
        raw = await opened(sio.listen(port=0))
        serving = asyncio.ensure_future(sio.serve())
        await asyncio.sleep(0)
        ending = asyncio.ensure_future(sio.shutdown())
        await asyncio.sleep(0)
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ending
        await asyncio.wait_for(serving, PATIENCE)
        assert gone == ["server shutting down"]
        await sio.shutdown()  # there is nothing left to end
        return raw

    assert is_closed(run(main()))


def test_a_shutdown_called_twice_ends_once_for_both(run: Any) -> None:
    sio, gone = roomcast.AsyncServer(), []

    async def leave(sid: str) -> None:
        await sio.shutdown()

    sio.on("leave", leave)
    sio.on("disconnect", lambda sid, reason: gone.append(reason))

    async def main() -> Raw:
        raw = await opened(sio.listen(port=0))
        serving = asyncio.ensure_future(sio.serve())
        raw.send('42["leave"]')
        await asyncio.gather(sio.shutdown(), sio.shutdown(), serving)
        assert gone == ["server shutting down"]
        return raw

    assert is_closed(run(main()))


def test_cancelling_every_task_ends_it(run: Any) -> None:
    sio, gone = roomcast.AsyncServer(), []
    sio.on("disconnect", lambda sid, reason: gone.append(reason))

    async def main() -> Raw:
        raw = await opened(sio.listen(port=0))
        serving, ending = asyncio.ensure_future(sio.serve()), asyncio.ensure_future(sio.shutdown())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not serving.done() and not ending.done()
        return raw

    assert is_closed(run(main()))
    assert gone == ["server shutting down"] and sio._loop is None


def test_another_loop_takes_over_when_its_own_was_closed(run: Any) -> None:
    sio, gone = roomcast.AsyncServer(), []
    sio.on("disconnect", lambda sid, reason: gone.append(reason))
    sio.on("echo", lambda sid: "echo")

    async def listen() -> tuple[int, Raw]:
        port = sio.listen(port=0)
        return port, await opened(port)

    async def serve(raw: Raw) -> None:
        serving = asyncio.ensure_future(sio.serve())
        await asyncio.sleep(0)
        raw.send('420["echo"]')
        answer = await asyncio.get_running_loop().run_in_executor(None, raw.next_of, "43")
        assert answer == '430["echo"]'
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving

    port, raw = run(listen())
    run(serve(raw))
    assert is_closed(raw) and gone == ["server shutting down"]
    port, raw = run(listen())
    run(sio.shutdown())
    assert is_closed(raw) and gone == ["server shutting down"] * 2
    run(sio.shutdown())


def test_two_servers_know_nothing_of_each_other(make: Any) -> None:
    hosts = [make(), make()]
    for number, host in enumerate(hosts):
        host.sio.on("which", lambda sid, number=number: number)
    with hosts[0], hosts[1]:
        players = [Player(host) for host in hosts]
        assert [player.call("which") for player in players] == [0, 1]
        hosts[0].do("emit", "hello", 0)
        hosts[1].do("emit", "hello", 1)
        assert [player.next() for player in players] == [("hello", 0), ("hello", 1)]
        for player in players:
            player.leave()
        assert all(player.got.empty() for player in players)


@pytest.mark.parametrize(("allowed", "welcome"), [
    ({}, "own"), ({"cors_allowed_origins": None}, "own"), ({"cors_allowed_origins": []}, "own deep evil"),
    ({"cors_allowed_origins": "*"}, "own deep evil"), ({"cors_allowed_origins": "*", "cors_credentials": False}, "own deep evil"),
    ({"cors_allowed_origins": ["https://*.friends.example"]}, "own deep"),
    ({"cors_allowed_origins": "https://evil.example"}, "own evil"),
    ({"config": {"check_origin": False}}, "own deep evil"),
])
def test_pages_of_other_origins_are_refused_unless_they_are_named(make: Any, allowed: dict[str, Any], welcome: str) -> None:
    import http.client

    host = make(**allowed)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    with host:
        address = host.url.removeprefix("http://")
        origins = {"own": host.url, "deep": "https://a.b.friends.example", "evil": "https://evil.example"}
        for transport, headers in (("polling", {}), ("websocket", upgrade)):
            for name, origin in origins.items():
                asking = http.client.HTTPConnection(address)
                asking.request("GET", f"/socket.io/?EIO=4&transport={transport}", headers={**headers, "Origin": origin})
                answer = asking.getresponse()
                good = 101 if headers else 200
                assert answer.status == (good if name in welcome.split() else 403), (name, transport)
                if answer.status == 403:
                    assert answer.read() == (b"Forbidden" if headers else b'{"code":4,"message":"Forbidden"}')
                asking.close()


def test_pages(make: Any, tmp_path: Any) -> None:
    import urllib.request

    host = make(cors_allowed_origins=["http://a.example"], socketio_path="/elsewhere/")
    (tmp_path / "file.css").write_text("b{}")
    host.sio.add_static("/", b"<b>hi</b>")
    host.sio.add_static("/file.css", tmp_path / "file.css")
    with host:
        with urllib.request.urlopen(host.url) as page:
            assert page.read() == b"<b>hi</b>" and page.headers["Content-Type"] == "text/html; charset=utf-8"
        with urllib.request.urlopen(host.url + "/file.css") as page:
            assert page.read() == b"b{}"
        request = urllib.request.Request(f"{host.url}/elsewhere/?EIO=4&transport=polling",
                                         headers={"Origin": "http://a.example"})
        with urllib.request.urlopen(request) as opened:
            assert opened.headers["Access-Control-Allow-Origin"] == "http://a.example"
        assert host.do("stats")["connections"] == 1


def test_static_files_are_what_their_names_say(make: Any, tmp_path: Any) -> None:
    import urllib.error
    import urllib.request

    host, site = make(), tmp_path / "site"
    (site / "deep").mkdir(parents=True)
    (site / ".git").mkdir()
    files = {"index.html": "text/html; charset=utf-8", "a b.css": "text/css; charset=utf-8",
             "deep/x.JS": "text/javascript; charset=utf-8", "deep/index.html": "text/html; charset=utf-8",
             "deep/pic.png": "image/png", "odd.thing": "application/octet-stream", "LICENSE": "application/octet-stream"}
    for name in (*files, ".env", ".git/config"):
        (site / name).write_text(name)
    (tmp_path / "secret").write_text("secret")
    (site / "link").symlink_to(tmp_path / "secret")
    host.sio.add_static("/static", str(site))
    host.sio.add_static("/one.txt", str(site / "LICENSE"), "text/plain")
    host.sio.add_static("/page", str(site / "index.html"))
    host.sio.add_static("/as-there", {"filename": str(site / "odd.thing"), "content_type": "text/odd"})
    host.sio.add_static("/memory.json", b"{}")
    with pytest.raises(FileNotFoundError, match="nothing.here"):
        host.sio.add_static("/x", "nothing.here")

    def get(path: str) -> tuple[str, str]:
        with urllib.request.urlopen(host.url + path) as page:
            return page.read().decode(), page.headers["Content-Type"]

    with host:
        for name, kind in files.items():
            assert get("/static/" + name.replace(" ", "%20")) == (name, kind)
        for path, name in (("/static", "index.html"), ("/static/", "index.html"), ("/static/deep/", "deep/index.html")):
            assert get(path) == (name, "text/html; charset=utf-8")
        assert get("/one.txt") == ("LICENSE", "text/plain")
        assert get("/page") == ("index.html", "text/html; charset=utf-8")
        assert get("/as-there") == ("odd.thing", "text/odd")
        assert get("/memory.json") == ("{}", "application/json")
        for path in (".env", ".git/config", "link", "nothing"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                get("/static/" + path)
