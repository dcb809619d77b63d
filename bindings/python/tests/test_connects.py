"""Who is let in, who is refused, and how they leave, seen by python-socketio's own client."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from typing import Any

import pytest
import roomcast
import socketio
import uvloop
from host import PATIENCE, Player, Raw


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
            while sid in host.sio._clients.by_sid:
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


def test_a_handler_disconnects_one_client_after_the_other(make: Any, faults: Any) -> None:
    # Each disconnect is due at once: uvloop's handle for that has no `when`.
    host = make()

    async def clear(sid: str, sids: list[str]) -> str:
        for other in sids:
            await host.disconnect(other)
            if not host.threaded:
                await host.sleep(0)
        return "cleared"

    host.on("clear", clear)
    with host:
        player, others = Player(host), [Player(host) for _ in range(5)]
        assert player.call("clear", [other.sid() for other in others]) == "cleared"
        for other in others:
            assert other.gone.get(timeout=PATIENCE) == "/"
        player.leave()
    assert not faults()


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
    assert not host.sio._clients.by_sid and "'connect'" in caplog.text


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
    assert gone == ["server shutting down"] and sio._driver.loop is None


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
