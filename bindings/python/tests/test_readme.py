"""The README's programs, word for word but for the port; and its table, which must not forget a method or an option."""

from __future__ import annotations

import inspect
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import roomcast
import socketio

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


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
        while True:
            try:
                socket.create_connection(("127.0.0.1", int(port)), 1).close()
                break
            except ConnectionRefusedError:
                assert serving.poll() is None
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


def test_the_level_below(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", PROGRAMS[2]], check=True, cwd=tmp_path)


@pytest.mark.parametrize("theirs", [socketio.Server, socketio.AsyncServer])
def test_the_table_is_complete(theirs: type) -> None:
    ours = roomcast.AsyncServer if theirs is socketio.AsyncServer else roomcast.Server
    for name in dir(theirs):
        if name.startswith("_") or name in ("reserved_events", "is_asyncio_based"):
            continue
        assert f"`{name}`" in README, name
        assert hasattr(ours, name), name
        method = getattr(theirs, name)
        if not inspect.isfunction(method) or name in ("handle_request", "attach", "instrument"):
            continue
        # The same parameters by the same names with the same defaults, and ours may have more.
        taken = inspect.signature(getattr(ours, name)).parameters
        for parameter in inspect.signature(method).parameters.values():
            assert parameter.name in taken, f"{name}({parameter.name})"
            assert taken[parameter.name].default == parameter.default, f"{name}({parameter.name})"
        assert inspect.iscoroutinefunction(method) == inspect.iscoroutinefunction(getattr(ours, name)), name
    documented = re.findall(r":param (\w+):", inspect.getdoc(theirs) or "")
    for option in documented:
        assert option == "kwargs" or f"`{option}`" in README, option
