"""The level below: batches of events and of emits, by hand."""

from __future__ import annotations

import http.client
import re
import socket as socket_module
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from host import PATIENCE, Raw
from roomcast import _native, raw


def until(broker: raw.Broker, kind: int, count: int = 1) -> list[raw.Event]:
    """Polls until so many events of a kind are there, and returns them."""
    got: list[raw.Event] = []
    end = time.monotonic() + PATIENCE
    while len(got) < count:
        assert time.monotonic() < end
        broker.poll(0.1)
        got += [event for event in broker.events() if event[0] == kind]
    return got


@pytest.fixture
def broker() -> Any:
    made = raw.Broker()
    yield made
    made.free()


def connect(broker: raw.Broker, port: int) -> tuple[Raw, int]:
    made: list[Raw] = []
    thread = threading.Thread(target=lambda: made.append(Raw(port)))
    thread.start()
    (event,) = until(broker, raw.CONNECT)
    thread.join()
    return made[0], event[1]


def test_events_in_emits_out(broker: raw.Broker) -> None:
    client, socket = connect(broker, broker.listen("127.0.0.1", 0))
    ns = broker.add_namespace("/")
    assert broker.namespace_name(ns) == "/" and broker.find_namespace("/") == ns
    assert broker.find_namespace("/other") is None
    broker.set_tag(socket, 2**64 - 1)
    client.send('427["say",{"a":"\u00e9"}]')
    client.send('451-["file",{"_placeholder":true,"num":0}]')
    client.socket.sendall(b"\x82\x83\0\0\0\0\x00\x01\xff")
    say, file = until(broker, raw.MESSAGE, 2)
    assert say == (raw.MESSAGE, socket, ns, say[4 - 1], 0, "say", '[{"a":"\u00e9"}]'.encode(), (), 0, 2**64 - 1, 0) and say[3]
    assert file[3] == 0 and file[7] == [b"\x00\x01\xff"]
    broker.ack(socket, say[3], b"[1]")
    broker.join(socket, "room")
    assert broker.rooms_of(socket) == [broker.socket_id(socket), "room"] and broker.members(ns, "room") == [socket]
    broker.change_rooms(socket, ["room"], ["other"])
    assert broker.find_socket(broker.socket_id(socket)) == socket and broker.is_websocket(socket)
    broker.emit_many([
        raw.pack(ns, b"one", b"[]", rooms=[b"room"]), raw.pack(ns, b"two", b'["x"]', rooms=[b"other", b"room"]),
        raw.pack(ns, b"three", b"[3]", sockets=[socket]), raw.pack(ns, b"four", b"[]", except_sockets=[socket]),
        raw.pack(ns, b"five", b"[]", except_rooms=[b"other"]),
        raw.pack(ns, b"six", b'[{"_placeholder":true,"num":0}]', attachments=[b"\x01\x02"], delivery=raw.LATEST, key=1),
    ])
    broker.flush()
    assert [client.text() for _ in range(4)] == ["437[1]", '42["two","x"]', '42["three",3]',
                                                 '451-["six",{"_placeholder":true,"num":0}]']
    client.close()
    (gone,) = until(broker, raw.DISCONNECT)
    assert gone[1] == socket and gone[9] == 2**64 - 1 and raw.reason_text(gone[4]) == "transport close" and gone[7] == [b"other"]
    with pytest.raises(raw.Gone):
        broker.join(socket, "room")


def test_one_that_cannot_be_emitted_does_not_stop_the_others(broker: raw.Broker) -> None:
    client, _ = connect(broker, broker.listen("127.0.0.1", 0))
    ns = broker.add_namespace("/")
    failed: list[Exception] = []
    records = [raw.pack(ns, b"a", b"[]"), raw.pack(ns, b"b", b"no json"), raw.pack(ns, b"c", b"[]"),
               raw.pack(ns, b"connect", b"[]"), raw.pack(ns, b"d", b"[]")]
    broker.emit_each(records, failed.append)
    broker.flush()
    assert [client.text() for _ in range(3)] == ['42["a"]', '42["c"]', '42["d"]']
    assert [error.code for error in failed if isinstance(error, raw.RoomcastError)] == [
        "ROOMCAST_ERROR_BAD_JSON", "ROOMCAST_ERROR_RESERVED_EVENT"]
    with pytest.raises(raw.RoomcastError, match="roomcast_emit_packed"):
        broker.emit_many(records)
    client.close()


def test_batches_may_be_drained_in_parts(broker: raw.Broker) -> None:
    client, _ = connect(broker, broker.listen("127.0.0.1", 0))
    client.socket.sendall(b"".join(client.frame(f'42["n",{n}]') for n in range(1000)))
    got: list[bytes] = []
    while len(got) < 1000:
        broker.poll(1)
        while events := broker.events(7):
            assert len(events) <= 7
            got += [event[6] for event in events]
    assert got == [f"[{n}]".encode() for n in range(1000)]
    client.close()


def test_a_batch_is_read_where_it_lies(broker: raw.Broker) -> None:
    client, socket = connect(broker, broker.listen("127.0.0.1", 0))
    ns = broker.add_namespace("/")
    broker.set_tag(socket, 9)
    # More names than are compared with, alike at both ends, some again, one not of ASCII, one empty.
    names = [f"a{n % 150}z" for n in range(300)] + ["\u00e9\u4e16", ""] * 2
    client.socket.sendall(b"".join(client.frame(f'42["{name}",{n}]') for n, name in enumerate(names)))
    client.send('452-["file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]')
    client.socket.sendall(b"\x82\x83\0\0\0\0\x00\x01\xff" + b"\x82\x80\0\0\0\0")
    got: list[tuple[Any, ...]] = []
    kept: list[raw.Batch] = []
    end = time.monotonic() + PATIENCE
    while sum(map(len, kept)) <= len(names):
        assert time.monotonic() < end
        broker.poll(0.1)
        while batch := broker.drain(100):
            assert 0 < len(batch) <= 100 and len(list(batch)) == len(batch)
            kept.append(batch)
    for batch in kept:
        for kind, flags, code, who, where, ack, name, start, stop, parts, tag, context in batch:
            assert (kind, flags, code, who, where, ack, tag, context) == (raw.MESSAGE, 0, 0, socket, ns, 0, 9, 0)
            got.append((batch.names[name], batch.data[start:stop], batch.parts(parts) if parts else None))
    assert got[:-1] == [(name, f"[{n}]".encode(), None) for n, name in enumerate(names)]
    assert got[-1][0] == "file" and got[-1][2] == [b"\x00\x01\xff", b""]
    assert len(broker.drain()) == 0 and list(broker.drain()) == [] and broker.events() == []
    client.close()


@pytest.mark.parametrize("loops", [0, 1, 2, 4])
def test_a_question_takes_every_target(loops: int) -> None:
    broker = raw.Broker(loops=loops)
    client, socket = connect(broker, broker.listen("127.0.0.1", 0))
    ns = broker.add_namespace("/")
    broker.join(socket, "room")
    targets: list[dict[str, Any]] = [{}, {"rooms": ["room"]}, {"sockets": [socket]}, {"rooms": [], "sockets": [socket]}]
    for number, target in enumerate(targets):
        assert broker.emit_with_ack(ns, "ask", f"[{number}]", context=number, **target)
        broker.flush()
        assert re.fullmatch(rf'42\d+\["ask",{number}\]', client.text())
    assert broker.emit_with_ack(ns, "never", except_sockets=[socket]) == 0
    assert broker.emit_with_ack(ns, "blob", '[{"_placeholder":true,"num":0}]', attachments=[b"x"], delivery=raw.RELIABLE)
    broker.flush()
    assert client.text().startswith("451-")
    # With loops of its own the broker finds out later.
    assert broker.sockets_join(ns, ["more"]) == (None if loops else 1)
    client.close()
    broker.free()


@pytest.mark.parametrize("loops", [0, 1, 2, 4])
def test_empty_lists_are_nobody(loops: int) -> None:
    broker = raw.Broker(loops=loops)
    client, socket = connect(broker, broker.listen("127.0.0.1", 0))
    ns, remote = broker.add_namespace("/"), broker.remote()
    broker.join(socket, "room")
    nobody: list[dict[str, Any]] = [
        {"rooms": []}, {"sockets": []}, {"rooms": [], "sockets": []}, {"rooms": [""]}, {"rooms": ["nobody's"]},
        {"except_sockets": [socket]}, {"except_rooms": ["room"]}, {"sockets": [socket + (1 << 32)]},
    ]
    for target in nobody:
        broker.emit(ns, "never", **target)
        broker.emit_many([raw.pack(ns, b"never", b"[]", **{
            key: [name.encode() for name in value] if "rooms" in key else value for key, value in target.items()})])
    assert broker.emit_with_ack(ns, "never", rooms=[]) == 0
    remote.emit(ns, "never", room="")
    remote.emit(ns, "never", except_socket=socket)
    broker.emit(ns, "all")
    remote.emit(ns, "all")
    broker.flush()
    broker.poll(0)
    assert [client.text() for _ in range(2)] == ['42["all"]'] * 2
    client.close()
    broker.free()


def test_a_remote_reaches_it_from_other_threads(broker: raw.Broker) -> None:
    client, socket = connect(broker, broker.listen("127.0.0.1", 0))
    ns, remote = broker.add_namespace("/"), broker.remote()
    thread = threading.Thread(target=lambda: (remote.join(socket, "r"), remote.emit(ns, "x", "[1]", "r"),
                                              remote.leave(socket, "r"), remote.emit(ns, "y", "[2]", "r"),
                                              remote.emit(ns, "z"), remote.disconnect(socket)))
    thread.start()
    until(broker, raw.DISCONNECT)
    thread.join()
    assert [client.text() for _ in range(3)] == ['42["x",1]', '42["z"]', "41"]
    remote.wake()
    broker.poll(PATIENCE)
    client.close()


@pytest.mark.parametrize("loops", [0, 2])
def test_another_thread_decides(loops: int) -> None:
    broker = raw.Broker(guard_handshakes=True, loops=loops)
    port, remote, made = broker.listen("127.0.0.1", 0), broker.remote(), []
    broker.add_namespace("/", guarded=True)
    # The test's own thread is the other one: what it orders is carried out in a poll.
    thread = threading.Thread(target=lambda: made.append(request(port)))
    thread.start()
    remote.refuse(until(broker, raw.HANDSHAKE)[0][1], "no")
    while thread.is_alive():
        broker.poll(0.01)
    assert made.pop().startswith("HTTP/1.1 403")
    thread = threading.Thread(target=lambda: made.append(Raw(port)))
    thread.start()
    remote.allow(until(broker, raw.HANDSHAKE)[0][1])
    socket = until(broker, raw.CONNECT_REQUEST)[0][1]
    remote.set_tag(socket, 2**64 - 1)
    remote.accept(socket)
    remote.join(socket, "r")
    while thread.is_alive():
        broker.poll(0.01)
    client = made.pop()
    client.send('427["say"]')
    (say,) = until(broker, raw.MESSAGE)
    assert say[1] == socket and say[9] == 2**64 - 1
    remote.ack(socket, say[3], '[{"_placeholder":true,"num":0}]', [b"x"])
    remote.leave_all(socket)
    remote.emit(say[2], "never", room="r")
    remote.emit(say[2], "all")
    broker.poll(0)
    assert [client.any_text() for _ in range(2)] == ['461-7[{"_placeholder":true,"num":0}]', "x"]
    assert client.next_of("42") == '42["all"]'
    for order in (lambda: remote.reject(0, "no", "{}"), lambda: remote.send_text(0, "x"), lambda: remote.send_binary(0, b"x")):
        with pytest.raises(raw.RoomcastError, match="no handle") as raised:
            order()
        assert raised.value.code == "ROOMCAST_ERROR_NO_HANDLE"
    remote.close_connection(broker.connection_of(socket))
    until(broker, raw.DISCONNECT)
    client.close()
    broker.free()


def test_a_guarded_namespace_asks() -> None:
    lines: list[str] = []
    broker = raw.Broker(log=lambda level, line: lines.append(line), log_level=3, max_payload=1000, headers=[("X-Mine", "yes")])
    port = broker.listen("127.0.0.1", 0)
    broker.add_namespace("/", guarded=True)
    made: list[Raw] = []
    thread = threading.Thread(target=lambda: made.append(Raw(port)))
    thread.start()
    (asked,) = until(broker, raw.CONNECT_REQUEST)
    assert broker.handshake(asked[1]).url == "/socket.io/?EIO=4&transport=websocket"
    broker.accept(asked[1])
    broker.poll(0)
    thread.join()
    ack = broker.emit_with_ack(asked[2], "ask", "[]", timeout=0.0, context=2**64 - 1)
    (end,) = until(broker, raw.ACK_END)
    assert end[3] == ack and end[8] == raw.TIMED_OUT and end[10] == 2**64 - 1 and broker.next_timeout() is not None
    assert lines and any("listen" in line for line in lines)
    assert broker.stats()["ack_timeouts"] == 1
    broker.close(0.1)
    broker.free()
    made[0].close()


def test_an_address_has_its_share() -> None:
    broker = raw.Broker(max_connections_per_address=1, trusted_proxies=["10.0.0.0/8", "::1"])
    port = broker.listen("127.0.0.1", 0)
    made: list[Raw] = []
    thread = threading.Thread(target=lambda: made.append(Raw(port)))
    thread.start()
    until(broker, raw.CONNECT)
    thread.join()
    statuses: list[int] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/socket.io/?EIO=4&transport=polling")
        statuses.append(connection.getresponse().status)
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    while thread.is_alive():
        broker.poll(0.01)
    assert statuses == [429] and broker.stats()["handshakes_over_address"] == 1
    broker.free()
    made[0].close()


def test_the_descriptor_rests(broker: raw.Broker) -> None:
    import select

    poller = select.poll()
    poller.register(broker.fileno(), select.POLLIN)

    def settle() -> None:
        """Turns while there is something to do: a loop that never rests burns a processor."""
        for _ in range(20):
            if broker.next_timeout() != 0 and not poller.poll(0):
                return
            broker.poll(0)
            broker.events()
        raise AssertionError("it never rests")

    settle()
    client, socket = connect(broker, broker.listen("127.0.0.1", 0))
    settle()
    client.send('42["x"]')
    assert poller.poll(PATIENCE * 1000)
    settle()
    broker.emit(broker.add_namespace("/"), "x")
    settle()
    assert client.text() == '42["x"]'
    client.close()
    assert poller.poll(PATIENCE * 1000)
    settle()


#: What Python says in another way, or has no use for.
OTHERWISE = {
    "roomcast_emit": "emit_packed", "roomcast_emit_all": "emit_packed", "roomcast_emit_to": "emit_packed", "roomcast_send": "emit_packed",
    "roomcast_events": "events_packed", "roomcast_listen": "listen_with", "roomcast_listen_fd": "listen_fd_with",
    "roomcast_remote_clone": "threads share one Remote",
}


def test_orders_in_a_batch(broker: raw.Broker) -> None:
    client, socket = connect(broker, broker.listen("127.0.0.1", 0))
    ns = broker.add_namespace("/")
    room = raw.target(ns, rooms=["room"])
    broker.orders([
        raw.order("join", socket, "room"),
        raw.order("change_rooms", socket, ["other"], ["third", "f\u00fcnf"]),
        raw.order("set_tag", socket, 2**64 - 1),
        raw.order("emit", room, raw.message("one", "[1]")),
        raw.order("emit", raw.target(ns, rooms=[]), raw.message("never")),
        raw.order("emit", raw.target(ns, except_sockets=[socket]), raw.message("never")),
        raw.order("emit", raw.target(ns, sockets=[socket]), raw.message("two", "[2]", (), raw.LATEST, 7)),
        raw.order("sockets_leave", room, ["third"]),
    ])
    assert broker.rooms_of(socket)[1:] == ["room", "f\u00fcnf"] and broker.get_tag(socket) == 2**64 - 1
    broker.flush()
    assert client.next_of("42") == '42["one",1]' and client.next_of("42") == '42["two",2]'
    with pytest.raises(raw.Gone):
        broker.orders([raw.order("leave_all", socket), raw.order("join", socket + (1 << 40), "x"), raw.order("join", socket, "x")])
    assert broker.rooms_of(socket)[1:] == []
    with pytest.raises(raw.RoomcastError):
        broker.orders([raw.order("jump", socket)])
    broker.orders([raw.order("disconnect", socket, True)])
    (gone,) = until(broker, raw.DISCONNECT)
    assert gone[1] == socket


def test_every_function_of_the_library_is_reached() -> None:
    root = Path(__file__).parents[3]
    files = [Path(_native.__file__ or ""), *Path(raw.__file__ or "").parent.glob("*.py")]
    source = "".join(file.read_text() for file in files)
    for name in (root / "include" / "roomcast.symbols").read_text().split():
        assert (name not in OTHERWISE) == bool(re.search(rf"\b{name}\b", source)), name


def test_the_router_alone() -> None:
    router = raw.Router()
    ns, other = router.add_namespace(), router.add_namespace()
    # Members 1 and 2 are on one connection.
    for member, connection in ((1, 7), (2, 7), (3, 8)):
        router.add(member, ns, connection)
    router.join(1, "a")
    router.change_rooms(2, [], ["a", "\u00e9"])
    assert sorted(router.members(ns, "a")) == [1, 2] and sorted(router.everyone(ns)) == [1, 2, 3] and router.everyone(other) == []
    assert router.is_member(2, "\u00e9") and not router.is_member(1, "\u00e9")
    assert sorted(router.rooms_of(2)) == ["a", "\u00e9"] and sorted(router.rooms_in(ns)) == ["a", "\u00e9"]
    assert router.emit(ns, b"one", rooms=["a"]) == 2
    assert router.emit(ns, b"two", rooms=["\u00e9"], members=[3]) == 2
    assert router.emit(ns, b"all", except_members=[3]) == 2 and router.emit(ns, b"x", except_rooms=["a"], except_members=[3]) == 0
    assert router.emit(ns, b"never", rooms=[]) == router.emit(ns, b"never", members=[]) == 0
    assert router.take(8) == b"two" and router.take(8) == b""
    assert router.next() == (7, b"oneonetwoallall") and router.next() is None
    router.emit(ns, b"late")
    router.forget(7)
    assert router.next() == (8, b"late")
    router.emit(ns, b"dropped")
    router.end_tick()
    assert router.next() is None
    router.leave(1, "a")
    router.leave_all(2)
    assert router.rooms_in(ns) == []
    router.remove(1)
    for gone in (lambda: router.join(1, "a"), lambda: router.remove_namespace(ns)):
        with pytest.raises(raw.Gone):
            gone()
    with pytest.raises(raw.RoomcastError, match="member"):
        router.add(2, ns, 7)
    router.remove_namespace(other)
    router.busy = True  # as within a call
    with pytest.raises(raw.RoomcastError, match="middle of a call"):
        router.next()


def test_an_error_says_which(broker: raw.Broker) -> None:
    strict = raw.Broker(max_room_name=5, max_namespaces=1)
    ns, someone = strict.add_namespace("/"), 2 << 60 | 1 << 32
    for call, status, said in [
        (lambda: strict.change_rooms(someone, [], ["one", "longer"]), "BAD_ROOM",
         "roomcast_change_rooms: rooms[1]: the name is longer than max_room_name, which is 5 bytes"),
        (lambda: strict.sockets_join(ns, ["one", ""]), "BAD_ROOM", "roomcast_sockets_join: rooms[1]: the name is empty"),
        (lambda: strict.join(someone, ""), "BAD_ROOM", "roomcast_join: room: the name is empty"),
        (lambda: strict.add_namespace("/more"), "TOO_MANY", "a limit of the broker was reached: max_namespaces is 1"),
        (lambda: strict.drain_clients(0), "BAD_VALUE", "roomcast_drain: per_second: it is 1 or more"),
        (lambda: strict.fetch_sockets(ns, sockets=[someone, ns]), "WRONG_KIND", "target.sockets[1]: the handle is of another kind"),
        (lambda: strict.orders([raw.order("stop_draining"), raw.order("join", 0, "one")]), "NO_HANDLE",
         "roomcast_orders_packed: record 1: socket: there is no handle: it is 0"),
        (lambda: strict.emit_many([raw.pack(ns, b"one", b"[]"), raw.pack(ns, b"two", b"[", delivery=9)]), "BAD_VALUE",
         "roomcast_emit_packed: record 1: message.delivery: it is one of"),
    ]:
        with pytest.raises(raw.RoomcastError, match=re.escape(said)) as error:
            call()
        assert error.value.code == f"ROOMCAST_ERROR_{status}"
    strict.free()


def test_what_only_this_level_has(broker: raw.Broker) -> None:
    client, socket = connect(broker, broker.listen("127.0.0.1", 0))
    ns, connection = broker.add_namespace("/"), broker.connection_of(socket)
    broker.set_tag(socket, 7)
    broker.change_rooms(socket, [], ["a", "b"])
    assert broker.get_tag(socket) == 7 and broker.is_member(socket, "a") and not broker.is_member(socket, "c")
    assert broker.rooms_in(ns) == ["a", "b"] and broker.sockets_in(ns) == [socket] and broker.namespaces() == [ns]
    assert broker.namespace_of(socket) == ns and broker.queued_bytes(socket) == 0
    broker.leave_all(socket)
    assert broker.rooms_of(socket) == [broker.socket_id(socket)]
    assert "roomcast_" in broker.metrics() and broker.times(raw.TIMES_STEPS).times > 0
    assert raw.json_escape('a"\n') == b'"a\\"\\n"' and raw.json_unescape(b'"\\u00e9"') == "\u00e9" and raw.status_text(-1)
    remote = broker.remote()
    remote.change_rooms(socket, [], ["r"])
    remote.send(ns, socket, "one", "[1]")
    remote.emit_to(ns, "two", "[2]", rooms=["r"])
    remote.emit_to(ns, "never", rooms=[])
    remote.emit_to(ns, "three", '[{"_placeholder":true,"num":0}]', sockets=[socket], attachments=[b"x"])
    remote.emit_to(ns, "never", except_sockets=[socket])
    remote.emit_to(ns, "never", sockets=[])
    broker.poll(0)
    assert [client.text() for _ in range(3)] == ['42["one",1]', '42["two",2]', '451-["three",{"_placeholder":true,"num":0}]']
    for mistaken in (lambda: broker.sockets_join(ns, "x"), lambda: broker.fetch_sockets(ns, rooms="r"),
                     lambda: broker.change_rooms(socket, [], "x"), lambda: remote.disconnect_sockets(ns, rooms="r")):
        with pytest.raises(TypeError, match="a list of names"):
            mistaken()
    assert broker.sockets_join(ns, ["x", "y"], rooms=["r"]) == 1 and broker.sockets_leave(ns, ["x"], sockets=[socket]) == 1
    assert broker.sockets_join(ns, ["never"], rooms=[]) == 0
    assert sorted(broker.rooms_of(socket)[1:]) == ["r", "y"]
    assert broker.fetch_sockets(ns, rooms=["r"]) == [socket] and broker.fetch_sockets(ns, sockets=[]) == []
    assert broker.fetch_sockets(ns) == [socket] and broker.fetch_sockets(ns, except_rooms=["y"]) == []
    assert broker.disconnect_sockets(ns, rooms=[], close=True) == 0
    assert broker.change_rooms(socket, ["y", "nowhere"], ["r"]) == 1 and broker.change_rooms(socket, [], ["y"]) == 1
    assert broker.find_socket("nobody") is None
    remote.sockets_join(ns, ["z"])
    remote.sockets_leave(ns, ["y"], rooms=["y"])
    remote.disconnect_sockets(ns, sockets=[], close=True)
    broker.poll(0)
    assert sorted(broker.rooms_of(socket)[1:]) == ["r", "z"]
    broker.drain_clients(1000, "deploy")
    broker.stop_draining()
    remote.drain_clients(1000, "deploy")
    remote.stop_draining()
    broker.close_connection(connection)
    until(broker, raw.DISCONNECT)
    client.close()


def test_a_guarded_handshake_and_the_engine_alone() -> None:
    broker = raw.Broker(guard_handshakes=True, engine_only=True)
    port, made = broker.listen("127.0.0.1", 0), []
    for allowed in (True, False):
        thread = threading.Thread(target=lambda: made.append(request(port)))
        thread.start()
        (asked,) = until(broker, raw.HANDSHAKE)
        broker.allow(asked[1]) if allowed else broker.refuse(asked[1], "no")
        while thread.is_alive():
            broker.poll(0.01)
            for event in broker.events():
                if event[0] == raw.OPEN:
                    broker.send_text(event[1], "hello")
                    broker.send_binary(event[1], b"hello")
        thread.join()
    assert made[0].startswith("HTTP/1.1 200") and made[1].startswith("HTTP/1.1 40")
    broker.free()


def request(port: int) -> str:
    with socket_module.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = b""
        while data := client.recv(4096):
            got += data
        return got.decode()
