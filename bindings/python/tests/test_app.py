"""An ASGI application on the server's own port: requests of both on one connection, WebSockets of both, and what they leave."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import roomcast
import uvicorn
import uvloop
import websockets.sync.client
from fastapi import FastAPI, HTTPException, Request, WebSocket
from host import PATIENCE, SimpleClient

LOOPS: list[Any] = [asyncio.new_event_loop, uvloop.new_event_loop]
POLLING = "/socket.io/?EIO=4&transport=polling"


def application(lives: list[str]) -> FastAPI:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        lives.append("begun")
        yield
        lives.append("ended")

    app = FastAPI(lifespan=lifespan)

    @app.get("/api")
    async def api(request: Request) -> dict[str, Any]:
        assert request.client is not None
        return {"port": request.client.port}

    @app.post("/upload")
    async def upload(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.post("/refuse")
    async def refuse() -> None:
        raise HTTPException(401)

    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(f"echo {text}")

    return app


@contextlib.contextmanager
def served(loop_factory: Callable[[], Any], app: Any, **options: Any) -> Iterator[tuple[Callable[..., Any], int]]:
    """A server with an application, in a thread of its own: a method of it can be called by its name there. And its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    loop = loop_factory()
    begun, failed = threading.Event(), []
    sio: Any = None

    async def main() -> None:
        nonlocal sio
        sio = roomcast.AsyncServer(**options)
        sio.on("say", lambda sid, text: text)
        serving = asyncio.ensure_future(sio.serve(fd=listener.detach(), app=app))
        while sio._driver.loop is None and not serving.done():
            await asyncio.sleep(0.01)
        if not serving.done():
            begun.set()
        await serving

    def run() -> None:
        try:
            loop.run_until_complete(main())
        except BaseException as error:
            failed.append(error)
        finally:
            begun.set()
            loop.close()

    def call(name: str, *args: Any) -> Any:
        async def there() -> Any:
            return getattr(sio, name)(*args)

        return asyncio.run_coroutine_threadsafe(there(), loop).result(PATIENCE)

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(PATIENCE)
    try:
        if failed:
            raise failed[0]
        yield call, port
        asyncio.run_coroutine_threadsafe(sio.shutdown(), loop).result(PATIENCE)
    finally:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def ask(client: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> Any:
    client.request(method, path, body)
    answer = client.getresponse()
    content = answer.read()
    assert answer.status == 200, (answer.status, content)
    return content


@pytest.mark.parametrize("loop_factory", LOOPS)
@pytest.mark.parametrize("http_class", ["httptools", "h11"])
@pytest.mark.parametrize("loops", [0, 2])
def test_requests_on_one_connection_alternate(loop_factory: Any, http_class: str, loops: int) -> None:
    lives: list[str] = []
    config = uvicorn.Config(application(lives), http=http_class, log_config=None)  # type: ignore[arg-type]
    with served(loop_factory, config, config={"loops": loops, "health_path": "/health"}) as (call, port):
        assert lives == ["begun"]
        call("add_static", "/page", b"ours", "text/plain")
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        client.connect()
        own, sid = client.sock.getsockname()[1], ""
        for turn in range(30):
            assert json.loads(ask(client, "GET", "/api")) == {"port": own}
            assert json.loads(ask(client, "POST", "/upload", b"x" * 300_000)) == {"bytes": 300_000}
            if not sid:
                sid = json.loads(ask(client, "GET", POLLING)[1:])["sid"]
                assert ask(client, "POST", f"{POLLING}&sid={sid}", "40") == b"ok"
            else:
                assert ask(client, "POST", f"{POLLING}&sid={sid}", f'42{turn}["say","hi"]') == b"ok"
            assert json.loads(ask(client, "GET", "/api")) == {"port": own}
            heard = ask(client, "GET", f"{POLLING}&sid={sid}")
            assert heard.startswith(b"40" if turn == 0 else f'43{turn}["hi"]'.encode()), heard
            assert ask(client, "GET", "/page") == b"ours"
            assert json.loads(ask(client, "GET", "/health"))["status"] == "ok"
        assert client.sock.getsockname()[1] == own
        # What is answered before it has come to its end.
        client.request("POST", "/refuse", b"x" * 500_000)
        answer = client.getresponse()
        assert (answer.status, bool(answer.read())) == (401, True)
        assert json.loads(ask(client, "GET", "/health"))["status"] == "ok"
        client.close()
        assert call("stats")["links_adopted"] > 30
    assert lives == ["begun", "ended"]


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_stock_clients_and_websockets_of_both(loop_factory: Any) -> None:
    with served(loop_factory, application([])) as (_, port):
        url = f"http://127.0.0.1:{port}"
        with websockets.sync.client.connect(f"ws://127.0.0.1:{port}/ws") as websocket:
            with SimpleClient() as upgrades, SimpleClient() as polls, SimpleClient() as direct:
                upgrades.connect(url)
                polls.connect(url, transports=["polling"])
                direct.connect(url, transports=["websocket"])
                for number in range(20):
                    for client in (upgrades, polls, direct):
                        assert client.call("say", number) == number
                    websocket.send(str(number))
                    assert websocket.recv() == f"echo {number}"


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_ten_thousand_requests_leave_no_descriptor(loop_factory: Any) -> None:
    with served(loop_factory, application([])) as (call, port):
        call("add_static", "/page", b"ours", "text/plain")

        def count() -> int:
            return len(os.listdir("/proc/self/fd"))

        def through(turns: int) -> None:
            keeps = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            for number in range(turns):
                ask(keeps, "GET", "/api")
                ask(keeps, "GET", "/page")
                if number % 10 == 0:
                    comes = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
                    ask(comes, "GET", "/api")
                    comes.close()
            keeps.close()
            while call("stats")["links"]:
                pass

        through(20)
        before = count()
        through(4_800)
        after = count()
        # Those that have just been closed may be on their way to the end of their tasks.
        while after > before + 2:
            after = count()
        assert call("stats")["links_handed_back"] >= 4_800


OPEN = f"GET {POLLING} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
API = b"GET /api HTTP/1.1\r\nHost: x\r\n"
UPLOAD = b"POST /upload HTTP/1.1\r\nHost: x\r\n"
CHUNKED = UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n"


def answers(port: int, requests: bytes, size: int) -> list[bytes]:
    """What comes back, up to the end of the connection; the requests are sent so many bytes at a time."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        came = b""
        # Who is refused may still be sending.
        with contextlib.suppress(ConnectionError):
            for begin in range(0, len(requests), size):
                client.sendall(requests[begin:begin + size])
        with contextlib.suppress(ConnectionError):
            while data := client.recv(65536):
                came += data
    return came.split(b"HTTP/1.1 ")[1:]


@pytest.mark.parametrize("loop_factory", LOOPS)
@pytest.mark.parametrize("http_class", ["httptools", "h11"])
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_request_of_the_servers_waits_behind_one_of_the_applications(loop_factory: Any, http_class: str, size: int) -> None:
    config = uvicorn.Config(application([]), http=http_class, log_config=None)  # type: ignore[arg-type]
    with served(loop_factory, config) as (_, port):
        for request, told in [
            (API + b"\r\n", b'"port":'),
            (API + b"\r\n\r\n", b'"port":'),
            (UPLOAD + b"Content-Length: 5\r\n\r\nhello", b'"bytes":5'),
            (UPLOAD + b"content-LENGTH:5 \r\nA: b\r\n\r\nhello", b'"bytes":5'),
            (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b'"bytes":5'),
            (CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\n\r\n", b'"bytes":5'),
            # Whose body is a request.
            (UPLOAD + b"Content-Length: %d\r\n\r\n" % len(OPEN) + OPEN, b'"bytes":%d' % len(OPEN)),
            (CHUNKED + b"%x\r\n" % len(OPEN) + OPEN + b"\r\n0\r\n\r\n", b'"bytes":%d' % len(OPEN)),
        ]:
            came = answers(port, API + b"\r\n" + request + OPEN + API + b"Connection: close\r\n\r\n", size)
            assert [answer[:3] for answer in came] == [b"200"] * 4, (request, came)
            assert told in came[1] and b'0{"sid":' in came[2] and b'"port":' in came[3], (request, came)


@pytest.mark.parametrize("http_class", ["httptools", "h11"])
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_where_a_request_ends_is_said_by_one_reader(http_class: str, size: int) -> None:
    config = uvicorn.Config(application([]), http=http_class, log_config=None)  # type: ignore[arg-type]
    with served(asyncio.new_event_loop, config) as (call, port):
        length = b"%d" % len(OPEN)
        for head in [
            b"Content-Length: " + length + b", " + length + b"\r\n\r\n",
            b"Content-Length:\r\n " + length + b"\r\n\r\n",
            b"Content-Length: " + length + b"\r\nContent-Length: " + length + b"\r\n\r\n",
            b"A: b\nContent-Length: " + length + b"\r\n\r\n",
            b"Content-Length : " + length + b"\r\n\r\n",
            b"Content-Length: " + length + b"\n\n",
            b"Content-Length: " + b"0" * 5_000 + length + b"\r\n\r\n",
            # Longer than any reader takes.
            b"A: " + b"a" * 70_000 + b"\r\nContent-Length: " + length + b"\r\n\r\n",
        ]:
            came = answers(port, API + b"\r\n" + UPLOAD + head + OPEN + API + b"Connection: close\r\n\r\n", size)
            # It is taken, with its whole body, or refused: what is in there never is a request.
            assert len(came) > 1 and not any(b"sid" in answer for answer in came), (head, came)
            if came[1].startswith(b"200"):
                assert b'"bytes":' + length in came[1] and b'"port":' in came[2], (head, came)
            else:
                assert came[1].startswith(b"400") and len(came) == 2, (head, came)
        assert call("stats")["connections"] == 0


@pytest.mark.parametrize("loop_factory", LOOPS)
@pytest.mark.parametrize("http_class", ["httptools", "h11"])
def test_who_leaves_while_a_request_waits_is_noticed(loop_factory: Any, http_class: str) -> None:
    waiting: set[int] = set()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        waiting.add(id(receive))
        while (await receive())["type"] != "http.disconnect":
            pass
        waiting.remove(id(receive))

    config = uvicorn.Config(app, http=http_class, lifespan="off", log_config=None)  # type: ignore[arg-type]
    with served(loop_factory, config) as (call, port):
        before = len(os.listdir("/proc/self/fd"))
        clients = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(100)]
        for client in clients:
            client.sendall(API + b"\r\n" + OPEN)
        while len(waiting) < len(clients):
            call("stats")
        # More than anybody sends behind a request ends the connection.
        with pytest.raises(ConnectionError):
            while True:
                clients[0].sendall(bytes(65536))
        while len(waiting) >= len(clients):
            call("stats")
        for client in clients:
            client.close()
        # The event loop may have come to one of its own.
        while waiting or len(os.listdir("/proc/self/fd")) > before + 10:
            call("stats")


def test_an_application_that_does_not_start_says_so(caplog: pytest.LogCaptureFixture) -> None:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        raise ValueError("no database")
        yield

    with caplog.at_level(logging.ERROR), pytest.raises(RuntimeError, match="did not start"):
        with served(asyncio.new_event_loop, FastAPI(lifespan=lifespan)):
            pass
    assert "no database" in caplog.text


def test_an_uvicorn_that_ends_without_a_word_did_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    # As older ones do.
    async def startup(self: Any, sockets: Any = None) -> None:
        self.should_exit = True

    monkeypatch.setattr("uvicorn.Server.startup", startup)
    with pytest.raises(RuntimeError, match="did not start"):
        with served(asyncio.new_event_loop, FastAPI()):
            pass


def test_without_an_application_other_paths_are_not_found() -> None:
    with served(asyncio.new_event_loop, None) as (_, port):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        for _ in range(3):
            client.request("GET", "/api")
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (404, b"")
        client.close()


def test_an_application_ends_where_nothing_can_be_listened_on() -> None:
    for runs in (True, False):
        lives: list[str] = []
        sio = roomcast.AsyncServer()
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError):
            port = taken.getsockname()[1]
            if runs:
                sio.run("127.0.0.1", port, app=application(lives))
            else:
                asyncio.run(sio.serve("127.0.0.1", port, app=application(lives)))
        assert lives == ["begun", "ended"]
