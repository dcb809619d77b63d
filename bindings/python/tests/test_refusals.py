"""What a server has not, and does not take, it says by name; what it has is typed."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import roomcast


def test_it_is_typed(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text('''
import roomcast
from roomcast import raw

sio = roomcast.AsyncServer(cors_allowed_origins="*")


@sio.on("other")
async def other(sid: str, number: int) -> int:
    return number


@sio.event(namespace="/chat")
async def third(sid: str) -> None:
    reveal_type(other)
    reveal_type(sio.on("x", third))


@sio.event
async def hello(sid: str, name: str) -> str:
    await sio.emit("hello", name, skip_sid=sid)
    answer: object = await sio.call("ask", to=sid)
    reveal_type(await sio.get_session(sid))
    return str(answer)


def turn(broker: raw.Broker) -> int:
    return sum(kind == raw.MESSAGE for kind, *_ in broker.events())
''')
    checked = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"),
                              "-p", "roomcast", ], capture_output=True, text=True, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    checked = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "program.py"],
                             capture_output=True, text=True, cwd=tmp_path)
    assert checked.returncode == 0 and "dict[" in checked.stdout, checked.stdout
    shown = checked.stdout.replace("builtins.", "")  # an older mypy names where they are from
    assert "def (sid: str, number: int) -> " in shown and "def (sid: str) -> " in shown, shown
    (tmp_path / "program.py").write_text("import roomcast\nroomcast.Server(ping_interval='x')\nroomcast.AsyncServer(pings=1)\n")
    checked = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "program.py"],
                             capture_output=True, text=True, cwd=tmp_path)
    assert checked.returncode == 1 and "ping_interval" in checked.stdout and "pings" in checked.stdout, checked.stdout
    (tmp_path / "program.py").write_text("import roomcast\nroomcast.Server().emit(5)\n")
    checked = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "program.py"],
                             capture_output=True, text=True, cwd=tmp_path)
    assert checked.returncode == 1 and "arg-type" in checked.stdout, checked.stdout


@pytest.mark.parametrize("name", ["Middleware", "Client", "KombuManager"])
def test_what_is_not_here_says_why(name: str) -> None:
    with pytest.raises(AttributeError, match=f"roomcast has no {name}: "):
        getattr(roomcast, name)


@pytest.mark.parametrize(("options", "error", "about"), [
    ({"client_manager": object()}, ValueError, "client_manager"), ({"serializer": "pickle"}, ValueError, "serializer"),
    ({"async_mode": "eventlet"}, ValueError, "async_mode"), ({"namespaces": "chat"}, ValueError, "namespaces"),
    ({"cors_allowed_origins": lambda origin: True}, ValueError, "cors_allowed_origins"),
    ({"cors_allowed_origins": 5}, TypeError, "cors_allowed_origins"),
    ({"cors_allowed_origins": ["https://one.example/"]}, roomcast.exceptions.RoomcastError, "cors_origins"),
    ({"cors_allowed_origins": ["*"]}, roomcast.exceptions.RoomcastError, "cors_origins"),
    ({"transports": ["carrier pigeon"]}, ValueError, "transports"),
    ({"cookie": {"name": "io", "expires": "x"}}, ValueError, "cookie"), ({"cookie": {"path": "/"}}, ValueError, "cookie"),
    ({"cookie": 5}, TypeError, "cookie"), ({"cookie": "a b"}, roomcast.exceptions.RoomcastError, "cookie_name"),
    ({"cookie": {"name": "io", "domain": "a b"}}, roomcast.exceptions.RoomcastError, "cookie_domain"),
    ({"cookie": {"name": "io", "samesite": "None"}}, roomcast.exceptions.RoomcastError, "cookie_secure"),
    ({"cookie": {"name": "io", "samesite": "Loose"}}, roomcast.exceptions.RoomcastError, "cookie_same_site"),
    ({"ping_interval": "25"}, TypeError, "ping_interval"), ({"ping_timeout": None}, TypeError, "ping_timeout"),
    ({"ping_interval": 2_147_484}, roomcast.exceptions.RoomcastError, "ping_interval"),
    ({"ping_interval": 2_147_400, "ping_timeout": 84}, roomcast.exceptions.RoomcastError, "ping_timeout"),
    ({"ping_interval": 0}, roomcast.exceptions.RoomcastError, "ping_interval"),
    ({"max_http_buffer_size": -1}, ValueError, "max_payload=-1"), ({"unheard_of": 1}, TypeError, "unheard_of"),
    ({"max_workers": 0}, (ValueError, TypeError), "max_workers"), ({"config": {"unheard_of": 1}}, TypeError, "unheard_of"), ({"config": {"max_backlog": "much"}}, TypeError, "max_backlog"),
    ({"config": {"max_backlog": 2**64}}, ValueError, "max_backlog"), ({"config": {"health_path": 1}}, TypeError, "health_path"),
    ({"config": {"cors_origins": "http://one"}}, TypeError, "cors_origins"),
    ({"config": {"trusted_proxies": "10.0.0.1"}}, TypeError, "trusted_proxies"),
    ({"config": {"trusted_proxies": ["localhost"]}}, roomcast.exceptions.RoomcastError, "trusted_proxies"),
    ({"config": {"header_count": 1}}, TypeError, "header_count"), ({"config": {"headers": {"a": "b"}}}, TypeError, "headers"),
    ({"config": {"guard_handshakes": True}}, ValueError, "guard_handshakes"),
    ({"config": {"hand_back": True}}, ValueError, "hand_back"),
    ({"config": {"engine_only": True}}, ValueError, "engine_only"),
    ({"config": {"max_payload": 0}}, roomcast.exceptions.RoomcastError, "max_payload"),
    ({"config": {"loops": 65}}, roomcast.exceptions.RoomcastError, "loops"),
])
def test_options_that_cannot_be_had_are_refused_by_name(options: dict[str, Any], error: Any, about: str) -> None:
    for kind in (roomcast.Server, roomcast.AsyncServer):
        with pytest.raises(error, match=about):
            kind(**options)


def test_options_that_need_nothing_here_are_taken() -> None:
    for kind, mode in ((roomcast.Server, "threading"), (roomcast.AsyncServer, "asgi")):
        server = kind(async_mode=mode, http_compression=False, compression_threshold=1, monitor_clients=True,
                      ping_interval=(25, 5), ping_timeout=20, cookie={"name": "io", "path": "/", "SameSite": "Lax"},
                      max_http_buffer_size=10, allow_upgrades=False, allow_eio3=True, transports="polling", logger=False)
        kind(transports=None, cookie=None, cors_allowed_origins=None, namespaces=None)
        for name in ("handle_request", "attach"):
            with pytest.raises(NotImplementedError):
                getattr(server, name)()


def test_a_threaded_server_refuses_coroutines_when_they_are_registered() -> None:
    sio = roomcast.Server()

    async def later(sid: str) -> None:
        pass

    class Place(roomcast.Namespace):
        async def on_later(self, sid: str) -> None:
            pass

    for register in (lambda: sio.on("later", later), lambda: sio.event(later), lambda: sio.register_namespace(Place("/x"))):
        with pytest.raises(TypeError, match="later is a coroutine function.*AsyncServer"):
            register()
    assert not sio.handlers and not sio.namespace_handlers


def test_an_address_that_cannot_be_had_is_named() -> None:
    first, second = roomcast.Server(), roomcast.Server()
    port = first.listen(port=0)
    with pytest.raises(OSError, match=f"127.0.0.1:{port}") as raised:
        second.listen(port=port)
    assert raised.value.errno == errno.EADDRINUSE
    for wrong in ("3000", 65536, -1, None):
        with pytest.raises(ValueError, match=f"port={wrong!r}"):
            second.listen("127.0.0.1", wrong)  # type: ignore[arg-type]
    first.shutdown()
    assert second.listen(port=port) == port
    second.shutdown()
