"""What a program decides about connections that are about to be: headers of the answer, and refusals."""

from __future__ import annotations

import asyncio
import http.client
import logging
import threading
from typing import Any

import pytest
import roomcast
from host import PATIENCE, Host, Player, drive

POLL = "/socket.io/?EIO=4&transport=polling"
WEBSOCKET = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}
Refused = roomcast.exceptions.HandshakeRefused


def decide_by(host: Host, handler: Any) -> None:
    host.sio.on_handshake((lambda environ: drive(handler(environ))) if host.threaded else handler)


async def happened(host: Host, event: threading.Event) -> None:
    """Waits in a handler, in the way of that kind of server."""
    assert event.wait(PATIENCE) if host.threaded else await asyncio.to_thread(event.wait, PATIENCE)


def ask(host: Host, target: str = POLL, **headers: str) -> tuple[int, list[tuple[str, str]], str]:
    """A handshake's answer: over a WebSocket the body is what ends it."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=PATIENCE)
    connection.request("GET", target, headers=headers)
    answer = connection.getresponse()
    body = "" if answer.status == 101 else answer.read().decode()
    connection.close()
    return answer.status, answer.getheaders(), body


def cookies(headers: list[tuple[str, str]]) -> list[str]:
    return [value for name, value in headers if name.lower() == "set-cookie"]


def test_a_first_answer_has_the_headers_of_its_client(make: Any) -> None:
    host = make(cookie="io")
    seen: list[Any] = []

    async def handshake(environ: Any) -> Any:
        seen.append(environ)
        return {"Set-Cookie": f"who={environ['HTTP_X_NAME']}; Secure; Partitioned", "X-Node": "4"}

    decide_by(host, handshake)
    with host:
        status, headers, body = ask(host, **{"X-Name": "ann"})
        assert status == 200 and body.startswith('0{"sid":"') and dict(headers)["X-Node"] == "4"
        io, own = cookies(headers)
        assert io.startswith("io=") and own == "who=ann; Secure; Partitioned"
        status, headers, _ = ask(host, POLL.replace("polling", "websocket"), **{"X-Name": "bob"}, **WEBSOCKET)
        assert (status, cookies(headers)) == (101, ["who=bob; Secure; Partitioned"])
        assert [environ["HTTP_X_NAME"] for environ in seen] == ["ann", "bob"] and seen[0]["PATH_INFO"] == "/socket.io/"
        # It is asked about connections, not about each request.
        sid = ask(host, **{"X-Name": "cat"})[2].split('"')[3]
        posted = http.client.HTTPConnection("127.0.0.1", host.port, timeout=PATIENCE)
        posted.request("POST", f"{POLL}&sid={sid}", body="40")
        assert cookies(posted.getresponse().getheaders()) == [] and len(seen) == 3
        posted.close()


def test_a_list_of_pairs_and_nothing_at_all(make: Any) -> None:
    host = make()

    async def handshake(environ: Any) -> Any:
        return [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")] if "HTTP_X_TWO" in environ else None

    decide_by(host, handshake)
    with host:
        assert cookies(ask(host, **{"X-Two": "1"})[1]) == ["a=1", "b=2"]
        assert cookies(ask(host)[1]) == []
        # Clients come and go as ever.
        player = Player(host)
        player.leave()
        host.sio.on_handshake(None) if host.threaded else host.do("on_handshake", None)
        assert cookies(ask(host, **{"X-Two": "1"})[1]) == []


@pytest.mark.parametrize(("why", "polling", "websocket"), [
    (False, (403, '{"code":4,"message":"Forbidden"}'), (400, "Forbidden")),
    (roomcast.exceptions.ConnectionRefusedError(), (403, '{"code":4,"message":"Forbidden"}'), (400, "Forbidden")),
    (roomcast.exceptions.ConnectionRefusedError("not you"), (403, '{"code":4,"message":"not you"}'), (400, "not you")),
    (ConnectionRefusedError("a builtin"), (403, '{"code":4,"message":"Forbidden"}'), (400, "Forbidden")),
    (Refused("not today"), (403, '{"code":4,"message":"not today"}'), (400, "not today")),
    (Refused(status=401, body="who?", headers={"WWW-Authenticate": "Bearer"}), (401, "who?"), (401, "who?")),
    (Refused(status=429, headers=[("Retry-After", "30"), ("X-A", "b")]), (429, ""), (429, "")),
    (Refused(status=503, body=b"{}", content_type="application/json"), (503, "{}"), (503, "{}")),
])
def test_a_handshake_is_refused(make: Any, why: Any, polling: tuple[int, str], websocket: tuple[int, str]) -> None:
    host = make()

    async def handshake(environ: Any) -> Any:
        if why is False:
            return False
        raise why

    decide_by(host, handshake)
    with host:
        for target, given, told in ((POLL, {}, polling), (POLL.replace("polling", "websocket"), WEBSOCKET, websocket)):
            status, headers, body = ask(host, target, **given)
            assert (status, body) == told
            for name, value in dict(getattr(why, "headers", ())).items():
                assert dict(headers)[name] == value
        if getattr(why, "status", None) == 503:
            assert dict(headers)["Content-Type"] == "application/json"


@pytest.mark.parametrize(("fault", "about"), [
    (ValueError("a bug"), "a bug"), (asyncio.CancelledError(), "CancelledError"),
    ({"Content-Length": "0"}, "header 'Content-Length'='0': name: the answer has this header by itself"),
    ([("X-A", "b\r\nX-C: d")], r"header 'X-A'='b\r\nX-C: d': value: it is not one line"), (["abc"], "not ['abc']"), (7, "not 7"),
    (Refused(status=418, headers={"no name": "x"}), "header 'no name'='x': name: it is no token"),
    (Refused("x", headers=[("X-A", "y" * 9000)]), "header 'X-A'='yyy"),
], ids=repr)
def test_a_fault_of_the_handler_is_logged_and_costs_that_connection(make: Any, caplog: Any, fault: Any, about: str) -> None:
    host = make()

    async def handshake(environ: Any) -> Any:
        if "HTTP_X_IN" in environ:
            return None
        if isinstance(fault, BaseException):
            raise fault
        return fault

    decide_by(host, handshake)
    with caplog.at_level(logging.ERROR), host:
        status, _, body = ask(host)
        assert (status, body) == (500, "Internal Server Error")
        assert ask(host, **{"X-In": "1"})[0] == 200
    # It is logged behind the answer.
    assert "the handshake handler failed" in caplog.text and about in caplog.text


@pytest.mark.parametrize("transport", ["polling", "websocket"])
@pytest.mark.parametrize("loops", [0, 2])
def test_who_is_not_decided_about_when_the_server_ends_is_told_so(transport: str, loops: int, faults: Any) -> None:
    sio = roomcast.Server(config={"loops": loops})
    asked, ended = threading.Event(), threading.Event()
    sio.on_handshake(lambda environ: asked.set() or ended.wait(PATIENCE))
    port = sio.listen(port=0)
    thread = threading.Thread(target=sio.run)
    thread.start()
    waits = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    waits.request("GET", POLL.replace("polling", transport), headers=WEBSOCKET if transport == "websocket" else {})
    assert asked.wait(PATIENCE)
    sio.shutdown()
    answer = waits.getresponse()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    ended.set()
    thread.join(PATIENCE)
    waits.close()
    assert not thread.is_alive() and not faults()


def test_a_decision_may_take_its_time(make: Any) -> None:
    host = make()
    asked, decided = threading.Event(), threading.Event()

    async def handshake(environ: Any) -> Any:
        if "HTTP_X_SLOW" in environ:
            asked.set()
            await happened(host, decided)
        return {"X-Late": "yes"}

    decide_by(host, handshake)
    with host:
        answers: list[Any] = []
        slow = threading.Thread(target=lambda: answers.append(ask(host, **{"X-Slow": "1"})))
        slow.start()
        assert asked.wait(PATIENCE)
        # The others do not wait for it.
        assert ask(host)[0] == 200 and not answers
        decided.set()
        slow.join(PATIENCE)
        assert answers[0][0] == 200 and dict(answers[0][1])["X-Late"] == "yes"


def test_one_that_is_gone_when_it_is_decided_about(make: Any, faults: Any) -> None:
    host = make()
    asked, decided = threading.Event(), threading.Event()

    async def handshake(environ: Any) -> Any:
        if "HTTP_X_GONE" in environ:
            asked.set()
            await happened(host, decided)
            raise Refused("too late")
        return None

    decide_by(host, handshake)
    with host:
        gone = http.client.HTTPConnection("127.0.0.1", host.port, timeout=PATIENCE)
        gone.request("GET", POLL, headers={"X-Gone": "1"})
        assert asked.wait(PATIENCE)
        gone.close()
        # Its end is read before whoever comes later is answered.
        assert ask(host)[0] == 200
        decided.set()
        assert ask(host)[0] == 200
    assert not faults()


@pytest.mark.parametrize("kind", ["asyncio", "uvloop", "asyncio+2"])
@pytest.mark.parametrize("end", ["its time is up", "it leaves", "the server ends"])
@pytest.mark.parametrize("stubborn", [False, True])
def test_a_coroutine_that_decides_about_nobody_any_more_is_cancelled(kind: str, end: str, stubborn: bool, faults: Any) -> None:
    host = Host(kind, config={"connect_timeout": 300 if end == "its time is up" else 60_000})
    asked, cancelled = threading.Event(), threading.Event()

    async def handshake(environ: Any) -> None:
        if "HTTP_X_NEVER" in environ:
            asked.set()
            try:
                await asyncio.Event().wait()  # an authority that does not answer
            except asyncio.CancelledError:
                cancelled.set()
                if not stubborn:
                    raise

    decide_by(host, handshake)
    with host:
        waits = http.client.HTTPConnection("127.0.0.1", host.port, timeout=PATIENCE)
        waits.request("GET", POLL, headers={"X-Never": "1"})
        assert asked.wait(PATIENCE)
        if end == "its time is up":
            assert waits.getresponse().status == 503
        elif end == "it leaves":
            waits.close()
        else:
            host.do("shutdown")
            assert waits.getresponse().status == 503
        assert cancelled.wait(PATIENCE)
        if end != "the server ends":
            assert ask(host)[0] == 200
    waits.close()
    assert not faults()


@pytest.mark.parametrize("kind", ["asyncio", "asyncio+2"])
def test_those_who_stay_are_not_cancelled_with_one_who_leaves(kind: str) -> None:
    host = Host(kind)
    asked, left, decided = threading.Semaphore(0), threading.Event(), threading.Event()

    async def handshake(environ: Any) -> Any:
        asked.release()
        if "HTTP_X_STAYS" in environ:
            await happened(host, decided)
            return {"X-Late": "yes"}
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    decide_by(host, handshake)
    with host:
        stays, leaves = (http.client.HTTPConnection("127.0.0.1", host.port, timeout=PATIENCE) for _ in range(2))
        stays.request("GET", POLL, headers={"X-Stays": "1"})
        leaves.request("GET", POLL)
        assert asked.acquire(timeout=PATIENCE) and asked.acquire(timeout=PATIENCE)
        leaves.close()
        assert left.wait(PATIENCE)
        decided.set()
        answer = stays.getresponse()
        assert answer.status == 200 and answer.getheader("X-Late") == "yes"
        stays.close()


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_a_handshake_handler_may_end_the_server(kind: str, faults: Any) -> None:
    host = Host(kind)
    went_on = threading.Event()

    async def handshake(environ: Any) -> None:
        await host.sio.shutdown()
        went_on.set()

    decide_by(host, handshake)
    with host:
        host.ended = True
        assert ask(host)[0] == 503
        assert went_on.wait(PATIENCE)
    assert not faults()


def test_what_no_handshake_can_be_refused_with() -> None:
    with pytest.raises(ValueError, match="body"):
        Refused("no", body="a page")
    with pytest.raises(TypeError, match="coroutine"):
        async def later(environ: Any) -> None: ...
        roomcast.Server().on_handshake(later)
