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


def test_a_socket_is_left_to_whoever_else_has_it() -> None:
    old, new = raw.Broker(), raw.Broker()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    old.listen_fd(os.dup(listener.fileno()))
    assert ask(old, socket.create_connection(("127.0.0.1", port))).startswith(b"HTTP/1.1 200 ")
    old.stop_listening()
    waiting = socket.create_connection(("127.0.0.1", port))
    new.listen_fd(listener.detach())
    assert ask(new, waiting).startswith(b"HTTP/1.1 200 ")
    new.free()
    old.free()


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


@pytest.mark.parametrize("loops", [0, 2])
def test_connections_that_the_program_has_accepted(loops: int) -> None:
    broker = raw.Broker(loops=loops, guard_handshakes=1, hand_back=1)
    target = "/socket.io/?EIO=4&transport=polling"

    def event(kind: int) -> raw.Event:
        end = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < end
            broker.poll(0.1)
            for event in broker.events():
                assert event[0] == kind
                return event

    remote = broker.remote()
    for adopts in (broker, remote):
        client, accepted = socket.socketpair()
        client.sendall(b"P/1.1\r\nHost: x\r\n\r\n")
        fd = accepted.detach()
        adopts.adopt(fd, f"GET {target} HTT".encode())
        assert broker.handshake(event(raw.HANDSHAKE)[1]).address == "unix:"
        client.close()
        client, accepted = socket.socketpair()
        adopts.adopt_request(accepted.detach(), "GET", target, [("Host", "x"), ("X-Name", "\xe9")], peer="192.0.2.1:7")
        handshake = broker.handshake(event(raw.HANDSHAKE)[1])
        assert (handshake.address, dict(handshake.headers)["X-Name"]) == ("192.0.2.1:7", "\xe9")
        client.close()
        client, accepted = socket.socketpair()
        with pytest.raises(raw.RoomcastError, match="method: it is none"):
            adopts.adopt_request(accepted.fileno(), "", target)
        with pytest.raises(raw.RoomcastError, match="peer"):
            adopts.adopt(accepted.fileno(), b"", "nowhere")
        # It is the program's still.
        accepted.sendall(b"still")
        assert client.recv(16) == b"still"
        adopts.adopt(accepted.detach(), b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n", "[::1]:7")
        foreign = event(raw.FOREIGN)
        assert (foreign[5], foreign[6]) == ("[::1]:7", b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
        broker.take_descriptor(foreign[10])
        with pytest.raises(raw.Gone):
            broker.take_descriptor(foreign[10])
        with socket.socket(fileno=foreign[10]) as back:
            back.sendall(b"ours")
            assert client.recv(16) == b"ours"
        client.close()
    broker.set_hand_back(False)
    client, accepted = socket.socketpair()
    broker.adopt(accepted.detach(), b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
    client.setblocking(False)
    end = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < end
        broker.poll(0.01)
        try:
            assert client.recv(4096).startswith(b"HTTP/1.1 404 ")
            break
        except BlockingIOError:
            continue
    client.close()
    broker.free()
