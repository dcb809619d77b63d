"""Clients that come back: what their handlers see. What is sent to them is tried in the core."""

from __future__ import annotations

import json
import queue
from typing import Any

import pytest
import roomcast
from host import PATIENCE, Host, Raw


@pytest.mark.parametrize("kind", ("threads", "asyncio", "uvloop"))
@pytest.mark.parametrize("recovery", (True, {"max_disconnection_duration": 60}))
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
        host.do("emit", "news", "missed", to="red")
        host.do("emit", "news", "own", to=sid)
        host.do("emit", "news", "others", to="blue")
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
        roomcast.Server(connection_state_recovery={"skip_middlewares": False})
