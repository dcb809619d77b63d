"""Where a broker listens: Unix sockets and their files, descriptors, options."""

from __future__ import annotations

import errno
import os
import socket
import time
from pathlib import Path

import pytest
from host import PATIENCE
from roomcast import raw


def ask(broker: raw.Broker, client: socket.socket, before: bytes = b"") -> bytes:
    """What a client is answered that asks for a session."""
    with client:
        client.sendall(before + b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        client.setblocking(False)
        answer, end = b"", time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < end
            broker.poll(0.01)
            try:
                got = client.recv(65536)
            except BlockingIOError:
                continue
            if not got:
                return answer
            answer += got


def over_unix(path: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    return client


@pytest.mark.parametrize("loops", [0, 2])
def test_a_unix_socket_is_listened_on_and_taken_away(tmp_path: Path, loops: int) -> None:
    path = str(tmp_path / "a.sock")
    broker, other = raw.Broker(loops=loops), raw.Broker()
    broker.listen_unix(path, mode=0o600)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert ask(broker, over_unix(path)).startswith(b"HTTP/1.1 200 ")
    with pytest.raises(OSError) as refused:
        other.listen_unix(path)
    assert (refused.value.errno, refused.value.filename) == (errno.EADDRINUSE, path)
    broker.close(1)
    assert not os.path.exists(path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    with pytest.raises(OSError):
        other.listen_unix(path, keep_stale=True)
    other.listen_unix(path)
    broker.free()
    other.free()


def test_a_descriptor_is_the_brokers_once_it_listens() -> None:
    broker = raw.Broker()
    with socket.socket() as deaf, pytest.raises(raw.RoomcastError):
        broker.listen_fd(deaf.fileno())
    listener = socket.create_server(("127.0.0.1", 0))
    port, fd = listener.getsockname()[1], listener.detach()
    broker.listen_fd(fd)
    with pytest.raises(OSError):
        os.fstat(fd)
    assert ask(broker, socket.create_connection(("127.0.0.1", port))).startswith(b"HTTP/1.1 200 ")
    broker.free()


def test_options_of_listening() -> None:
    broker = raw.Broker()
    port = broker.listen("127.0.0.1", 0, backlog=8, reuse_port=True, one_acceptor=True, v6_only=False)
    other = raw.Broker()
    assert other.listen("127.0.0.1", port, reuse_port=True) == port
    with pytest.raises(OSError):
        other.listen("127.0.0.1", port)
    other.free()
    broker.free()


@pytest.mark.parametrize("loops", [0, 2])
def test_a_proxy_says_whose_a_connection_is(tmp_path: Path, loops: int) -> None:
    broker, path = raw.Broker(loops=loops, guard_handshakes=1), str(tmp_path / "a.sock")
    port = broker.listen("127.0.0.1", 0, proxy_protocol=True)
    broker.listen_unix(path, proxy_protocol=True)
    listener = socket.create_server(("127.0.0.1", 0))
    other = listener.getsockname()[1]
    broker.listen_fd(listener.detach(), proxy_protocol=True)
    shake = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
    connect = socket.create_connection
    for client in (connect(("127.0.0.1", port)), over_unix(path), connect(("127.0.0.1", other))):
        with client:
            client.sendall(b"PROXY TCP6 2001:db8::1 2001:db8::2 40332 443\r\n" + shake)
            end = time.monotonic() + PATIENCE
            asked = []
            while not asked:
                assert time.monotonic() < end
                broker.poll(0.1)
                asked = [event[1] for event in broker.events() if event[0] == raw.HANDSHAKE]
            assert broker.handshake(asked[0]).address == "[2001:db8::1]:40332"
    with connect(("127.0.0.1", port)) as client:
        client.sendall(shake)
        end = time.monotonic() + PATIENCE
        while not broker.stats()["proxy_headers_malformed"]:
            assert time.monotonic() < end
            broker.poll(0.1)
    broker.free()
