"""Clients that come back: what their handlers see, and what the host can do while they are away. What is sent to them is tried in
the core."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest
import roomcast
from host import KINDS, PATIENCE, Host, Raw


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("recovery", (True, {"max_disconnection_duration": 60, "skip_middlewares": True}))
def test_a_client_that_comes_back_is_who_it_was(kind: str, recovery: Any) -> None:
    host = Host(kind, connection_state_recovery=recovery)
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()

    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        recovered = environ.get("recovered", False)
        if not recovered:
            await host.save_session(sid, {"name": "Ann"})
            await host.enter_room(sid, "red")
        told.put((sid, recovered, await host.get_session(sid)))

    def disconnect(sid: str, reason: str) -> None:
        told.put(reason)

    host.on_connect(connect)
    host.on("disconnect", disconnect)
    with host:
        first = Raw(host.port, wait=False)
        opened = json.loads(first.next_of("40{")[2:])
        sid, pid = opened["sid"], opened["pid"]
        assert told.get(timeout=PATIENCE) == (sid, False, {"name": "Ann"})
        host.do("emit", "news", "heard", to="red")
        offset = json.loads(first.next_of("42")[2:])[-1]
        first.close()
        assert told.get(timeout=PATIENCE) == "transport close"
        stats = host.do("stats")
        assert stats["away"] == 1 and stats["sockets"] == 0 and stats["recovery_bytes"] > 0
        host.do("emit", "news", "missed", to="red")
        host.do("emit", "news", "own", to=sid)
        host.do("emit", "news", "others", to="blue")
        # By then the loops have done so.
        host.do("stats")
        back = Raw(host.port, auth={"pid": pid, "offset": offset}, wait=False)
        missed = [json.loads(back.text()[2:])[:2] for _ in range(2)]
        assert missed == [["news", "missed"], ["news", "own"]]
        again = json.loads(back.next_of("40{")[2:])
        assert (again["sid"], again["pid"]) == (sid, pid)
        assert told.get(timeout=PATIENCE) == (sid, True, {"name": "Ann"})
        assert set(host.do("rooms", sid)) == {sid, "red"}
        back.close()
        told.get(timeout=PATIENCE)


def test_it_is_off_unless_asked_for() -> None:
    for off in ({}, {"connection_state_recovery": False}, {"connection_state_recovery": None}):
        with Host("threads", **off) as host:
            client = Raw(host.port, wait=False)
            assert "pid" not in json.loads(client.next_of("40{")[2:])
            client.close()
    with pytest.raises(TypeError):
        roomcast.Server(connection_state_recovery=7)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        roomcast.Server(connection_state_recovery={"skip_middlewares": 0})


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Callable[..., Host]:
    return lambda **options: Host(request.param, **options)


class Phone:
    """A client that loses its connection and comes back, as JavaScript's does."""

    def __init__(self, host: Any) -> None:
        self.host = host
        self.pid = None
        self.come()

    def come(self) -> list[str]:
        """What it is told before it is let in."""
        # By then the loops have done what they were told.
        self.host.do("stats")
        self.raw = Raw(self.host.port, None if self.pid is None else {"pid": self.pid}, wait=False)
        told = []
        while not (text := self.raw.text()).startswith("40{"):
            told.append(json.loads(text[2:])[0])
        self.sid, self.pid = (json.loads(text[2:])[key] for key in ("sid", "pid"))
        return told


def recovering(make: Any) -> tuple[Any, queue.Queue[str]]:
    """A host, and what it hears of its clients."""
    host, heard = make(connection_state_recovery=True), queue.Queue()

    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        heard.put("back" if environ.get("recovered") else "new")

    async def disconnect(sid: str, reason: str) -> None:
        heard.put(reason)

    host.on_connect(connect)
    host.on("disconnect", disconnect)
    return host, heard


def lose(phone: Phone, heard: queue.Queue[str]) -> None:
    phone.raw.close()
    assert heard.get(timeout=PATIENCE) == "transport close"


def test_who_is_away_joins_and_leaves_rooms_and_is_left_out(make: Any) -> None:
    host, heard = recovering(make)
    with host:
        phone = Phone(host)
        sid = phone.sid
        assert heard.get(timeout=PATIENCE) == "new"
        host.do("enter_room", sid, "old")
        lose(phone, heard)
        host.do("emit", "old", room="old")
        host.do("leave_room", sid, "old")
        host.do("enter_room", sid, "new")
        host.do("emit", "left", room="old")
        host.do("emit", "new", room="new")
        host.do("emit", "not you", skip_sid=sid)
        assert phone.come() == ["old", "new"]
        assert phone.sid == sid
        assert heard.get(timeout=PATIENCE) == "back"
        assert host.do("rooms", sid) == [sid, "new"]
        phone.raw.close()


def test_who_is_disconnected_while_away_does_not_come_back(make: Any) -> None:
    host, heard = recovering(make)
    with host:
        phone = Phone(host)
        sid = phone.sid
        assert heard.get(timeout=PATIENCE) == "new"
        lose(phone, heard)
        host.do("disconnect", sid)
        host.do("emit", "missed")
        assert phone.come() == []
        assert phone.sid != sid
        phone.raw.close()


def test_a_client_goes_on_in_the_next_process(make: Any) -> None:
    host, heard = recovering(make)
    with host:
        phone = Phone(host)
        sid = phone.sid
        assert heard.get(timeout=PATIENCE) == "new"
        host.do("enter_room", sid, "red")
    assert heard.get(timeout=PATIENCE) == "server shutting down"
    host.sio._broker.emit(host.sio._spaces.find("/"), "missed", rooms=["red"])
    kept = host.sio.export_recovery()
    host, heard = recovering(make)
    assert host.sio.import_recovery(kept) == 1
    assert host.sio.stats()["sockets"] == 0
    with pytest.raises(roomcast.raw.RoomcastError, match="too late") as refused:
        host.sio.import_recovery(kept)
    assert refused.value.code == "ROOMCAST_ERROR_BAD_IMPORT"
    with host:
        phone.host = host
        assert phone.come() == ["missed"]
        assert phone.sid == sid
        assert heard.get(timeout=PATIENCE) == "back"
        assert host.do("rooms", sid) == [sid, "red"]
        assert host.do("get_session", sid) == {}
        phone.raw.close()


def test_a_connect_handler_decides_about_who_comes_back(make: Any) -> None:
    host, heard = make(connection_state_recovery={"skip_middlewares": False}), queue.SimpleQueue[Any]()

    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> Any:
        recovered = environ.get("recovered", False)
        if recovered:
            await host.enter_room(sid, auth["token"])
        else:
            await host.save_session(sid, {"name": "Ann"})
        heard.put((sid, recovered, await host.get_session(sid)))
        return auth["token"] != "wrong"

    async def disconnect(sid: str, reason: str) -> None:
        heard.put(reason)

    async def whoami(sid: str) -> str:
        return sid

    host.on_connect(connect)
    host.on("disconnect", disconnect)
    host.on("whoami", whoami)
    with host:
        first = Raw(host.port, auth={"token": "right"}, wait=False)
        opened = json.loads(first.next_of("40{")[2:])
        sid, pid = opened["sid"], opened["pid"]
        assert heard.get(timeout=PATIENCE) == (sid, False, {"name": "Ann"})
        for number in range(2):
            first.close()
            assert heard.get(timeout=PATIENCE) == "transport close"
            host.do("emit", "missed", number)
            host.do("stats")
            refused = Raw(host.port, auth={"pid": pid, "token": "wrong"}, wait=False)
            assert refused.text().startswith("44"), "it is told nothing before"
            assert heard.get(timeout=PATIENCE) == (sid, True, {"name": "Ann"})
            refused.close()
            first = Raw(host.port, auth={"pid": pid, "token": "right"}, wait=False)
            missed = [json.loads(first.text()[2:])[:2] for _ in range(number + 1)]
            assert missed == [["missed", before] for before in range(number + 1)]
            assert json.loads(first.next_of("40{")[2:]) == opened
            assert heard.get(timeout=PATIENCE) == (sid, True, {"name": "Ann"})
            first.send('421["whoami"]')
            assert first.text() == f'431["{sid}"]'
            assert host.do("get_session", sid) == {"name": "Ann"}
            assert {sid, "right"} <= set(host.do("rooms", sid))
        first.close()
        assert heard.get(timeout=PATIENCE) == "transport close"


def test_a_client_whose_session_ends_while_its_connect_handler_decides_is_a_new_one(make: Any) -> None:
    host, heard = make(connection_state_recovery={"skip_middlewares": False}), queue.SimpleQueue[Any]()

    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        if environ.get("recovered"):
            await host.disconnect(sid)
        heard.put((sid, environ.get("recovered", False)))

    async def disconnect(sid: str, reason: str) -> None:
        heard.put(reason)

    host.on_connect(connect)
    host.on("disconnect", disconnect)
    with host:
        phone = Phone(host)
        sid = phone.sid
        assert heard.get(timeout=PATIENCE) == (sid, False)
        lose(phone, heard)
        assert phone.come() == []
        assert phone.sid != sid
        told = [heard.get(timeout=PATIENCE) for _ in range(3)]
        assert sorted(told, key=str) == sorted([(sid, True), "transport close", (phone.sid, False)], key=str)
        phone.raw.close()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "+" in kind])
def test_a_client_whose_connect_handler_is_busy_finds_its_other_sessions(kind: str) -> None:
    host, gate, asked = Host(kind, connection_state_recovery=True), threading.Event(), queue.SimpleQueue[Any]()

    def decide(sid: str, environ: dict[str, Any], auth: Any) -> None:
        asked.put(auth)
        assert gate.wait(PATIENCE)

    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(None, decide, sid, environ, auth)

    host.sio.on("connect", decide if host.threaded else connect)
    host.sio.on("connect", lambda sid, environ: None, "/chat")

    def come(client: Raw, auth: Any) -> Any:
        client.send("40/chat," + json.dumps(auth))
        return json.loads(client.next_of("40/chat,{")[8:])

    with host:
        first = Raw(host.port, auth={"round": 0}, wait=False)
        before = come(first, {})
        first.close()
        # Which loop it comes to is the kernel's choice.
        for number in range(1, 5):
            client = Raw(host.port, auth={"round": number}, wait=False)
            while asked.get(timeout=PATIENCE) != {"round": number}:
                pass
            assert come(client, {"pid": before["pid"]}) == before
            if number < 4:
                client.close()
        gate.set()
        client.next_of("40{")
        client.close()


def test_what_is_no_export_is_refused() -> None:
    server = roomcast.Server(connection_state_recovery=True)
    kept = server.export_recovery()
    for other in (b"", kept[:-1], kept + b"x"):
        with pytest.raises(roomcast.raw.RoomcastError, match="not a whole and unchanged export"):
            server.import_recovery(other)
    with pytest.raises(TypeError):
        server.import_recovery("text")  # type: ignore[arg-type]
    assert server.import_recovery(kept) == 0
