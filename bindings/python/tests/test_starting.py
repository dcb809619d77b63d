"""When a server is begun: once at a time, and at one place for each call."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import roomcast
import uvloop
from host import PATIENCE, Host


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def is_listened_on(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except OSError:
        return False
    return True


def test_a_server_that_runs_is_not_run_again(capsys: Any) -> None:
    host, second = Host("threads"), free_port()
    answered = threading.Event()
    with host:
        # It runs when it answers, and not when its thread has begun.
        host.sio.on_handshake(lambda environ: answered.set())
        with socket.create_connection(("127.0.0.1", host.port), timeout=PATIENCE) as client:
            client.sendall(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answered.wait(PATIENCE)
        with pytest.raises(RuntimeError, match="the server runs already"):
            host.sio.run("127.0.0.1", second)
        assert not is_listened_on(second) and capsys.readouterr().err == ""
        assert is_listened_on(host.port)


def test_one_that_could_not_listen_may_be_run_again() -> None:
    sio = roomcast.Server()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError):
        sio.run("127.0.0.1", taken.getsockname()[1])
    port = sio.listen(port=0)
    thread = threading.Thread(target=sio.run)
    thread.start()
    assert is_listened_on(port)
    sio.shutdown()
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("app", [False, True])
def test_an_asyncio_server_that_serves_is_not_begun_again(new_loop: Any, app: bool) -> None:
    sio, second = roomcast.AsyncServer(), free_port()
    begun = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope["type"])
        await receive()

    async def main() -> None:
        port = sio.listen(port=0)
        first = asyncio.ensure_future(sio.serve())
        await asyncio.sleep(0)
        for _ in range(2):
            again = asyncio.ensure_future(sio.serve("127.0.0.1", second, app=application if app else None))
            with pytest.raises(RuntimeError, match="the server runs already"):
                await asyncio.wait_for(again, PATIENCE)
        loop = asyncio.get_running_loop()
        with pytest.raises(RuntimeError, match="another event loop"):
            await loop.run_in_executor(None, lambda: sio.run("127.0.0.1", second, app=application if app else None))
        assert not first.done() and not begun
        assert not await loop.run_in_executor(None, is_listened_on, second)
        assert await loop.run_in_executor(None, is_listened_on, port)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        # What has ended may begin again.
        with pytest.raises(OSError), socket.create_server(("127.0.0.1", 0)) as taken:
            await sio.serve("127.0.0.1", taken.getsockname()[1])
        third = asyncio.ensure_future(sio.serve("127.0.0.1", second))
        while not await loop.run_in_executor(None, is_listened_on, second):
            assert not third.done()
        await sio.shutdown()
        await asyncio.wait_for(third, PATIENCE)

    loop = new_loop()
    loop.run_until_complete(main())
    loop.close()


def test_a_call_listens_at_one_place(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"

    async def on_asyncio(name: str, **where: Any) -> None:
        done = getattr(roomcast.AsyncServer(), name)(**where)
        if name == "serve":
            await done

    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = {"uds": str(path), "fd": listener.fileno()}
        for call in (lambda: roomcast.Server().listen(**where), lambda: roomcast.Server().run(**where), lambda: roomcast.AsyncServer().run(**where),
                     lambda: asyncio.run(on_asyncio("listen", **where)), lambda: asyncio.run(on_asyncio("serve", **where))):
            with pytest.raises(ValueError, match=f"uds={str(path)!r} and fd={listener.fileno()}"):
                call()
        assert not path.exists() and listener.getsockname()
