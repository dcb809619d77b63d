"""The scenarios as python-socketio's clients see them: `table.py URL [msgpack] [asyncio] polling|websocket|upgrade`.

One JSON line per scenario on stdout: {"name", "ok", "error"}. Both clients run the same scenarios, written for the
asyncio one; the threaded one is driven through `Threaded`, which offers the same methods as coroutines.
"""
import asyncio
import json
import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import engineio
import socketio

# The Python client refuses a poll's answer of more than 16 packets, and its documentation says to raise that here.
engineio.payload.Payload.max_decode_packets = 10_000

PATIENCE = 15
TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
URL, *MODE = sys.argv[1:]
KIND = MODE[-1]
STRINGS = ["", "\x00", "\x1e", "\u2028\u2029", "é", "てすと", "😀", "\"\\/'", "\ufeffbom", "a" * 5000, "é" * 5000]


class Refused(Exception):
    """A namespace's refusal, with what the host said."""


class InOrder(engineio.Client):
    """The threaded client starts a thread for each frame, so an attachment may overtake the packet it belongs to, and
    then neither event nor ack arrives. Here one thread takes them all, as they came."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.frames = ThreadPoolExecutor(1)

    def _trigger_event(self, event, *args, run_async=False, **options):
        if run_async:
            return self.frames.submit(super()._trigger_event, event, *args, **options)
        if event == "disconnect":
            # `disconnect` queues the end before it sets the state that ends the writing thread. If that is quicker, it waits
            # for more, up to 25 seconds. The state is set by now.
            self.queue.put(None)
        return super()._trigger_event(event, *args, **options)


class OrderedClient(socketio.Client):
    def _engineio_client_class(self):
        return InOrder

    def disconnect(self):
        # The server's goodbye may be half done, and `disconnect` goes through the namespaces which that takes away.
        self.eio.frames.submit(lambda: None).result(PATIENCE)
        super().disconnect()


class Threaded:
    """The threaded client behind an asyncio face."""

    def __init__(self, **options):
        self.client = OrderedClient(**options)
        self.loop = asyncio.get_running_loop()

    def __getattr__(self, name):
        method = getattr(self.client, name)

        async def call(*args, **kwargs):
            return await asyncio.to_thread(method, *args, **kwargs)

        return call if callable(method) and name not in ("get_sid", "transport") else method

    def on(self, event, handler, namespace=None):
        def relay(*args):
            return asyncio.run_coroutine_threadsafe(handler(*args), self.loop).result(PATIENCE)

        self.client.on(event, relay, namespace=namespace)


class Player:
    """One client that remembers what arrived."""

    def __init__(self, namespaces=("/",), answers=None, **options):
        make = socketio.AsyncClient if "asyncio" in MODE else Threaded
        if "msgpack" in MODE:
            options["serializer"] = "msgpack"
        self.client = make(reconnection=False, **options)
        self.namespaces = list(namespaces)
        self.got = {name: [] for name in namespaces}
        self.gone = {name: asyncio.get_running_loop().create_future() for name in namespaces}
        self.refusals = []
        self.news = asyncio.Condition()
        self.answers = answers or {}
        for name in namespaces:
            self.listen(name)

    def listen(self, name):
        async def anything(event, *args):
            self.got[name].append((event, *args))
            async with self.news:
                self.news.notify_all()
            if event in self.answers:
                return self.answers[event](*args)

        async def disconnect(reason):
            if not self.gone[name].done():
                self.gone[name].set_result(reason)

        async def refused(*data):
            self.refusals.append(data)

        self.client.on("*", anything, namespace=name)
        self.client.on("disconnect", disconnect, namespace=name)
        self.client.on("connect_error", refused, namespace=name)

    async def connect(self, auth=None, query="", headers=None):
        await asyncio.wait_for(
            self.client.connect(
                URL + query, auth=auth, headers=headers or {}, namespaces=self.namespaces, transports=TRANSPORTS[KIND],
                # Its own patience is a second.
                wait_timeout=PATIENCE,
            ),
            PATIENCE,
        )
        return self

    @property
    def id(self):
        return self.client.get_sid(self.namespaces[0])

    async def ask(self, event, *args, namespace=None):
        """The host's ack: None, the one argument, or a list of several."""
        data = args if len(args) != 1 else args[0]
        answer = await self.client.call(
            event, data if args else None, namespace=namespace or self.namespaces[0], timeout=PATIENCE
        )
        return answer

    async def tell(self, event, *args, namespace=None):
        data = args if len(args) != 1 else args[0]
        await self.client.emit(event, data if args else None, namespace=namespace or self.namespaces[0])

    async def next(self, event, namespace=None):
        name = namespace or self.namespaces[0]

        async def found():
            async with self.news:
                while True:
                    for at, (what, *args) in enumerate(self.got[name]):
                        if what == event:
                            del self.got[name][at]
                            return args
                    await self.news.wait()

        return await asyncio.wait_for(found(), PATIENCE)

    async def numbers(self, event, count):
        """The first argument of so many events, in order."""
        return [(await self.next(event))[0] for _ in range(count)]

    async def left(self, namespace=None):
        return await asyncio.wait_for(self.gone[namespace or self.namespaces[0]], PATIENCE)

    async def sent(self):
        """What it was given to say has left. A client that is closed while it still posts does not post what it was given since: the
        goodbye would stay here."""
        join = self.client.eio.queue.join
        await asyncio.wait_for(join() if asyncio.iscoroutinefunction(join) else asyncio.to_thread(join), PATIENCE)

    async def close(self):
        await self.client.disconnect()


class Watcher(Player):
    """The `/observer` of HOST.md."""

    def __init__(self):
        super().__init__(["/observer"])

        self.seen = []

    async def log(self, **fields):
        """The first entry with these fields, past or future. Others stay for whoever asks for them later."""
        while True:
            for at, entry in enumerate(self.seen):
                if all(entry.get(key) == value for key, value in fields.items()):
                    return self.seen.pop(at)
            self.seen += await self.next("log")


SCENARIOS = {}


def scenario(name):
    def add(function):
        SCENARIOS[name] = function

    return add


@scenario("connect with auth")
async def _(play, room):
    a = await play(auth={"token": "é", "list": [1, None]})
    me = await a.ask("whoami")
    assert me["id"] == a.id and me["nsp"] == "/" and me["auth"] == {"token": "é", "list": [1, None]}, me


@scenario("handshake")
async def _(play, room):
    a = await play(query="?user=x%20y", headers={"X-Custom": "yes"})
    me = await a.ask("whoami")
    assert me["headers"]["x-custom"] == "yes" and me["query"]["user"] == "x y" and me["query"]["EIO"] == "4", me


@scenario("refused with data")
async def _(play, room):
    a = Player(["/guarded"])
    try:
        await a.connect(auth={"token": "wrong"})
    except socketio.exceptions.ConnectionError as error:
        refusal = error.args[0]
    else:
        raise AssertionError("was accepted")
    assert a.refusals == [({"message": "not authorized", "data": {"code": "E_AUTH", "retry": False}},)] or (
        "not authorized" in str(refusal)
    ), (a.refusals, refusal)


@scenario("accepted")
async def _(play, room):
    a = await play(namespaces=["/guarded"], auth={"token": "secret"})
    assert (await a.ask("whoami"))["nsp"] == "/guarded"


@scenario("accepted later")
async def _(play, room):
    a = await play(namespaces=["/guarded"], auth={"token": "slow"})
    assert (await a.ask("whoami"))["id"] == a.id


@scenario("several namespaces")
async def _(play, room):
    a = await play(namespaces=["/", "/plain", "/tenant-" + room])
    for name in a.namespaces:
        assert (await a.ask("whoami", namespace=name))["nsp"] == name
    assert await a.ask("everyone", namespace="/tenant-" + room) == [a.client.get_sid("/tenant-" + room)]


@scenario("rooms")
async def _(play, room):
    a, b, x = await play(), await play(), await play()
    assert await a.ask("join", room, room + "2") == [room, room + "2"]
    assert await b.ask("join", room) == [room]
    await x.ask("say", {"rooms": [room, room + "2"]}, "x", {"n": [1, "é"]})
    assert await a.next("x") == [{"n": [1, "é"]}]
    assert await b.next("x") == [{"n": [1, "é"]}]
    assert await a.ask("leave", room) == [room + "2"]
    await x.ask("say", {"rooms": [room]}, "x", "second")
    assert await b.next("x") == ["second"]
    await a.ask("rooms")
    await x.ask("rooms")
    assert a.got["/"] == [] and x.got["/"] == []


@scenario("except")
async def _(play, room):
    a, b, d = await play(), await play(), await play()
    for player in (a, b, d):
        await player.ask("join", room)
    await a.ask("say", {"rooms": [room], "self": False, "except": [d.id]}, "x", 1)
    assert await b.next("x") == [1]
    for player in (a, b, d):
        await player.ask("rooms")
        assert player.got["/"] == []


@scenario("namespaces are apart")
async def _(play, room):
    a = await play(namespaces=["/", "/plain"])
    await a.ask("join", room)
    await a.ask("join", room, namespace="/plain")
    await a.ask("say", {"rooms": [room]}, "x", 1)
    assert await a.next("x") == [1]
    await a.ask("rooms", namespace="/plain")
    assert a.got["/plain"] == []


@scenario("acks of every count")
async def _(play, room):
    a = await play()
    assert await a.ask("back", "x") in (None, [], ())
    assert await a.ask("echo", "one") == "one"
    assert list(await a.ask("ack-many")) == [1, "two", {"three": [3]}]


@scenario("the client answers")
async def _(play, room):
    a = await play(answers={"question": lambda *args: ("yes", b"\x09", [None])})
    await a.tell("ask", "question", 1)
    assert await a.next("answered") == ["yes", b"\x09", [None]]
    await a.tell("ask-timeout", 10_000, "question")
    assert await a.next("answered") == ["yes", b"\x09", [None]]


@scenario("a room answers")
async def _(play, room):
    a, b = await play(answers={"question": lambda: "a"}), await play(answers={"question": lambda: "b"})
    await a.ask("join", room)
    await b.ask("join", room)
    await a.tell("ask-room", 10_000, room, "question")
    complete, answers = await a.next("answers")
    assert complete is True and sorted(answers) == ["a", "b"], answers


@scenario("binary, nested")
async def _(play, room):
    a = await play()
    args = [b"\x00", {"a": [b"\x01\x02", {"b": b""}], "c": "text"}, bytes(range(256))]
    assert list(await a.ask("echo", *args)) == args
    assert await a.next("echo") == args


@scenario("strings survive")
async def _(play, room):
    a = await play()
    assert list(await a.ask("echo", *STRINGS)) == STRINGS
    await a.tell("back", "event é\x1e😀", "x")
    assert await a.next("event é\x1e😀") == ["x"]


@scenario("large payloads")
async def _(play, room):
    a = await play()
    text, data = "0123456789é€" * 80_000, bytes(range(256)) * 8_000
    for _ in range(3):
        assert await a.ask("echo", text) == text
        assert await a.ask("echo", data) == data


@scenario("a burst in order")
async def _(play, room):
    a = await play()
    await a.ask("burst", 500)
    assert await a.numbers("burst", 500) == list(range(500))


@scenario("sends in order")
async def _(play, room):
    a = await play()
    for n in range(100):
        await a.tell("echo", n)
    assert await a.numbers("echo", 100) == list(range(100))


@scenario("kicked from the namespace")
async def _(play, room):
    watcher = await play(Watcher())
    a = await play()
    sid = a.id
    await a.ask("join", room)
    await a.tell("kick", False)
    assert await a.left() == "server disconnect"
    await a.next("bye")
    entry = await watcher.log(what="disconnect", sid=sid)
    assert entry["reason"] == "server namespace disconnect" and entry["rooms"] == [room], entry


@scenario("kicked with the connection")
async def _(play, room):
    watcher = await play(Watcher())
    a = await play(namespaces=["/", "/plain"])
    sids = [a.client.get_sid(name) for name in a.namespaces]
    await a.tell("kick", True)
    for name in a.namespaces:
        await a.left(name)
    for sid in sids:
        assert (await watcher.log(what="disconnect", sid=sid))["reason"] == "server namespace disconnect"


@scenario("the client leaves")
async def _(play, room):
    watcher = await play(Watcher())
    a = await play()
    sid = a.id
    await a.sent()
    await a.close()
    entry = await watcher.log(what="disconnect", sid=sid)
    assert entry["reason"] in ("client namespace disconnect", "transport close"), entry


@scenario("heartbeats keep an idle client")
async def _(play, room):
    a = await play()
    sid = a.id
    await asyncio.sleep(1.5)  # several ping intervals: the idle time is what is tested
    assert (await a.ask("whoami"))["id"] == sid


async def main():
    for count, (name, run) in enumerate(SCENARIOS.items()):
        players = []

        async def play(player=None, namespaces=("/",), answers=None, **options):
            player = player or Player(namespaces, answers)
            players.append(player)
            return await player.connect(**options)

        outcome = {"name": name, "ok": True}
        try:
            await asyncio.wait_for(run(play, f"p{count}"), 40)
        except Exception:
            outcome = {"name": name, "ok": False, "error": traceback.format_exc(limit=4)}
        for player in players:
            try:
                await asyncio.wait_for(player.close(), PATIENCE)
            except asyncio.TimeoutError:
                # A client that is closed while the server closes it may wait for a thread of its own that has gone.
                pass
            except Exception as error:
                outcome |= {"ok": False, "error": f"closing: {error!r}"}
        print(json.dumps(outcome), flush=True)
    # Threads of such clients would be waited for.
    os._exit(0)


asyncio.run(main())
