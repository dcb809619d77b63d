"""The README's programs, word for word but for the port; and its table, which must not forget a method or an option."""

from __future__ import annotations

import http.client
import inspect
import itertools
import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import engineio
import pytest
import roomcast
import socketio
from host import PATIENCE, Raw

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
#: The first cells of its tables.
TABLED = "\n".join(re.findall(r"^\| ([^|]+) \|", README, flags=re.MULTILINE))
PROGRAMS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def until_it_listens(serving: subprocess.Popen[str], port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            assert serving.poll() is None


@pytest.mark.parametrize("threads", [False, True], ids=["asyncio", "threads"])
def test_five_minutes(threads: bool, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    server, client = (program.replace("3000", port) for program in PROGRAMS[:2])
    if threads:
        # "The same with threads: roomcast.Server, and leave out async and await."
        server = server.replace("AsyncServer", "Server").replace("async def", "def").replace("await ", "")
    (tmp_path / "server.py").write_text(server)
    (tmp_path / "client.py").write_text(client)
    serving = subprocess.Popen([sys.executable, "-u", "server.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        until_it_listens(serving, int(port))
        done = subprocess.run([sys.executable, "client.py"], cwd=tmp_path, capture_output=True, text=True, timeout=30)
        assert done.stdout == "ok\n['said', 'hello']\n", done.stderr
        assert serving.stdout
        lines = [serving.stdout.readline() for _ in range(4)]
        assert lines[:2] == ["connect 127.0.0.1 {'name': 'alice'}\n", "connect 127.0.0.1 {'name': 'bob'}\n"]
        assert all(line.startswith("disconnect ") for line in lines[2:])
    finally:
        serving.terminate()
        serving.wait()
        if serving.stdout:
            serving.stdout.close()


def test_over_a_restart(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "server.py").write_text(PROGRAMS[5].replace("3000", str(port)))
    kept = tmp_path / "chat.recovery"
    opened: dict[str, str] = {}
    for _ in range(3):
        serving = subprocess.Popen([sys.executable, "-u", "server.py"], cwd=tmp_path, text=True)
        try:
            until_it_listens(serving, port)
            phone = Raw(port, {"pid": opened["pid"]} if opened else None, wait=False)
            before, opened = opened, json.loads(phone.next_of("40{")[2:])
            assert not before or before == opened, "the same sid and the same pid"
            assert not kept.exists()
        finally:
            serving.terminate()
            assert serving.wait(PATIENCE) == 0
        phone.close()
        assert kept.stat().st_mode & 0o777 == 0o600
        assert sorted(path.name for path in tmp_path.iterdir()) == ["chat.recovery", "server.py"]
    # A start that fails leaves it to the next one.
    whole = kept.read_bytes()
    with socket.create_server(("127.0.0.1", port)):
        failing = subprocess.run([sys.executable, "server.py"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert failing.returncode != 0 and "Address already in use" in failing.stderr
    assert kept.read_bytes() == whole


def test_the_level_below(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", PROGRAMS[8]], check=True, cwd=tmp_path)


def parameters(function: Any) -> list[inspect.Parameter]:
    return [parameter for parameter in inspect.signature(function).parameters.values()
            if parameter.name != "self" and parameter.kind is parameter.POSITIONAL_OR_KEYWORD]


@pytest.mark.parametrize("name", ["Server", "AsyncServer", "Namespace", "AsyncNamespace"])
def test_the_table_has_each_method(name: str) -> None:
    theirs, ours = getattr(socketio, name), getattr(roomcast, name)
    for method in [method for method in dir(theirs) if not method.startswith("_")]:
        assert f"`{method}`" in TABLED, method
        assert hasattr(ours, method), method
        function = getattr(theirs, method)
        if not inspect.isfunction(function) or method in ("handle_request", "attach"):
            continue
        # The same parameters by the same names with the same defaults in the same places, and ours may have more.
        taken = parameters(getattr(ours, method))
        wanted = parameters(function)
        for one, other in itertools.zip_longest(wanted, taken[:len(wanted)]):
            assert other and (one.name, one.default) == (other.name, other.default), f"{method}({one.name})"
        if name.endswith("Server"):
            assert inspect.iscoroutinefunction(function) == inspect.iscoroutinefunction(getattr(ours, method)), method


@pytest.mark.parametrize("name", ["Server", "AsyncServer"])
def test_the_table_has_each_option(name: str) -> None:
    theirs, ours = getattr(socketio, name), getattr(roomcast, name)
    own, engine = parameters(theirs.__init__), parameters(getattr(engineio, name).__init__)
    documented = set(re.findall(r":param (\w+):", inspect.getdoc(theirs) or "")) - {"kwargs"}
    for option in documented | {option.name for option in own + engine}:
        assert f"`{option}`" in TABLED, option
    # Who writes down a default gets what who leaves it out gets.
    ours(*[option.default for option in own])
    ours(**{option.name: option.default for option in own + engine})


def test_the_module_has_each_export_or_says_why_not() -> None:
    for name in socketio.__all__:
        if not hasattr(roomcast, name):
            with pytest.raises(AttributeError, match=f"roomcast has no {name}: "):
                getattr(roomcast, name)
    for name, theirs in inspect.getmembers(socketio.exceptions, inspect.isclass):
        if f"`exceptions.{name}`" in TABLED:
            assert not hasattr(roomcast.exceptions, name)
        else:
            ours = getattr(roomcast.exceptions, name)
            assert [base.__name__ for base in ours.__mro__] == [base.__name__ for base in theirs.__mro__]


@pytest.mark.parametrize("name", ["ASGIApp", "WSGIApp"])
def test_an_application_takes_what_python_socketios_takes(name: str) -> None:
    def written(function: Any) -> list[tuple[str, Any]]:
        return [(parameter.name, parameter.default) for parameter in parameters(function)]

    theirs, ours = written(getattr(socketio, name).__init__), written(getattr(roomcast, name).__init__)
    # The first two are given by their places.
    assert ours[2:] == theirs[2:len(ours)] and [default for _, default in ours[:2]] == [default for _, default in theirs[:2]]


def test_one_port_with_a_web_application(tmp_path: Path) -> None:
    def answers(port: int, path: str) -> tuple[int, bytes]:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read()

    run = "\n@app.get('/api/rooms')\ndef rooms():\n    return {'connected': 0}\n\napp.run(port=3000, threaded=True)\n"
    serve = "\nimport uvicorn\nuvicorn.run(app, port=3000, timeout_graceful_shutdown=1)\n"
    for program in (PROGRAMS[2], PROGRAMS[3] + serve, PROGRAMS[4] + run):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (tmp_path / "program.py").write_text(program.replace("3000", str(port)))
        serving = subprocess.Popen([sys.executable, "program.py"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            until_it_listens(serving, port)
            status, body = answers(port, "/api/rooms")
            assert status == 200, body
            assert json.loads(body) == {"connected": 0}
            with socketio.SimpleClient() as alice, socketio.SimpleClient() as bob:
                alice.connect(f"http://127.0.0.1:{port}")
                bob.connect(f"http://127.0.0.1:{port}")
                alice.emit("say", "hello")
                assert bob.receive(PATIENCE) == ["said", "hello"]
        finally:
            serving.terminate()
            serving.communicate()
