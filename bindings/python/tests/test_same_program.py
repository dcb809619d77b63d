"""The same program on python-socketio and, with the import alone changed, here: its client must see the same."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import socketio
from host import Player

PROGRAM = Path(__file__).parent / "program.py"


class At:
    """Where a server is, as far as a player wants to know."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"


def transcript(at: At, transports: list[str]) -> list[Any]:
    """What two clients see. Names instead of sids."""
    seen: list[Any] = []
    answers = {"question": lambda data, number: (data, number + 1)}
    a = Player(at, ["/"], transports, auth={"name": "a"}, answers=answers)  # type: ignore[arg-type]
    seen.append(("a", a.next()))
    b = Player(at, ["/"], transports, answers=answers)  # type: ignore[arg-type]
    seen.append(("b", b.next()))

    def both(count_a: int, count_b: int) -> None:
        seen.extend(("a", a.next()) for _ in range(count_a))
        seen.extend(("b", b.next()) for _ in range(count_b))

    a.emit("my_event", {"data": "grüße"})
    both(1, 0)
    a.emit("my_broadcast_event", {"data": [1, {"b": b"\x00\x01"}]})
    both(1, 1)
    for player, counts in ((a, (1, 0)), (b, (0, 1))):
        player.emit("join", {"room": "r"})
        both(*counts)
    a.emit("my_room_event", {"data": "to both", "room": "r"})
    both(1, 1)
    a.emit("my_room_event", {"data": "to b", "room": "r", "skip": a.sid()})
    both(0, 1)
    a.emit("my_room_event", {"data": "to a", "room": ["r", "nowhere"], "skip": [b.sid(), "nobody"]})
    both(1, 0)
    seen.append(a.call("whoami", ("x", b"y", None)))
    seen.append(b.call("whoami"))
    a.emit("leave", {"room": "r"})
    both(1, 0)
    # Threaded handlers run side by side: the answer says that this one is done.
    seen.append(b.call("close room", {"room": "r"}))
    both(0, 1)
    seen.append(b.call("whoami"))
    seen.append(a.call("my_room_event", {"data": "to nobody", "room": "r"}))
    a.emit("ping_from_client")
    both(1, 0)
    a.emit("start")
    both(3, 0)
    seen.append(a.call("ask_me"))
    seen.append(a.call("unheard of", (1, "two")))
    refused: list[Any] = []
    bad = socketio.Client(reconnection=False)
    bad.on("connect_error", refused.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        bad.connect(at.url, auth={"bad": True}, transports=transports)
    seen.append(refused)
    loud = Player(at, ["/shout"], transports)  # type: ignore[arg-type]
    seen.append(loud.call("shout", "hey", namespace="/shout"))
    seen.append(loud.next())
    # A method that the namespace has not: acknowledged, with nothing.
    seen.append(loud.call("whisper", "hey", namespace="/shout"))
    clock = Player(at, ["/clock"], transports)  # type: ignore[arg-type]
    clock.emit("start", namespace="/clock")
    ticks = [clock.next() for _ in range(3)]
    # It runs by itself, so only the steps are known.
    seen.append([(event, count - ticks[0][1]) for event, count in ticks])
    seen.append(clock.call("stop", namespace="/clock"))
    clock.emit("enough", namespace="/clock")
    both(1, 1)
    seen.append(clock.gone.get(timeout=10))
    b.emit("disconnect request")
    seen.append(b.gone.get(timeout=10))
    seen.append(a.call("whoami"))
    # Nobody says goodbye: on python-socketio a polling client that does waits for its last poll to end.
    seen.append([player.got.qsize() for player in (a, b, loud)])
    return seen


@pytest.mark.parametrize("transport", ["polling", "websocket"])
@pytest.mark.parametrize("kind", ["asyncio", "threads"])
def test_the_import_alone(kind: str, transport: str) -> None:
    seen = []
    for library in ("socketio", "roomcast"):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen([sys.executable, str(PROGRAM), library, kind, str(port)], cwd=PROGRAM.parent)
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except ConnectionRefusedError:
                    assert server.poll() is None
            seen.append(transcript(At(port), [transport]))
        finally:
            server.kill()
            server.wait()
    assert seen[0] == seen[1]
