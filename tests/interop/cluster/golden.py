"""What python-socketio's Redis manager publishes, and whether it reads what roomcast says as the same. It must not need a Redis.

golden.py          compares with tests/recorded/cluster_python.jsonl, and reads tests/recorded/cluster_python_ours.jsonl
golden.py --write  writes the former; the tests of src/wire/cluster write the latter (ROOMCAST_WRITE_RECORDED=1)
Both have a line for each message: its name, and the text that is published.
"""

import json
import pathlib
import sys

from socketio.packet import Packet
from socketio.pubsub_manager import PubSubManager

RECORDED = pathlib.Path(__file__).parents[2] / "recorded"


class Server:
    """As much of a server as the manager looks at."""

    packet_class = Packet

    def disconnect(self, *args, **kwargs):
        pass


class Manager(PubSubManager):
    """Writes down what it publishes, as `RedisManager` does it."""

    def __init__(self):
        super().__init__(write_only=True)
        self.host_id = "0123456789abcdef0123456789abcdef"
        self.set_server(Server())
        self.rows = []

    def _publish(self, data):
        self.rows.append([self.name_of_case, self.json.dumps(data)])


def record():
    manager = Manager()

    def case(name, call, *args, **kwargs):
        manager.name_of_case = name
        getattr(manager, call)(*args, **kwargs)

    case("a text", "emit", "ev", "x")
    case("several arguments", "emit", "ev", ("x", 1, 1.5, None, True, {"a": [2]}))
    case("a list is one argument", "emit", "ev", [1, 2])
    case("nothing", "emit", "ev", None)
    case("no arguments", "emit", "ev", ())
    case("escapes", "emit", "\u00e9\"", "\u20ac\U0001f600\n")
    case("bytes", "emit", "ev", b"\x01\x02\x03")
    case("bytes within", "emit", "ev", ({"a": [b"", b"\xff"]}, "x", b"z"))
    case("to a room", "emit", "ev", "x", room="r1")
    case("to two rooms but one socket", "emit", "ev", "x", room=["r1", "r2"], skip_sid="sid1")
    case("to all but two sockets", "emit", "ev", "x", skip_sid=["sid1", "sid2"])
    case("to another namespace", "emit", "ev", "x", namespace="/chat", room="r1")
    case("acknowledged", "emit", "ev", "x", room="sid1", callback=print)
    case("disconnect", "disconnect", "sid1", "/chat")
    case("enter", "enter_room", "sid1", "/", "r1")
    case("leave", "leave_room", "sid1", "/", "r1")
    case("close", "close_room", "r1", "/chat")
    manager.name_of_case = "an answer"
    manager._return_callback("fedcba9876543210fedcba9876543210", "sid1", "/", 7, "v", 2)
    manager.name_of_case = "an answer without a value"
    manager._return_callback("fedcba9876543210fedcba9876543210", "sid1", "/", 7)
    return manager.rows


def lines(file):
    return [json.loads(line) for line in (RECORDED / file).read_text().splitlines()]


def meant(name, text):
    """A message as a node takes it.

    Of an answer the first value alone; of an emit no argument that is nothing; and whoever asks has numbers of their own.
    """
    message = json.loads(text)
    if message["method"] == "callback":
        message["args"] = message["args"][:1]
    if message.get("data") == [None]:
        message["data"] = []
    if message.get("callback"):
        message["callback"].pop()
    for key in ("room", "skip_sid"):
        if isinstance(message.get(key), list) and len(message[key]) == 1:
            (message[key],) = message[key]
    return name, message


def main():
    rows = record()
    if "--write" in sys.argv:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (RECORDED / "cluster_python.jsonl").write_text(text)
        return
    assert rows == lines("cluster_python.jsonl"), "the package publishes something else than was recorded"
    ours = lines("cluster_python_ours.jsonl")
    assert len(ours) == len(rows)
    for one, other in zip(ours, rows):
        assert meant(*one) == meant(*other), (one, other)
    print(f"cluster formats: {len(rows)} messages of python-socketio as recorded, and as many of ours read as the same")


main()
