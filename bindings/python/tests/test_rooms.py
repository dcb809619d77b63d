"""Rooms, and whom an emit reaches, seen by python-socketio's own client."""

from __future__ import annotations

from typing import Any

import pytest
from host import Player


def test_rooms(make: Any) -> None:
    host = make()
    with host:
        players = [Player(host) for _ in range(4)]
        a, b, c, _ = sids = [player.sid() for player in players]
        for sid in (a, b):
            host.do("enter_room", sid, "one")
        for sid in (b, c):
            host.do("enter_room", sid, "two")
        assert host.do("rooms", b) == [b, "one", "two"]
        host.do("emit", "one", 1, room="one")
        host.do("emit", "both", 2, to=["one", "two"])
        host.do("emit", "not a", 3, skip_sid=a)
        host.do("emit", "not a b", (4, 5), skip_sid=[a, b])
        host.do("emit", "only c", to=c)
        host.do("leave_room", b, "one")
        host.do("send", "left", room="one")
        host.do("close_room", "two")
        host.do("emit", "nobody", room="two")
        host.do("emit", "end")
        got = []
        for player in players:
            got.append([])
            while (event := player.next()) != ("end",):
                got[-1].append(event)
        assert got == [
            [("one", 1), ("both", 2), ("message", "left")],
            [("one", 1), ("both", 2), ("not a", 3)],
            [("both", 2), ("not a", 3), ("not a b", 4, 5), ("only c",)],
            [("not a", 3), ("not a b", 4, 5)],
        ]
        assert [host.do("rooms", sid) for sid in sids] == [[a, "one"], [b], [c], [sids[3]]]
        for player in players:
            player.leave()


def test_rooms_named_by_numbers(make: Any) -> None:
    host = make()
    with host:
        player = Player(host)
        host.do("enter_room", player.sid(), 7)
        host.do("emit", "text", room="7")
        host.do("emit", "number", room=7)
        assert player.next() == ("number",)
        assert host.do("rooms", player.sid()) == [player.sid(), 7]
        with pytest.raises(TypeError, match="str or an int"):
            host.do("enter_room", player.sid(), b"bytes")
        player.leave()


def test_no_text_is_the_room_of_another_name(make: Any) -> None:
    host = make()
    names = [42, -42, 0, 1, "42", "\x0042", "\x00-42", "\0", "\0x", '\x00"a"', '"a"', "a", "", "\ud800", "\ud801", "\0\ud800",
             "\\ud800", " 42", "\x00 42", "\x00[1]", "\x00null", "\x00true"]
    with host:
        players = [Player(host) for _ in names]
        for player, name in zip(players, names):
            host.do("enter_room", player.sid(), name)
            assert host.do("rooms", player.sid()) == [player.sid(), name]
        for name in names:
            host.do("emit", "to", repr(name), room=name)
        host.do("emit", "end")
        for player, name in zip(players, names):
            assert [player.next(), player.next()] == [("to", repr(name)), ("end",)]
        host.do("leave_room", players[0].sid(), "\x0042")
        host.do("close_room", "\x0042")
        assert host.do("rooms", players[0].sid()) == [players[0].sid(), 42]
        for player in players:
            player.leave()


def test_whom_an_emit_means(make: Any) -> None:
    # What python-socketio's get_participants does with each: its `to or room`, and None as the room of everybody.
    host = make()
    with host:
        a, b = Player(host), Player(host)
        host.do("enter_room", a.sid(), "room")
        host.do("enter_room", b.sid(), "")
        host.do("emit", "all", 1, to="")
        host.do("emit", "all", 2, to="", room=None)
        host.do("emit", "all", 3, to=[None])
        host.do("emit", "all", 4, room=["room", None])
        host.do("emit", "a", 5, to="", room="room")
        host.do("emit", "b", 6, room="")
        for nobody in (None, "", "room", 7, [None, "room"], ["nobody", 7]):
            host.do("emit", "all", 7, skip_sid=nobody)
        host.do("emit", "b", 8, skip_sid=[None, a.sid()])
        host.do("emit", "end")
        for player, own in ((a, [("a", 5)]), (b, [("b", 6), ("b", 8)])):
            got = []
            while (event := player.next()) != ("end",):
                got.append(event)
            assert sorted(got) == sorted([*(("all", n) for n in (1, 2, 3, 4, 7, 7, 7, 7, 7, 7)), *own])
            player.leave()


def test_a_clients_own_room_is_its_own(make: Any) -> None:
    host = make()
    with host:
        a, b = Player(host), Player(host)
        with pytest.raises(ValueError, match="cannot enter a sid room"):
            host.do("enter_room", a.sid(), b.sid())
        with pytest.raises(ValueError, match="cannot close a sid room"):
            host.do("close_room", b.sid())
        with pytest.raises(ValueError, match="not connected"):
            host.do("enter_room", "nobody", "room")
        host.do("leave_room", a.sid(), a.sid())
        host.do("emit", "still", to=a.sid())
        assert a.next() == ("still",)
        a.leave()
        b.leave()


def test_emits_and_memberships_keep_the_order_of_the_calls(make: Any) -> None:
    host = make()

    async def dance(sid: str) -> str:
        for step in range(100):
            await host.emit("step", (step, "out"), room="room")
            await host.enter_room(sid, "room")
            await host.emit("step", (step, "in"), room="room")
            await host.leave_room(sid, "room")
        return "done"

    host.on("dance", dance)
    with host:
        player = Player(host)
        assert player.call("dance") == "done"
        assert [player.next() for _ in range(100)] == [("step", step, "in") for step in range(100)]
        player.leave()
        assert player.got.empty()


def test_what_cannot_be_emitted_is_said_to_the_caller(make: Any) -> None:
    host = make()
    with host:
        with pytest.raises(TypeError, match="set is neither JSON nor binary"):
            host.do("emit", "x", {1, 2})
        with pytest.raises(ValueError, match="^event='connect': it is Socket.IO's own"):
            host.do("emit", "connect", 1)
        with pytest.raises(TypeError, match="^event=5: it is a str"):
            host.do("emit", 5)
        for room in (b"bytes", 5.5, [5.5]):
            with pytest.raises(TypeError, match="^room=(5.5|b'bytes'): it is a room's name, a str or an int"):
                host.do("emit", "x", room=room)


def test_no_rooms_are_nobody(make: Any) -> None:
    host = make()
    with host:
        player = Player(host)
        for nobody in ([], (), set(), 0, ["", 0]):
            host.do("emit", "never", to=nobody)
            host.do("emit", "never", room=nobody)
            host.do("emit", "never", room=nobody, callback=print)
        host.do("emit", "never", room="")
        host.do("emit", "everybody", to=None, room=None)
        assert player.next() == ("everybody",)
        assert host.do("stats")["pending_acks"] == 0
        player.leave()
