"""A server behind an ASGI server's port, by messages: uvicorn, Hypercorn and Daphne with stock clients, and what they leave."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import roomcast
import websocket
import websockets.exceptions
import websockets.sync.client
from fastapi import FastAPI, Request, WebSocket
from host import PATIENCE, Player, Raw, SimpleClient
from served import Served

LOOPS = ["asyncio", "uvloop"]
POLLING = "/socket.io/?EIO=4&transport=polling"
TRANSPORTS = [["polling"], ["websocket"], ["polling", "websocket"]]


def application(lives: list[str]) -> FastAPI:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, str]]:
        lives.append("begun")
        yield {"of": "the lifespan"}
        lives.append("ended")

    app = FastAPI(lifespan=lifespan)

    @app.get("/api")
    async def api(request: Request) -> dict[str, Any]:
        assert request.client is not None
        return {"port": request.client.port}

    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(f"echo {text}")

    return app


def ask(client: http.client.HTTPConnection, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    client.request(method, path, body, headers)
    answer = client.getresponse()
    return answer.status, answer.read()


def connection(served: Any) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("loops", [0, 2])
def test_stock_clients_and_an_application(loop: str, loops: int) -> None:
    lives: list[str] = []
    with Served(loop, application(lives), config={"loops": loops}) as served:
        with websockets.sync.client.connect(f"ws://127.0.0.1:{served.port}/ws") as own:
            clients = [SimpleClient() for _ in TRANSPORTS]
            for client, transports in zip(clients, TRANSPORTS):
                client.connect(served.url, headers={"X-Who": transports[-1]}, transports=transports)
            for number in range(20):
                for client in clients:
                    value = ("x" * number * 5_000, b"\x00" * number * 5_000, number)
                    assert client.call("say", value) == value
                own.send(str(number))
                assert own.recv() == f"echo {number}"
            served.do(lambda: served.sio.emit("all", {"to": b"all"}))
            for client in clients:
                assert client.receive(PATIENCE) == ["all", {"to": b"all"}]
            for client in clients:
                client.disconnect()
        for transports in TRANSPORTS:
            environ = served.came.get(timeout=PATIENCE)
            scope = environ["asgi.scope"]
            assert (environ["HTTP_X_WHO"], environ["REMOTE_ADDR"]) == (transports[-1], "127.0.0.1")
            assert (scope["path"], environ["PATH_INFO"]) == ("/socket.io/", "/socket.io/")
            assert scope["state"] == {"of": "the lifespan"} and not any("SCOPE" in name for name in environ)
            # An error, if something was on its way to a client that has closed its end.
            assert served.gone.get(timeout=PATIENCE) in ("transport close", "client disconnect", "transport error")
        assert lives == ["begun"]
    assert lives == ["begun", "ended"]


@pytest.mark.parametrize("loop", LOOPS)
def test_requests_on_one_connection_alternate(loop: str) -> None:
    with Served(loop, application([])) as served:
        client = connection(served)
        client.connect()
        own = client.sock.getsockname()[1]
        sid = json.loads(ask(client, "GET", POLLING)[1][1:])["sid"]
        assert ask(client, "POST", f"{POLLING}&sid={sid}", "40") == (200, b"ok")
        assert ask(client, "GET", f"{POLLING}&sid={sid}")[1].startswith(b"40")
        for turn in range(30):
            assert json.loads(ask(client, "GET", "/api")[1]) == {"port": own}
            assert ask(client, "POST", f"{POLLING}&sid={sid}", f'42{turn}["say","hi"]') == (200, b"ok")
            assert json.loads(ask(client, "GET", "/api")[1]) == {"port": own}
            assert ask(client, "GET", f"{POLLING}&sid={sid}") == (200, f'43{turn}["hi"]'.encode())
        assert client.sock.getsockname()[1] == own
        assert served.came.get(timeout=PATIENCE)["REMOTE_PORT"] == str(own)


@pytest.mark.parametrize("loop", LOOPS)
def test_ten_thousand_requests_leave_no_descriptor(loop: str) -> None:
    def through(served: Served, turns: int) -> int:
        client = connection(served)
        for number in range(turns):
            assert ask(client, "GET", "/api")[0] == 200
            assert ask(client, "GET", f"{POLLING}&sid=none")[0] == 400
            if number % 50 == 0:
                Raw(served.port).close()
        client.close()
        end = time.monotonic() + PATIENCE
        while served.do(served.sio.stats)["links"]:
            assert time.monotonic() < end
        return len(os.listdir("/proc/self/fd"))

    with Served(loop, application([])) as served:
        before = through(served, 60)
        end, after = time.monotonic() + PATIENCE, through(served, 5_000)
        # Those that have just been closed may be on their way to the end of their tasks.
        while after > before + 2:
            assert time.monotonic() < end, (before, after)
            after = len(os.listdir("/proc/self/fd"))
        assert served.do(served.sio.stats)["links_adopted"] > 5_000


@pytest.mark.parametrize("loop", LOOPS)
def test_each_side_ends_it(loop: str) -> None:
    with Served(loop) as served:
        for transports in TRANSPORTS:
            player = Player(served, transports=transports)  # type: ignore[arg-type]
            served.came.get(timeout=PATIENCE)
            sid = player.sid()
            served.do(functools.partial(served.sio.disconnect, sid))
            assert player.gone.get(timeout=PATIENCE) == "/"
            assert served.gone.get(timeout=PATIENCE) == "server disconnect"
        # Whoever vanishes in the middle of a poll, or without a close frame.
        polls = connection(served)
        sid = json.loads(ask(polls, "GET", POLLING)[1][1:])["sid"]
        assert ask(polls, "POST", f"{POLLING}&sid={sid}", "40")[0] == 200
        assert ask(polls, "GET", f"{POLLING}&sid={sid}")[1].startswith(b"40")
        polls.request("GET", f"{POLLING}&sid={sid}")
        while not served.do(served.sio.stats)["links"]:
            pass
        polls.close()
        assert served.gone.get(timeout=PATIENCE) == "transport error"
        Raw(served.port).close()
        assert served.gone.get(timeout=PATIENCE) == "transport close"


@pytest.mark.parametrize("loop", LOOPS)
def test_what_the_broker_refuses_is_refused(loop: str) -> None:
    with Served(loop, max_http_buffer_size=50_000) as served:
        client = connection(served)
        assert ask(client, "GET", "/elsewhere") == (404, b"Not Found")
        status, body = ask(client, "GET", f"{POLLING}&sid=none")
        assert (status, json.loads(body)["code"]) == (400, 1)
        assert ask(client, "GET", POLLING, Origin="http://elsewhere.example")[0] == 403
        sid = json.loads(ask(client, "GET", POLLING)[1][1:])["sid"]
        long = iter([b"x" * 40_000] * 3)  # in chunks, so it is not known before how long it is
        assert ask(client, "POST", f"{POLLING}&sid={sid}", long)[0] == 413
        client.close()
        client = connection(served)
        assert ask(client, "GET", POLLING, **{"X-Large": "x" * 30_000})[0] == 431
        for origin, status in (("http://elsewhere.example", 403), (served.url, 101)):
            if status == 101:
                websocket.create_connection(f"ws://127.0.0.1:{served.port}/socket.io/?EIO=4&transport=websocket", origin=origin).close()
                continue
            with pytest.raises(websocket.WebSocketBadStatusException) as refused:
                websocket.create_connection(f"ws://127.0.0.1:{served.port}/socket.io/?EIO=4&transport=websocket", origin=origin)
            assert refused.value.status_code == status


@pytest.mark.parametrize("recovery", [True, {"skip_middlewares": False}])
def test_who_comes_back_has_the_scope_of_the_new_request(recovery: Any) -> None:
    with Served("asyncio", connection_state_recovery=recovery) as served:
        pid, ports = None, set()
        for back in (False, True):
            with contextlib.closing(Raw(served.port, auth={"pid": pid}, wait=False)) as raw:
                pid, environ = json.loads(raw.next_of("40{")[2:])["pid"], served.came.get(timeout=PATIENCE)
                assert environ.get("recovered", False) == back and not any("SCOPE" in name for name in environ)
                ports.add(environ["asgi.scope"]["client"][1])
            served.gone.get(timeout=PATIENCE)
        assert len(ports) == 2


@pytest.mark.parametrize("loop", LOOPS)
def test_a_handshake_handler_decides_here_too(loop: str) -> None:
    with Served(loop) as served:
        async def handshake(environ: Any) -> Any:
            assert environ["asgi.scope"]["type"] in ("http", "websocket")
            if "HTTP_X_WHO" not in environ:
                raise roomcast.exceptions.HandshakeRefused(status=401, body="who?", headers={"WWW-Authenticate": "Bearer"})
            return {"Set-Cookie": f"who={environ['HTTP_X_WHO']}; Secure"}

        served.do(lambda: served.sio.on_handshake(handshake))
        client = connection(served)
        client.request("GET", POLLING)
        answer = client.getresponse()
        assert (answer.status, answer.headers["WWW-Authenticate"], answer.read()) == (401, "Bearer", b"who?")
        client.request("GET", POLLING, headers={"X-Who": "ann"})
        answer = client.getresponse()
        assert (answer.status, answer.headers["Set-Cookie"], answer.read()[:2]) == (200, "who=ann; Secure", b"0{")
        client.close()
        at = f"ws://127.0.0.1:{served.port}/socket.io/?EIO=4&transport=websocket"
        with websockets.sync.client.connect(at, additional_headers={"X-Who": "bob"}) as own:
            assert own.response is not None and own.response.headers["Set-Cookie"] == "who=bob; Secure"
        with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
            websockets.sync.client.connect(at)
        assert (refused.value.response.status_code, refused.value.response.body) == (401, b"who?")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_reads_nothing_is_let_go(loop: str) -> None:
    most = 1_000_000
    with Served(loop, config={"max_backlog": most}) as served:
        reads, stalls = Raw(served.port), Raw(served.port)
        for _ in range(2):
            served.came.get(timeout=PATIENCE)
        queued, number = 0, 0
        while served.gone.empty():
            served.do(lambda: served.sio.emit("much", "x" * 50_000))
            assert reads.next_of("42").startswith('42["much"')
            queued = max(queued, served.do(served.sio.stats)["queued_bytes"])
            number += 1
            assert number < 1_000
        assert served.gone.get() == "slow consumer"
        assert 0 < queued <= 2 * most, queued
        reads.send('421["say",1]')
        assert reads.next_of("43") == "431[1]"
        reads.close()
        stalls.close()


def test_paths_and_pages(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("a page")
    sio = roomcast.AsyncServer()
    mounted, alone = FastAPI(), Served("asyncio", path=None)
    mounted.mount("/chat", roomcast.ASGIApp(sio, socketio_path="/chat/ws"))
    mounted.mount("/", roomcast.ASGIApp(sio, static_files={"/": str(tmp_path / "page.html"), "/a%20page.js": b"1", "/a+b.js": b"2"}))

    class Mounted(Served):
        def wrapped(self, other: Any, path: str | None) -> Any:
            self.sio = sio
            return mounted

    with Mounted("asyncio") as served:
        client = connection(served)
        assert ask(client, "GET", "/") == (200, b"a page")
        assert ask(client, "GET", "/socket.io/?EIO=4&transport=polling")[0] == 200
        # In other letters, too.
        assert ask(client, "GET", "/%73ocket.io/?EIO=4&transport=polling")[0] == 200
        assert [ask(client, "GET", path)[1] for path in ("/a%20page.js", "/%61%20page.js", "/a+b.js")] == [b"1", b"1", b"2"]
        assert ask(client, "GET", "/chat/ws/?EIO=4&transport=polling")[0] == 200
        assert ask(client, "GET", "/chat/other")[0] == 404
        with SimpleClient() as direct:
            direct.connect(served.url, socketio_path="/chat/ws", transports=["websocket"])
        client.close()
    with alone as served:
        client = connection(served)
        assert ask(client, "GET", "/any/where?EIO=4&transport=polling")[0] == 200
        client.close()


def test_a_lifespan_begins_and_ends_the_server_and_another_begins_it_again() -> None:
    said: list[str] = []

    async def ends() -> None:
        said.append("ended")

    class Hooked(Served):
        def wrapped(self, other: Any, path: str | None) -> Any:
            return roomcast.ASGIApp(self.sio, other, on_startup=lambda: said.append("begun"), on_shutdown=ends)

    served = Hooked("asyncio", application([]))
    for turn in range(3):
        with served:
            assert said == ["begun", "ended"] * turn + ["begun"]
            raw = Raw(served.port)
        raw.close()
        assert served.gone.get(timeout=PATIENCE) in ("transport close", "server shutting down")
    assert said == ["begun", "ended"] * 3

    # Who ends it tells the clients, and turns others away until another lifespan begins.
    with served:
        players = [Player(served, transports=transports) for transports in TRANSPORTS]  # type: ignore[arg-type]
        served.do(served.sio.shutdown)
        for player in players:
            assert player.gone.get(timeout=PATIENCE) == "/"
        client = connection(served)
        assert ask(client, "GET", POLLING)[0] == 503
        client.close()
    with served:
        Raw(served.port).close()

    failing: list[Any] = []

    async def run() -> None:
        app = roomcast.ASGIApp(roomcast.AsyncServer(), on_startup=lambda: 1 / 0)

        async def receive() -> Any:
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            failing.append(message)

        await app({"type": "lifespan"}, receive, send)

    asyncio.run(run())
    assert failing[0]["type"] == "lifespan.startup.failed" and "ZeroDivisionError" in failing[0]["message"]


def test_it_is_for_an_asyncio_server() -> None:
    with pytest.raises(TypeError, match="WSGIApp"):
        roomcast.ASGIApp(roomcast.Server())  # type: ignore[arg-type]


PLAIN = """
import roomcast as socketio

sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")
application = socketio.ASGIApp(sio)

@sio.event
async def say(sid, *args):
    return args
"""

DJANGO = """
import os, sys
import django
from django.conf import settings
from django.http import JsonResponse
from django.urls import path

settings.configure(DEBUG=False, SECRET_KEY="of a test", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)
django.setup()

import roomcast as socketio

ASGI = os.environ["KIND"] == "asgi"
"""
DJANGO_ASGI = DJANGO + """
from django.core.asgi import get_asgi_application

sio = socketio.AsyncServer(async_mode="asgi")

async def api(request):
    return JsonResponse({"descriptors": len(os.listdir("/proc/self/fd"))})

@sio.event
async def say(sid, *args):
    return args

urlpatterns = [path("api", api)]
application = socketio.ASGIApp(sio, get_asgi_application())
"""
DJANGO_WSGI = DJANGO + """
from django.core.wsgi import get_wsgi_application

sio = socketio.Server(async_mode="threading")

def api(request):
    return JsonResponse({"descriptors": len(os.listdir("/proc/self/fd"))})

@sio.event
def say(sid, *args):
    return args

urlpatterns = [path("api", api)]
application = socketio.WSGIApp(sio, get_wsgi_application())
"""

UVICORN = ["-m", "uvicorn", "--port", "PORT", "program:application"]
PROGRAMS = {
    "uvicorn": (PLAIN, UVICORN),
    "hypercorn": (PLAIN, ["-m", "hypercorn", "-b", "127.0.0.1:PORT", "program:application"]),
    "hypercorn-uvloop": (PLAIN, ["-m", "hypercorn", "-k", "uvloop", "-b", "127.0.0.1:PORT", "program:application"]),
    "daphne": (PLAIN, ["-m", "daphne", "-b", "127.0.0.1", "-p", "PORT", "program:application"]),
    "django-uvicorn": (DJANGO_ASGI, UVICORN),
    "django-gunicorn": (DJANGO_WSGI, ["-m", "gunicorn", "-b", "127.0.0.1:PORT", "--threads", "8", "program:application"]),
}


class At:
    """Where a program serves."""

    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"http://127.0.0.1:{port}"


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[At]:
    text, command = PROGRAMS[request.param]
    for module in (command[1], *(["django"] if "django" in request.param else [])):
        pytest.importorskip(module, reason=f"{module} is not installed: nothing is known of roomcast on it")
    (tmp_path / "program.py").write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**os.environ, "KIND": "wsgi" if "gunicorn" in command else "asgi"}
    with open(tmp_path / "log", "wb") as log:
        running = subprocess.Popen([sys.executable, *(word.replace("PORT", str(port)) for word in command)], cwd=tmp_path, stdout=log,
                                   stderr=log, env=environment)
    end = time.monotonic() + 3 * PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < end and running.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.05)
    try:
        yield At(port)
    finally:
        running.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(PATIENCE)
        running.kill()
        running.wait()
    said = (tmp_path / "log").read_text()
    assert "Traceback" not in said, said


def test_stock_clients_on_each_server(program: At, request: pytest.FixtureRequest) -> None:
    clients = [SimpleClient() for _ in TRANSPORTS]
    for client, transports in zip(clients, TRANSPORTS):
        client.connect(program.url, transports=transports)
    keeps = connection(program)
    django = "django" in request.node.name
    for number in range(1, 10):  # Daphne sends no empty message
        for client in clients:
            value = ("x" * number * 10_000, b"\x00" * number * 10_000)
            assert client.call("say", value) == value
        status, body = ask(keeps, "GET", "/api")
        assert status == (200 if django else 404), body
    keeps.close()
    for client in clients:
        client.disconnect()
    if django:
        def descriptors() -> int:
            client = connection(program)
            found = json.loads(ask(client, "GET", "/api")[1])["descriptors"]
            client.close()
            return int(found)

        before = descriptors()
        for _ in range(300):
            polls = connection(program)
            assert ask(polls, "GET", f"{POLLING}&sid=none")[0] == 400
            polls.close()
        end = time.monotonic() + PATIENCE
        while descriptors() > before + 2:
            assert time.monotonic() < end
