"""What a server has not, and does not take, it says by name; what it has is typed."""

from __future__ import annotations

import asyncio
import errno
import inspect
import logging
import subprocess
import sys
from collections.abc import Callable
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
    ({"cors_allowed_origins": ["https://one.example/"]}, roomcast.exceptions.RoomcastError, "^cors_allowed_origins=.*: one is no origin"),
    ({"cors_allowed_origins": ["*"]}, roomcast.exceptions.RoomcastError, "^cors_allowed_origins=.*: one is no origin"),
    ({"transports": ["carrier pigeon"]}, ValueError, "transports"),
    ({"cookie": {"name": "io", "expires": "x"}}, ValueError, "cookie"), ({"cookie": {"path": "/"}}, ValueError, "cookie"),
    ({"cookie": 5}, TypeError, "cookie"), ({"cookie": "a b"}, roomcast.exceptions.RoomcastError, "^cookie='a b': cookie_name: "),
    ({"cookie": {"name": "io", "domain": "a b"}}, roomcast.exceptions.RoomcastError, "cookie_domain"),
    ({"cookie": {"name": "io", "samesite": "None"}}, roomcast.exceptions.RoomcastError, "cookie_secure"),
    ({"cookie": {"name": "io", "samesite": "Loose"}}, roomcast.exceptions.RoomcastError, "cookie_same_site"),
    ({"ping_interval": "25"}, TypeError, "ping_interval"), ({"ping_timeout": None}, TypeError, "ping_timeout"),
    ({"ping_interval": 2_147_484}, ValueError, "^ping_interval=2147484: "), ({"ping_interval": -1}, ValueError, "^ping_interval=-1: "),
    ({"ping_interval": (25, -1)}, ValueError, r"^ping_interval=\(25, -1\): "), ({"ping_interval": (1, 2, 3)}, TypeError, r"^ping_interval=\(1, 2, 3\): "),
    ({"ping_timeout": -1}, ValueError, "^ping_timeout=-1: "), ({"ping_timeout": float("nan")}, ValueError, "^ping_timeout=nan: "),
    ({"ping_interval": 2_147_400, "ping_timeout": 84}, roomcast.exceptions.RoomcastError, "^ping_timeout=84: with ping_interval "),
    ({"ping_interval": 0}, ValueError, "^ping_interval=0: "),
    ({"max_http_buffer_size": -5}, ValueError, "^max_http_buffer_size=-5: "), ({"max_http_buffer_size": 0}, ValueError, "^max_http_buffer_size=0: "),
    ({"max_http_buffer_size": "1M"}, TypeError, "^max_http_buffer_size='1M': "), ({"max_http_buffer_size": 2**64}, ValueError, "^max_http_buffer_size=1844"),
    ({"connection_state_recovery": {"max_disconnection_duration": -1}}, ValueError,
     "^connection_state_recovery={'max_disconnection_duration': -1}: "),
    ({"connection_state_recovery": {"max_disconnection_duration": "2m"}}, TypeError,
     "^connection_state_recovery={'max_disconnection_duration': '2m'}: "),
    ({"logger": 5}, TypeError, "^logger=5: "), ({"logger": None}, TypeError, "^logger=None: "),
    ({"engineio_logger": "x"}, TypeError, "^engineio_logger='x': "), ({"socketio_path": 5}, TypeError, "^socketio_path=5: "),
    ({"max_http_buffer_size": 1.5}, TypeError, "^max_http_buffer_size=1.5: "), ({"compression_threshold": -1}, ValueError, "^compression_threshold=-1: "),
    ({"allow_upgrades": "no"}, TypeError, "^allow_upgrades='no': "), ({"cors_credentials": "no", "cors_allowed_origins": "*"}, TypeError, "^cors_credentials='no': "),
    ({"transports": 5}, TypeError, "^transports=5: "), ({"transports": [[]]}, ValueError, "^transports="), ({"async_mode": []}, TypeError, r"^async_mode=\[\]: "),
    ({"cookie": {5: 5}}, ValueError, "^cookie: 5=5 "), ({"cookie": {"name": 5}}, TypeError, "^cookie={'name': 5}: cookie_name: "),
    ({"cors_allowed_origins": [5]}, TypeError, r"^cors_allowed_origins=\[5\]: "), ({"namespaces": [5]}, TypeError, r"^namespaces=\[5\]: "),
    ({"namespaces": 5}, ValueError, "^namespaces=5: "), ({"serializer": []}, ValueError, r"^serializer=\[\]: "), ({"json": 5}, TypeError, "^json=5: "),
    ({"config": 5}, TypeError, "^config=5: "), ({"config": {"max_backlog": 1.5}}, ValueError, "^max_backlog=1.5: "),
    ({"config": {"ping_interval": 0}, "ping_interval": 25}, roomcast.exceptions.RoomcastError, "ping_interval: 0 is out of range"),
    ({"client_manager": "http://secret@host"}, roomcast.exceptions.RoomcastError, "^client_manager: cluster_url: (?!.*secret)"),
    ({"unheard_of": 1}, TypeError, "unheard_of"),
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


#: What the methods of a server, and what takes a server, are given; and how they call it when that cannot be used.
CALLS: list[tuple[str, Callable[[Any], Any], Any, str]] = [
    ("on", lambda sio: sio.on(5, print), TypeError, "event=5: "),
    ("on", lambda sio: sio.on("x", 5), TypeError, "handler=5: "),
    ("on", lambda sio: sio.on("x", print, namespace=5), TypeError, "namespace=5: "),
    ("on_handshake", lambda sio: sio.on_handshake(5), TypeError, "handler=5: "),
    ("register_namespace", lambda sio: roomcast.Namespace(5), TypeError, "namespace=5: "),  # type: ignore[arg-type]
    ("emit", lambda sio: sio.emit(5), TypeError, "event=5: "),
    ("emit", lambda sio: sio.emit("connect"), ValueError, "event='connect': "),
    ("emit", lambda sio: sio.emit("x", to=1.5), TypeError, "to=1.5: "),
    ("emit", lambda sio: sio.emit("x", to=["a", 1.5]), TypeError, "to=1.5: "),
    ("emit", lambda sio: sio.emit("x", room=b"r"), TypeError, "room=b'r': "),
    ("emit", lambda sio: sio.emit("x", namespace=5), TypeError, "namespace=5: "),
    ("emit", lambda sio: sio.emit("x", callback=5), TypeError, "callback=5: "),
    ("send", lambda sio: sio.send("x", to=1.5), TypeError, "to=1.5: "),
    ("send", lambda sio: sio.send("x", callback=5), TypeError, "callback=5: "),
    ("call", lambda sio: sio.call("x", to="a", timeout="5"), TypeError, "timeout='5': "),
    ("call", lambda sio: sio.call("x", to="a", timeout=float("nan")), ValueError, "timeout=nan: "),
    ("call", lambda sio: sio.call("x", to="a", namespace=5), TypeError, "namespace=5: "),
    ("call", lambda sio: sio.call(5, to="a"), TypeError, "event=5: "),
    ("enter_room", lambda sio: sio.enter_room(5, "r"), TypeError, "sid=5: "),
    ("enter_room", lambda sio: sio.enter_room("a", 1.5), TypeError, "room=1.5: "),
    ("enter_room", lambda sio: sio.enter_room("a", "r", 5), TypeError, "namespace=5: "),
    ("leave_room", lambda sio: sio.leave_room([], "r"), TypeError, r"sid=\[\]: "),
    ("leave_room", lambda sio: sio.leave_room("a", None), TypeError, "room=None: "),
    ("close_room", lambda sio: sio.close_room(1.5), TypeError, "room=1.5: "),
    ("close_room", lambda sio: sio.close_room("r", 5), TypeError, "namespace=5: "),
    ("rooms", lambda sio: sio.rooms(5), TypeError, "sid=5: "),
    ("transport", lambda sio: sio.transport(None), TypeError, "sid=None: "),
    ("get_environ", lambda sio: sio.get_environ("a", 5), TypeError, "namespace=5: "),
    ("get_session", lambda sio: sio.get_session(5), TypeError, "sid=5: "),
    ("save_session", lambda sio: sio.save_session(5, {}), TypeError, "sid=5: "),
    ("disconnect", lambda sio: sio.disconnect(5), TypeError, "sid=5: "),
    ("start_background_task", lambda sio: sio.start_background_task(5), TypeError, "target=5: "),
    ("add_static", lambda sio: sio.add_static(5, b""), TypeError, "path=5: "),
    ("add_static", lambda sio: sio.add_static("/x", 5), TypeError, "content=5: "),
    ("add_static", lambda sio: sio.add_static("/x", {"file": "x"}), ValueError, "content={'file': 'x'}: "),
    ("add_static", lambda sio: sio.add_static("/x", b"", 5), TypeError, "content_type=5: "),
    ("add_static", lambda sio: sio.add_static("/x", b"", headers=5), TypeError, "headers=5: "),
    ("import_recovery", lambda sio: sio.import_recovery("x"), TypeError, "data='x': "),
    ("instrument", lambda sio: sio.instrument(auth=5), ValueError, "auth="),
    ("instrument", lambda sio: sio.instrument(auth=False, mode="x"), ValueError, "mode='x': "),
    ("instrument", lambda sio: sio.instrument(auth=False, server_id=5), TypeError, "server_id=5: "),
    ("instrument", lambda sio: sio.instrument(auth=False, namespace=5), TypeError, "namespace=5: "),
    ("instrument", lambda sio: sio.instrument(auth=False, server_stats_interval="2"), TypeError, "server_stats_interval='2': "),
    ("instrument", lambda sio: sio.instrument(auth=False, server_stats_interval=0), ValueError, "server_stats_interval=0: "),
    ("listen", lambda sio: sio.listen(uds=5), TypeError, "uds=5: "),
    ("listen", lambda sio: sio.listen(fd="3"), TypeError, "fd='3': "),
    ("listen", lambda sio: sio.listen(port=0, certfile=5), TypeError, "certfile=5: "),
    ("listen", lambda sio: sio.listen(port=0, keyfile="k"), ValueError, "keyfile='k': "),
    ("listen", lambda sio: sio.listen(port=0, certfile="/no/where"), FileNotFoundError, r"\[Errno 2\] certfile: .*: '/no/where'"),
    ("listen", lambda sio: sio.listen(port=0, certfile=__file__, keyfile="/no/where"), FileNotFoundError, r"\[Errno 2\] keyfile: .*: '/no/where'"),
    ("listen", lambda sio: sio.listen(port=0, certfile=__file__), roomcast.exceptions.RoomcastError, "certfile='.*', keyfile=None: "),
    ("run", lambda sio: sio.run("127.0.0.1", 0, certfile=""), FileNotFoundError, r"\[Errno 2\] certfile: .*: ''"),
    ("HandshakeRefused", lambda sio: roomcast.exceptions.HandshakeRefused(status=200), ValueError, "status=200: "),
    ("HandshakeRefused", lambda sio: roomcast.exceptions.HandshakeRefused(status="401"), TypeError, "status='401': "),  # type: ignore[arg-type]
    ("HandshakeRefused", lambda sio: roomcast.exceptions.HandshakeRefused(status=401, body=5), TypeError, "body=5: "),  # type: ignore[arg-type]
    ("manager", lambda sio: manager(sio)(5), TypeError, "url=5: "),
    ("manager", lambda sio: manager(sio)(format=[]), TypeError, r"format=\[\]: "),
    ("manager", lambda sio: manager(sio)(channel=5), TypeError, "channel=5: "),
    ("manager", lambda sio: manager(sio)(json=5), TypeError, "json=5: "),
    ("manager", lambda sio: manager(sio)(config=5), TypeError, "config=5: "),
    ("manager.emit", lambda sio: manager(sio)(write_only=True).emit(5), TypeError, "event=5: "),
    ("manager.emit", lambda sio: manager(sio)(write_only=True).emit("x", room=1.5), TypeError, "room=1.5: "),
    ("manager.emit", lambda sio: manager(sio)(write_only=True).emit("x", skip_sid=1.5), TypeError, "skip_sid=1.5: "),
    ("manager.emit", lambda sio: manager(sio)(write_only=True).emit("x", namespace=5), TypeError, "namespace=5: "),
    ("manager.enter_room", lambda sio: manager(sio)(write_only=True).enter_room(1.5, None, "r"), TypeError, "sid=1.5: "),
    ("manager.leave_room", lambda sio: manager(sio)(write_only=True).leave_room("a", None, 1.5), TypeError, "room=1.5: "),
    ("manager.close_room", lambda sio: manager(sio)(write_only=True).close_room(1.5), TypeError, "room=1.5: "),
    ("manager.disconnect", lambda sio: manager(sio)(write_only=True).disconnect(1.5), TypeError, "sid=1.5: "),
    ("manager.close", lambda sio: manager(sio)().close("1"), TypeError, "grace='1': "),
    ("app", lambda sio: beside(sio)(5), TypeError, "(socketio_)?server=5: "),
    ("app", lambda sio: beside(sio)(sio, 5), TypeError, "(wsgi|other_asgi)_app=5: "),
    ("app", lambda sio: beside(sio)(sio, static_files=5), TypeError, "static_files=5: "),
    ("app", lambda sio: beside(sio)(sio, socketio_path=5), TypeError, "socketio_path=5: "),
]


def manager(sio: Any) -> Any:
    return roomcast.AsyncClusterManager if sio.is_asyncio_based() else roomcast.ClusterManager


def beside(sio: Any) -> Any:
    return roomcast.ASGIApp if sio.is_asyncio_based() else roomcast.WSGIApp


@pytest.mark.parametrize("kind", [roomcast.Server, roomcast.AsyncServer])
def test_what_a_call_cannot_use_is_named(kind: Any) -> None:
    for name, call, error, about in CALLS:
        async def as_awaited(call: Any = call) -> None:
            answer = call(sio)
            if inspect.isawaitable(answer):
                await answer

        sio = kind()
        with pytest.raises(error, match=f"^{about}"):
            call(sio) if kind is roomcast.Server or name == "run" else asyncio.run(as_awaited())
            raise AssertionError(f"{name} took it: {about}")
    with pytest.raises(TypeError, match="^app=5: "):
        asyncio.run(roomcast.AsyncServer().serve("127.0.0.1", 0, app=5))
    with pytest.raises(TypeError, match="^on_startup=5: "):
        roomcast.ASGIApp(roomcast.AsyncServer(), on_startup=5)  # type: ignore[arg-type]


def test_a_logger_may_be_anything_that_logs() -> None:
    adapter = logging.LoggerAdapter(logging.getLogger("mine"), {})
    for kind in (roomcast.Server, roomcast.AsyncServer):
        assert kind(logger=adapter, engineio_logger=adapter).logger is adapter  # type: ignore[arg-type, comparison-overlap]


def test_a_threaded_server_says_where_an_application_goes() -> None:
    with pytest.raises(TypeError, match="app: .*WSGIApp.*AsyncServer"):
        roomcast.Server().run("127.0.0.1", 0, app=lambda environ, start: [])  # type: ignore[arg-type]


def test_an_address_that_cannot_be_had_is_named() -> None:
    first, second = roomcast.Server(), roomcast.Server()
    port = first.listen(port=0)
    with pytest.raises(OSError, match=f"127.0.0.1:{port}") as raised:
        second.listen(port=port)
    assert raised.value.errno == errno.EADDRINUSE
    for wrong in ("3000", 65536, -1, None):
        with pytest.raises(ValueError, match=f"port={wrong!r}"):
            second.listen("127.0.0.1", wrong)  # type: ignore[arg-type]
    for host in (None, 5, b"127.0.0.1"):
        with pytest.raises(TypeError, match=f"^host={host!r}: "):
            second.listen(host, 0)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=f"^host={host!r}: "):
            roomcast.raw.Broker().listen(host, 0)  # type: ignore[arg-type]
    first.shutdown()
    assert second.listen(port=port) == port
    second.shutdown()
