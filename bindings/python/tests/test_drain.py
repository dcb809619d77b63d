"""How a server goes for another process: nobody is refused, all are sent to connect anew. Whole restarts are in tests/deploys.mjs."""

from __future__ import annotations

import http.client
import socket
import threading
from typing import Any

import pytest
import roomcast
from host import PATIENCE, Host, Raw

def test_who_waits_is_left_to_the_next_and_who_is_there_is_sent_to_it(make: Any) -> None:
    gone: list[Any] = []
    host = make()
    host.on("disconnect", lambda sid, reason: gone.append(reason))
    with host:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        host.do("listen", fd=listener.dup().detach())
        there = Raw(port)
        draining = threading.Thread(target=host.do, args=("drain", 1000, "deploy 7"))
        draining.start()
        with pytest.raises(EOFError):
            there.next_of("41")  # no packet of a disconnect comes: stock clients come again
        assert b"\x03\xf4deploy 7" in there.buffer
        there.close()
        # Whoever comes from now on waits for the next process.
        waits = socket.create_connection(("127.0.0.1", port), PATIENCE)
        waits.sendall(b"for the next")
        listener.settimeout(PATIENCE)
        accepted, _ = listener.accept()
        assert accepted.recv(65536) == b"for the next"
        draining.join(PATIENCE)
        assert not draining.is_alive()
        host.ended = True
        for stream in (accepted, waits, listener):
            stream.close()
    assert gone == ["server shutting down"]


def test_it_ends_in_time_and_with_nobody_there(make: Any) -> None:
    host = make()
    with host:
        Raw(host.port)  # which never answers the close frame
        host.do("drain", timeout=0)
        host.ended = True
    host = make()
    with host:
        host.do("drain")
        host.ended = True


def test_a_shutdown_cuts_it_short_and_it_serves_again() -> None:
    sio = roomcast.Server()
    for _ in range(2):
        port = sio.listen(port=0)
        thread = threading.Thread(target=sio.run)
        thread.start()
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        client.request("GET", "/socket.io/?EIO=4&transport=polling")
        assert client.getresponse().status == 200
        sio.drain(1)
        sio.shutdown()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        client.close()


@pytest.mark.parametrize(("given", "error", "about"), [
    ({"per_second": 0}, ValueError, "per_second=0: "), ({"per_second": "1"}, TypeError, "per_second='1': "),
    ({"reason": 5}, TypeError, "reason=5: "), ({"reason": "é" * 62}, ValueError, "reason='é+': it is 123 bytes at most"),
    ({"timeout": "1"}, TypeError, "timeout='1': "), ({"timeout": float("inf")}, ValueError, "timeout=inf: "),
])
def test_what_is_no_drain_is_named(make: Any, given: Any, error: Any, about: str) -> None:
    host = make()
    with host, pytest.raises(error, match=f"^{about}"):
        host.do("drain", **given)
