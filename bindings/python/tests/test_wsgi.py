"""A server behind a WSGI server's port: Flask on gunicorn and on werkzeug, with stock clients."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import roomcast
from host import PATIENCE, SimpleClient

PROGRAM = """
import os, sys
import flask
import roomcast as socketio

sio = socketio.Server(cors_allowed_origins="*", async_mode="threading")
app = flask.Flask(__name__)

@app.get("/api")
def api():
    return {"descriptors": len(os.listdir("/proc/self/fd")), "links": sio.stats()["links"]}

@sio.event
def say(sid, text):
    return text

@sio.event
def whence(sid):
    return sio.get_environ(sid)["REMOTE_ADDR"]

app.wsgi_app = socketio.WSGIApp(sio, app.wsgi_app, static_files={"/a%20page.js": b"1", "/a+b.js": b"2"} if HAS_PAGES else None)

if __name__ == "__main__":
    from werkzeug.serving import run_simple
    run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def ask(port: int, path: str) -> tuple[int, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


@pytest.fixture(params=["gthread", "sync", "werkzeug"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    with serving(request.param, PROGRAM, tmp_path) as port:
        yield port


@contextmanager
def serving(by: str, text: str, tmp_path: Path) -> Iterator[int]:
    """A program, served by gunicorn's worker of this kind, or by werkzeug."""
    (tmp_path / "program.py").write_text(f"HAS_PAGES = {'import roomcast' in text}\n{text}")
    port = free_port()
    command = [sys.executable, "program.py", str(port)]
    if by != "werkzeug":
        command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "-k", by, "program:app"]
        command += ["--threads", "4", "--keep-alive", "5"] if by == "gthread" else []
    with open(tmp_path / "log", "wb") as log:
        program = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                assert ask(port, "/api")[0] == 200
                break
            except ConnectionError:
                assert time.monotonic() < end and program.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.05)
        yield port
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(PATIENCE)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_stock_clients_beside_an_application(port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    # More of them than the server has threads.
    clients = [SimpleClient() for _ in range(9)]
    for number, client in enumerate(clients):
        client.connect(url, transports=[["polling", "websocket"], ["polling"], ["websocket"]][number % 3])
    for number in range(10):
        for client in clients:
            assert client.call("say", "x" * number * 1000) == "x" * number * 1000
            assert ask(port, "/api")[0] == 200
    assert clients[0].call("whence") == "127.0.0.1"
    assert ask(port, "/nowhere")[0] == 404
    for client in clients:
        client.disconnect()


def test_requests_leave_no_descriptor(port: int) -> None:
    def settled() -> int:
        end = time.monotonic() + PATIENCE
        while True:
            now = json.loads(ask(port, "/api")[1])
            if now["links"] == 0:
                return int(now["descriptors"])
            assert time.monotonic() < end, now

    ask(port, "/socket.io/?EIO=4&transport=polling&sid=none")
    before = settled()
    for _ in range(500):
        status, body = ask(port, "/socket.io/?EIO=4&transport=polling&sid=none")
        assert (status, json.loads(body)["code"]) == (400, 1)
        assert ask(port, "/api")[0] == 200
    assert settled() <= before + 2


@pytest.mark.parametrize("by", ["gthread", "werkzeug"])
def test_a_path_means_the_same_in_other_letters_as_to_the_reference(by: str, tmp_path: Path) -> None:
    paths = ["/%73ocket.io/?EIO=4&transport=polling", "/socket%2eio/?EIO=4&transport=polling", "/socket.io%2F?EIO=4&transport=polling",
             "/%53ocket.io/?EIO=4&transport=polling", "/socket.io/%C3%A9?EIO=4&transport=polling"]

    def answers(text: str) -> list[tuple[int, bytes]]:
        with serving(by, text, tmp_path) as port:
            found = [ask(port, path) for path in paths]
            if "import roomcast" in text:
                # By whichever letters a page is asked for.
                assert [ask(port, path) for path in ("/a%20page.js", "/%61%20page.js", "/a+b.js")] == [(200, b"1"), (200, b"1"), (200, b"2")]
                client = SimpleClient()
                client.connect(f"http://127.0.0.1:{port}", socketio_path="/%73ocket.io")
                assert client.call("say", "here") == "here"
                client.disconnect()
            return [(status, body[:8]) for status, body in found]

    theirs = answers(PROGRAM.replace("import roomcast as socketio", "import socketio").replace('sio.stats()["links"]', "0"))
    assert answers(PROGRAM) == theirs and [status for status, _ in theirs] == [200, 200, 200, 404, 200]


@pytest.mark.parametrize("by", ["gthread", "werkzeug"])
def test_it_is_mounted_below_a_path_as_the_reference_is(by: str, tmp_path: Path) -> None:
    mount = 'app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/chat": socketio.WSGIApp(sio)})'
    mounted = re.sub("^app.wsgi_app = .*$", f"from werkzeug.middleware.dispatcher import DispatcherMiddleware\n{mount}", PROGRAM, flags=re.M)
    for text in (mounted, mounted.replace("import roomcast as socketio", "import socketio").replace('sio.stats()["links"]', "0")):
        with serving(by, text, tmp_path) as port:
            for transport in ("polling", "websocket"):
                client = SimpleClient()
                client.connect(f"http://127.0.0.1:{port}", socketio_path="/chat/socket.io", transports=[transport])
                assert client.call("say", "here") == "here"
                client.disconnect()
            asked = [ask(port, f"{path}?EIO=4&transport=polling")[0] for path in ("/chat/socket.io/", "/socket.io/", "/chat/chat/socket.io/")]
            assert asked == [200, 404, 404]


def test_a_server_that_gives_no_socket_away_says_so() -> None:
    sio = roomcast.Server()
    app = roomcast.WSGIApp(sio)
    said: list[str] = []

    def start(status: str, headers: object) -> None:
        said.append(status)

    environ = {"PATH_INFO": "/socket.io/", "REQUEST_METHOD": "GET"}
    assert b"gunicorn" in b"".join(app(environ, start)) and said == ["501 Not Implemented"]
    assert list(app({"PATH_INFO": "/other", "REQUEST_METHOD": "GET"}, start)) == [b"Not Found"]
    with pytest.raises(ValueError, match="another one"):
        roomcast.WSGIApp(sio, socketio_path="elsewhere")
    with pytest.raises(TypeError, match="app="):
        roomcast.WSGIApp(roomcast.AsyncServer())  # type: ignore[arg-type]
