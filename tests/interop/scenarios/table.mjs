// One behaviour per scenario, seen by stock clients. Each gets its own rooms and tenant by its name.
import assert from "node:assert/strict";
import { Clients, ask, came, down, manager, next, refused, until, up } from "./client.mjs";
import { Polling, Ws, within } from "../lib/raw.mjs";

const STRINGS = [
  "", "plain", "\u0000", "\u001e", "a\u001eb", "\u0007\b\t\n\r", "\u2028\u2029", "\u00e9\u00df", "\u3066\u3059\u3068", "\ud83d\ude00\ud83d\udc69\u200d\ud83d\udc67",
  "\"\\/'", "\ufeffbom", "\uffff\ufffd", "\u00ad\u200b", "</script>", "a".repeat(5000), "é".repeat(5000),
];
const bytes = (...values) => Buffer.from(values);
const sorted = (list) => [...list].sort();

export const scenarios = {
  async "connect"({ c }) {
    const a = await c.connect();
    const [me] = await ask(a, "whoami");
    assert.equal(me.id, a.id);
    assert.equal(me.nsp, "/");
    assert.match(a.id, /^[A-Za-z0-9_-]{20}$/);
    assert.notEqual(a.id, a.io.engine.id);
    assert.deepEqual(me.auth, {});
  },
  async "connect with auth"({ c }) {
    const auth = { token: "é\u2028", list: [1, null, { x: true }] };
    const a = await c.connect("/", { auth });
    const [me] = await ask(a, "whoami");
    assert.deepEqual(me.auth, auth);
  },
  async "auth as a function"({ c }) {
    const a = await c.connect("/plain", { auth: (send) => send({ n: 7 }) });
    assert.deepEqual((await ask(a, "whoami"))[0].auth, { n: 7 });
  },
  async "handshake"({ c, kind }) {
    const a = await c.connect("/", { query: { user: "é &=+%", n: 1 }, extraHeaders: { "X-Custom": "yes" } });
    const [me] = await ask(a, "whoami");
    assert.equal(me.headers["x-custom"], "yes");
    assert.equal(me.query.user, "é &=+%");
    assert.equal(me.query.n, "1");
    assert.equal(me.query.EIO, "4");
    assert.equal(me.query.transport, kind === "websocket" ? "websocket" : "polling");
    assert.match(me.address, /127\.0\.0\.1$/);
    assert.equal(me.xdomain, false);
    assert.equal(me.secure, Boolean(process.env.INTEROP_TLS));
    assert.ok(me.url.startsWith("/socket.io/?"), me.url);
    assert.ok(Math.abs(me.issued - Date.now()) < 60_000, "issued in ms");
    assert.ok(Math.abs(Date.parse(me.time) - me.issued) < 2000, "time is the same moment: " + me.time);
  },
  async "handshake of another origin"({ c }) {
    const a = await c.connect("/", { extraHeaders: { Origin: "http://elsewhere.example" } });
    assert.equal((await ask(a, "whoami"))[0].xdomain, true);
  },
  async "handshake of a second namespace"({ c }) {
    const a = await c.connect("/", { query: { user: "x" }, auth: { first: true } });
    const b = c.beside(a, "/plain", { auth: { second: true } });
    await up(b);
    const [me] = await ask(b, "whoami");
    assert.deepEqual([me.auth, me.query.user, me.nsp], [{ second: true }, "x", "/plain"]);
  },
  async "emitted on connect arrives after connect"({ c }) {
    const a = c.open("/", { auth: { greet: ["hi", 1] } });
    const order = [];
    a.on("connect", () => order.push("connect"));
    a.on("welcome", () => order.push("welcome"));
    assert.deepEqual(await next(a, "welcome"), [["hi", 1]]);
    assert.deepEqual(order, ["connect", "welcome"]);
  },
  async "guarded: accepted"({ c }) {
    const a = await c.connect("/guarded", { auth: { token: "secret" } });
    assert.equal((await ask(a, "whoami"))[0].nsp, "/guarded");
  },
  async "guarded: refused with data"({ c }) {
    const a = c.open("/guarded", { auth: { token: "wrong" } });
    const error = await refused(a);
    assert.equal(error.message, "not authorized");
    assert.deepEqual(error.data, { code: "E_AUTH", retry: false });
    assert.equal(a.active, false, "a refused client does not try again by itself");
    a.auth = { token: "secret" };
    a.connect();
    await up(a);
  },
  async "guarded: refused without data"({ c }) {
    const error = await refused(c.open("/guarded", { auth: { token: "no-data" } }));
    assert.equal(error.message, "no data given");
    assert.equal(error.data, undefined);
  },
  async "guarded: accepted later"({ c }) {
    const a = await c.connect("/guarded", { auth: { token: "slow" } });
    assert.equal((await ask(a, "whoami"))[0].id, a.id);
  },
  async "guarded: refused later"({ c }) {
    assert.equal((await refused(c.open("/guarded", { auth: { token: "slow-no" } }))).message, "not authorized");
  },
  async "guarded: a refused socket is in nobody's list"({ c, observer }) {
    // Those of earlier scenarios have left; the host may not have heard of it yet.
    await until(() => ask(observer, "everyone", "/guarded"), ([list]) => list.length === 0, "earlier sockets to go");
    await refused(c.open("/guarded"));
    assert.deepEqual(await ask(observer, "everyone", "/guarded"), [[]]);
  },
  async "guarded: the main namespace is not affected"({ c }) {
    const a = c.open("/guarded");
    await refused(a);
    const b = c.beside(a, "/");
    await up(b);
  },
  async "unknown namespace"({ c }) {
    const a = await c.connect();
    const b = c.beside(a, "/nowhere");
    const error = await refused(b);
    assert.equal(error.message, "Invalid namespace");
    assert.deepEqual(await ask(a, "echo", 1), [1]);
  },
  async "several namespaces, one connection"({ c }) {
    const a = await c.connect();
    const b = c.beside(a, "/plain");
    await up(b);
    assert.notEqual(a.id, b.id);
    await ask(a, "echo", "a");
    await ask(b, "echo", "b");
    assert.deepEqual([await next(a, "echo"), await next(b, "echo")], [["a"], ["b"]]);
  },
  async "namespaces do not share rooms"({ c, room }) {
    const a = await c.connect();
    const b = c.beside(a, "/plain");
    await up(b);
    await ask(a, "join", room);
    await ask(b, "join", room);
    await ask(a, "say", { rooms: [room] }, "x", 1);
    assert.deepEqual(await came(b), []);
    assert.deepEqual(await came(a), [["x", 1]]);
    assert.deepEqual(await ask(b, "members", room), [[b.id]]);
    await ask(b, "say", { rooms: [a.id] }, "x", 1);
    assert.deepEqual(await came(a), []);
  },
  async "leaving one namespace keeps the other"({ c, host }) {
    const a = await c.connect();
    const b = c.beside(a, "/plain");
    await up(b);
    const { id } = b;
    b.disconnect();
    assert.equal((await host.left(id)).reason, "client namespace disconnect");
    assert.deepEqual(await ask(a, "echo", 1), [1]);
    b.connect();
    await up(b);
    assert.notEqual(b.id, id);
  },

  async "rooms: join and leave"({ c, room }) {
    const a = await c.connect();
    assert.deepEqual(await ask(a, "rooms"), [[]]);
    assert.deepEqual(await ask(a, "join", room + 1), [[room + 1]]);
    assert.deepEqual(await ask(a, "join", room + 2, room + 3, room + 1), [[room + 1, room + 2, room + 3]]);
    assert.deepEqual(await ask(a, "leave", room + 2), [[room + 1, room + 3]]);
    assert.deepEqual(await ask(a, "leave", "never joined"), [[room + 1, room + 3]]);
    assert.deepEqual(await ask(a, "members", room + 1), [[a.id]]);
    assert.deepEqual(await ask(a, "members", room + 2), [[]]);
    assert.deepEqual(await ask(a, "members", a.id), [[a.id]]);
  },
  async "rooms: a room lives as long as its members"({ c, observer, host, room }) {
    const a = await c.connect("/tenant-" + room);
    const b = await c.connect("/tenant-" + room);
    await ask(a, "join", "r");
    await ask(b, "join", "r", "s");
    assert.deepEqual(await ask(a, "room-list"), [["r", "s"]]);
    const { id } = b;
    b.disconnect();
    await host.left(id);
    assert.deepEqual(await ask(a, "room-list"), [["r"]]);
    await ask(a, "leave", "r");
    assert.deepEqual(await ask(a, "room-list"), [[]]);
  },
  async "rooms: names of every kind"({ c, room }) {
    const a = await c.connect("/tenant-" + room);
    const names = STRINGS.filter((name) => name !== "");
    await ask(a, "join", ...names);
    for (const name of names) await ask(a, "say", { rooms: [name] }, "in", name);
    assert.deepEqual(await came(a), names.map((name) => ["in", name]));
  },
  async "to one room"({ c, room }) {
    const [a, b, x] = [await c.connect(), await c.connect(), await c.connect()];
    await ask(a, "join", room);
    await ask(b, "join", room);
    await ask(x, "say", { rooms: [room] }, "x", { n: [1] });
    assert.deepEqual(await came(a), [["x", { n: [1] }]]);
    assert.deepEqual(await came(b), [["x", { n: [1] }]]);
    assert.deepEqual(await came(x), []);
  },
  async "to several rooms, one copy each"({ c, room }) {
    const [a, b] = [await c.connect(), await c.connect()];
    await ask(a, "join", room + 1, room + 2);
    await ask(b, "join", room + 2);
    await ask(a, "say", { rooms: [room + 1, room + 2, a.id] }, "x");
    assert.deepEqual(await came(a), [["x"]]);
    assert.deepEqual(await came(b), [["x"]]);
  },
  async "to one socket by its id"({ c }) {
    const [a, b] = [await c.connect(), await c.connect()];
    await ask(a, "say", { rooms: [b.id] }, "x", "private");
    assert.deepEqual(await came(a), []);
    assert.deepEqual(await came(b), [["x", "private"]]);
  },
  async "except the sender"({ c, room }) {
    const [a, b] = [await c.connect(), await c.connect()];
    await ask(a, "join", room);
    await ask(b, "join", room);
    await ask(a, "say", { rooms: [room], self: false }, "x");
    assert.deepEqual(await came(a), []);
    assert.deepEqual(await came(b), [["x"]]);
  },
  async "except rooms and sockets"({ c, room }) {
    const [a, b, d, e] = [await c.connect(), await c.connect(), await c.connect(), await c.connect()];
    for (const socket of [a, b, d, e]) await ask(socket, "join", room);
    await ask(b, "join", room + "out");
    await ask(a, "say", { rooms: [room], except: [room + "out", d.id, "nobody"] }, "x");
    assert.deepEqual([await came(a), await came(b), await came(d), await came(e)], [[["x"]], [], [], [["x"]]]);
  },
  async "to the whole namespace"({ c, room }) {
    const tenant = "/tenant-" + room;
    const [a, b, other] = [await c.connect(tenant), await c.connect(tenant), await c.connect(tenant + "2")];
    await ask(a, "say", {}, "x", 1);
    await ask(a, "say", { self: false }, "x", 2);
    assert.deepEqual(await came(a), [["x", 1]]);
    assert.deepEqual(await came(b), [["x", 1], ["x", 2]]);
    assert.deepEqual(await came(other), []);
  },
  async "to nobody"({ c }) {
    const a = await c.connect();
    await ask(a, "say", { rooms: ["nobody is here"] }, "x");
    await ask(a, "say", { rooms: [a.id], except: [a.id] }, "x");
    assert.deepEqual(await came(a), []);
  },
  async "from outside any socket"({ c, observer, room }) {
    const [a, b] = [await c.connect(), await c.connect()];
    await ask(a, "join", room);
    await ask(observer, "say", "/", { rooms: [room, b.id] }, "x", bytes(1));
    assert.deepEqual(await came(a), [["x", bytes(1)]]);
    assert.deepEqual(await came(b), [["x", bytes(1)]]);
  },
  async "membership counts when the emit is called"({ c, room }) {
    const a = await c.connect();
    await ask(a, "leave-between", room);
    assert.deepEqual(await came(a), [["between", "member"], ["between", "member again"]]);
  },
  async "one order for direct, room, namespace emits and acks"({ c, room }) {
    const a = await c.connect("/tenant-" + room);
    const order = [];
    a.onAny((_, n) => order.push(n));
    a.emit("mixed", "r", (n) => order.push(n));
    await came(a);
    await came(a);
    assert.deepEqual(order, [1, 2, 3, 4, 5, 6]);
  },
  async "a burst arrives in order"({ c }) {
    const a = await c.connect();
    await ask(a, "burst", 2000, "é");
    const got = await came(a);
    assert.deepEqual(got, Array.from({ length: 2000 }, (_, n) => ["burst", n, "é"]));
  },
  async "many members"({ c, room }) {
    const sockets = await Promise.all(Array.from({ length: 40 }, () => c.connect()));
    await Promise.all(sockets.map((socket) => ask(socket, "join", room)));
    for (let n = 0; n < 5; n++) await ask(sockets[0], "say", { rooms: [room] }, "x", n);
    for (const socket of sockets) assert.deepEqual(await came(socket), [0, 1, 2, 3, 4].map((n) => ["x", n]));
  },

  async "ack: none, one, many arguments"({ c }) {
    const a = await c.connect();
    assert.deepEqual(await ask(a, "back", "x"), []);
    assert.deepEqual(await ask(a, "echo", "one"), ["one"]);
    assert.deepEqual(await ask(a, "ack-many"), [1, "two", { three: [3] }]);
  },
  async "ack: a hundred at once"({ c }) {
    const a = await c.connect();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => ask(a, "echo", n)));
    assert.deepEqual(answers, Array.from({ length: 100 }, (_, n) => [n]));
  },
  async "ack: at most once"({ c }) {
    const a = await c.connect();
    const acks = [];
    a.emit("ack-twice", (which) => acks.push(which));
    await came(a);
    assert.deepEqual(acks, ["first"]);
  },
  async "ack: never, the client gives up"({ c }) {
    const a = await c.connect();
    await assert.rejects(a.timeout(50).emitWithAck("ack-never"), /timed out/);
    await assert.rejects(a.timeout(50).emitWithAck("nobody listens"), /timed out/);
  },
  async "ack: binary"({ c }) {
    const a = await c.connect();
    assert.deepEqual(await ask(a, "echo", bytes(1, 2), { x: [bytes()] }), [bytes(1, 2), { x: [bytes()] }]);
  },
  async "retries of the client"({ c }) {
    const a = await c.connect("/", { retries: 2, ackTimeout: 5000 });
    assert.deepEqual(await a.emitWithAck("echo", 1), 1);
    assert.deepEqual(await a.emitWithAck("echo", 2), 2);
  },
  async "ask: the client answers"({ c }) {
    const a = await c.connect();
    a.emit("ask", "question", 1, { x: 2 });
    const [one, two, answer] = await next(a, "question");
    assert.deepEqual([one, two], [1, { x: 2 }]);
    answer("yes", bytes(9), [null]);
    assert.deepEqual(await next(a, "answered"), ["yes", bytes(9), [null]]);
  },
  async "ask: no arguments"({ c }) {
    const a = await c.connect();
    a.emit("ask", "question");
    (await next(a, "question"))[0]();
    assert.deepEqual(await next(a, "answered"), []);
  },
  async "ask: several at once, answered in reverse"({ c }) {
    const a = await c.connect();
    for (let n = 0; n < 5; n++) a.emit("ask", "question", n);
    const questions = [];
    for (let n = 0; n < 5; n++) questions.push(await next(a, "question"));
    for (const [n, answer] of questions.reverse()) answer(n);
    for (let n = 4; n >= 0; n--) assert.deepEqual(await next(a, "answered"), [n]);
  },
  async "ask: answered in time"({ c }) {
    const a = await c.connect();
    a.emit("ask-timeout", 10_000, "question");
    (await next(a, "question"))[0]("in time");
    assert.deepEqual(await next(a, "answered"), ["in time"]);
  },
  async "ask: too late"({ c }) {
    const a = await c.connect();
    a.emit("ask-timeout", 30, "question");
    const [answer] = await next(a, "question");
    await next(a, "unanswered");
    answer("late");
    assert.deepEqual(await came(a), []);
  },
  async "ask: the client leaves instead"({ c, host }) {
    const a = await c.connect();
    a.emit("ask", "question");
    await next(a, "question");
    const { id } = a;
    a.disconnect();
    assert.equal((await host.left(id)).reason, "client namespace disconnect");
  },
  async "ask a room: all answer"({ c, room }) {
    const [a, b, d] = [await c.connect(), await c.connect(), await c.connect()];
    for (const socket of [a, b]) {
      await ask(socket, "join", room);
      socket.on("question", (_, answer) => answer(socket.id, "second is dropped"));
    }
    d.emit("ask-room", 10_000, room, "question", "?");
    const [complete, answers] = await next(d, "answers");
    assert.equal(complete, true);
    assert.deepEqual(sorted(answers), sorted([a.id, b.id]));
  },
  async "ask a room: some answer"({ c, room }) {
    const [a, b] = [await c.connect(), await c.connect()];
    await ask(a, "join", room);
    await ask(b, "join", room);
    a.on("question", (answer) => answer("here"));
    // On a busy machine the answer may come too late at first: then there is more time for the next.
    for (let answers = [], time = 300; answers.length === 0; time *= 2) {
      a.emit("ask-room", time, room, "question");
      const [complete, some] = await next(a, "answers");
      assert.equal(complete, false);
      assert.ok(some.length === 0 || some[0] === "here" && some.length === 1, some);
      answers = some;
    }
  },
  async "ask a room: nobody there"({ c }) {
    const a = await c.connect();
    a.emit("ask-room", 10_000, "nobody is here", "question");
    assert.deepEqual(await next(a, "answers"), [true, []]);
  },
  async "ask a room: binary answers"({ c, room }) {
    const a = await c.connect();
    await ask(a, "join", room);
    a.on("question", (given, answer) => answer({ got: given }));
    a.emit("ask-room", 10_000, room, "question", bytes(1, 2, 3));
    assert.deepEqual(await next(a, "answers"), [true, [{ got: bytes(1, 2, 3) }]]);
  },

  async "binary: nested, several, empty"({ c }) {
    const a = await c.connect();
    const args = [bytes(0), { a: [bytes(1, 2), { b: bytes() }], c: "text" }, [[bytes(255)]], bytes(...Array.from({ length: 256 }, (_, n) => n))];
    assert.deepEqual(await ask(a, "echo", ...args), args);
    assert.deepEqual(await next(a, "echo"), args);
  },
  async "binary: ten attachments"({ c }) {
    const a = await c.connect();
    const args = Array.from({ length: 10 }, (_, n) => bytes(n));
    assert.deepEqual(await ask(a, "echo", ...args), args);
  },
  async "binary: to a room, between texts"({ c, room }) {
    const [a, b] = [await c.connect(), await c.connect()];
    await ask(a, "join", room);
    await ask(b, "join", room);
    for (let n = 0; n < 20; n++) a.emit("say", { rooms: [room] }, "x", n % 2 ? bytes(n) : n);
    await came(a);
    assert.deepEqual(await came(b), Array.from({ length: 20 }, (_, n) => ["x", n % 2 ? bytes(n) : n]));
  },
  async "strings survive"({ c }) {
    const a = await c.connect();
    assert.deepEqual(await ask(a, "echo", ...STRINGS), STRINGS);
    const object = Object.fromEntries(STRINGS.map((string, n) => [string, n]));
    assert.deepEqual(await ask(a, "echo", object), [object]);
    for (const name of STRINGS) {
      await ask(a, "back", "event " + name, name);
      assert.deepEqual(await next(a, "event " + name), [name]);
    }
  },
  async "JSON of every kind"({ c }) {
    const a = await c.connect();
    // The msgpack parser itself makes another number of one that is whole and has more than 64 bits.
    const args = [null, true, false, 0, -1, 1.5, c.parser ? 1e19 : 1e21, 1e-7, 9007199254740991, [], {}, [[[]]], { a: { b: { c: null } } }, "42[\"x\"]"];
    assert.deepEqual(await ask(a, "echo", ...args), args);
    assert.deepEqual(await ask(a, "echo"), []);
  },
  async "large text and binary, three times"({ c }) {
    const a = await c.connect();
    const text = "0123456789abcdé€".repeat(80_000);
    const data = Buffer.alloc(8_000_000, "binary!");
    for (let n = 0; n < 3; n++) {
      assert.ok((await ask(a, "echo", text))[0] === text);
      await next(a, "echo");
      assert.ok(data.equals((await ask(a, "echo", data))[0]));
      await next(a, "echo");
    }
  },
  async "volatile reaches a ready client"({ c }) {
    const a = await c.connect();
    // Over polling the next poll has to be waiting at the host: it may take a few tries.
    await until(() => ask(a, "volatile", "v").then(() => came(a)), (got) => got.some(([name]) => name === "volatile"), "a volatile");
  },

  async "the client leaves the namespace"({ c, host, room }) {
    const a = await c.connect();
    await ask(a, "join", room);
    const { id } = a;
    const reason = down(a);
    a.disconnect();
    assert.equal(await reason, "io client disconnect");
    assert.deepEqual((await host.left(id)).rooms, [room]);
    const b = await c.connect();
    assert.deepEqual(await ask(b, "members", room), [[]]);
  },
  async "the client closes the connection"({ c, host, room }) {
    const a = await c.connect("/", { reconnection: false });
    const b = c.beside(a, "/plain");
    await up(b);
    await ask(a, "join", room);
    const ids = [a.id, b.id];
    a.io.engine.close();
    assert.deepEqual(await host.left(ids[0]), { reason: "transport close", rooms: [room] });
    assert.deepEqual(await host.left(ids[1]), { reason: "transport close", rooms: [] });
  },
  async "the connection breaks and the client comes back"({ c, host, kind, room }) {
    const a = await c.connect();
    if (kind === "upgrade" && a.io.engine.transport.name !== "websocket") {
      await until(() => new Promise((resolve) => setImmediate(() => resolve(a.io.engine.transport.name))), (name) => name === "websocket", "the upgrade");
    }
    await ask(a, "join", room);
    const { id } = a;
    // The host may hear of it before the client does: both are waited for.
    const gone = down(a);
    if (kind === "polling") a.io.engine.close();
    else a.io.engine.transport.ws.terminate();
    const { reason, rooms } = await host.left(id);
    await gone;
    assert.ok(["transport close", "transport error"].includes(reason), reason);
    assert.deepEqual(rooms, [room]);
    await up(a);
    assert.notEqual(a.id, id);
    assert.deepEqual(await ask(a, "rooms"), [[]]);
  },
  async "kicked from the namespace"({ c, host, room }) {
    const a = await c.connect();
    const b = c.beside(a, "/plain");
    await up(b);
    await ask(a, "join", room);
    const { id } = a;
    const reason = down(a);
    a.emit("kick", false);
    assert.equal(await reason, "io server disconnect");
    await next(a, "bye");
    assert.deepEqual(await host.left(id), { reason: "server namespace disconnect", rooms: [room] });
    assert.equal(a.active, false);
    assert.deepEqual(await ask(b, "echo", 1), [1]);
    a.connect();
    await up(a);
    assert.notEqual(a.id, id);
  },
  async "kicked with the connection"({ c, host }) {
    const a = await c.connect("/", { reconnection: false });
    const b = c.beside(a, "/plain");
    await up(b);
    const ids = [a.id, b.id];
    const reasons = Promise.all([down(a), down(b)]);
    a.emit("kick", true);
    const seen = await reasons;
    await next(a, "bye");
    assert.deepEqual(seen, ["io server disconnect", "io server disconnect"]);
    for (const id of ids) assert.equal((await host.left(id)).reason, "server namespace disconnect");
  },
  async "a whole room is kicked"({ c, host, room }) {
    const [a, b, d] = [await c.connect(), await c.connect(), await c.connect()];
    await ask(a, "join", room);
    await ask(b, "join", room);
    const ids = [a.id, b.id];
    const reasons = Promise.all([down(a), down(b)]);
    d.emit("kick-room", room, false);
    assert.deepEqual(await reasons, ["io server disconnect", "io server disconnect"]);
    await next(a, "bye");
    await next(b, "bye");
    for (const id of ids) assert.deepEqual((await host.left(id)).rooms, [room]);
    assert.deepEqual(await ask(d, "members", room), [[]]);
  },
  async "a gone socket joins nothing"({ c, observer, host, room }) {
    const a = await c.connect();
    const { id } = a;
    a.emit("kick-and-use", room);
    await host.left(id);
    assert.deepEqual(await ask(observer, "members", "/", room), [[]]);
    assert.ok(!(await ask(observer, "everyone", "/"))[0].includes(id));
    assert.ok(!a.got.some(([name]) => name === "echo"));
  },
  async "connections are forgotten"({ c, observer, host }) {
    await until(() => ask(observer, "connections"), ([now]) => now === 1, "earlier connections to go");
    const sockets = await Promise.all(Array.from({ length: 20 }, () => c.connect()));
    assert.equal((await ask(observer, "connections"))[0], 21);
    const ids = sockets.map(({ id }) => id);
    for (const socket of sockets) socket.disconnect();
    for (const id of ids) await host.left(id);
    await until(() => ask(observer, "connections"), ([now]) => now === 1, "the connections to go");
    assert.ok(!(await ask(observer, "everyone", "/"))[0].some((id) => ids.includes(id)));
  },
  async "connect and leave at once, again and again"({ c, observer, kind }) {
    await until(() => ask(observer, "connections"), ([now]) => now === 1, "earlier connections to go");
    const left = [];
    for (let n = 0; n < 30; n++) {
      const a = c.open();
      // A client that is told to leave before it is in says nothing of that over polling, also to the reference: its session is there
      // until its ping is overdue, as with "a session that never polls".
      if (n % 3 === 0 && kind === "websocket") a.disconnect();
      else left.push(up(a).then(() => a.disconnect()));
    }
    await Promise.all(left);
    await until(() => ask(observer, "connections"), ([now]) => now === 1, "the connections to go");
  },

  async "dynamic namespaces: made once, gone when empty"({ c, observer, host, room }) {
    const tenant = "/tenant-" + room;
    const has = async () => (await ask(observer, "namespaces"))[0].includes(tenant);
    assert.equal(await has(), false);
    const sockets = await Promise.all([c.connect(tenant), c.connect(tenant), c.connect(tenant)]);
    assert.equal(await has(), true);
    assert.deepEqual(await ask(sockets[0], "everyone"), [sorted(sockets.map(({ id }) => id))]);
    const ids = sockets.map(({ id }) => id);
    for (const socket of sockets) socket.disconnect();
    for (const id of ids) await host.left(id);
    await until(has, (there) => !there, "the namespace to go");
    const again = await c.connect(tenant);
    assert.deepEqual(await ask(again, "everyone"), [[again.id]]);
  },
  async "dynamic namespaces: a refusal leaves none"({ c, observer, room }) {
    const tenant = "/tenant-" + room;
    const error = await refused(c.open(tenant, { auth: { refuse: true } }));
    assert.deepEqual([error.message, error.data], ["tenant refused", { tenant }]);
    assert.ok(!(await ask(observer, "namespaces"))[0].includes(tenant));
  },
  async "dynamic namespaces: a name that does not fit"({ c }) {
    assert.equal((await refused(c.open("/tenant-"))).message, "Invalid namespace");
    assert.equal((await refused(c.open("/tenant-UPPER"))).message, "Invalid namespace");
  },
  async "dynamic namespaces: an emit to all of them"({ c, observer, room }) {
    const [a, b, plain] = [await c.connect(`/tenant-${room}1`), await c.connect(`/tenant-${room}2`), await c.connect("/plain")];
    await ask(observer, "say-tenants", "all", 1);
    assert.deepEqual([await came(a), await came(b), await came(plain)], [[["all", 1]], [["all", 1]], []]);
  },
  async "static namespaces stay when empty"({ observer }) {
    const [names] = await ask(observer, "namespaces");
    for (const name of ["/", "/plain", "/custom", "/guarded", "/observer"]) assert.ok(names.includes(name), name);
  },

  async "heartbeats keep an idle client"({ c }) {
    const a = await c.connect();
    const { id } = a;
    for (let n = 0; n < 4; n++) await manager(a, "ping");
    assert.deepEqual(await ask(a, "echo", 1), [1]);
    assert.equal(a.id, id);
  },
  async "order across the upgrade, both ways"({ c, kind }) {
    const a = c.open();
    let upgrading = kind === "upgrade";
    if (upgrading) a.io.engine.once("upgrade", () => { upgrading = false; });
    await up(a);
    const acked = [];
    let n = 0;
    // Keeps both directions busy until the upgrade is over, and a good while longer.
    for (let after = 0; after < 10; after += upgrading ? 0 : 1) {
      a.emit("burst", 5, n);
      const mine = n++;
      acked.push(ask(a, "echo", mine).then(([answer]) => assert.equal(answer, mine)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(acked);
    const got = await came(a);
    assert.deepEqual(got, Array.from({ length: n }, (_, k) => [
      ...Array.from({ length: 5 }, (_, m) => ["burst", m, k]), ["echo", k],
    ]).flat());
    assert.equal(a.io.engine.transport.name, kind === "polling" ? "polling" : "websocket");
  },
  async "a reader that is not reading holds up nobody"({ c, port, room }) {
    const stuck = await Ws.open(port, "/socket.io/?EIO=4&transport=websocket");
    await stuck.next();
    stuck.send("40");
    await stuck.next();
    stuck.send(`42["join","${room}"]`);
    stuck.link.socket.pause();
    const a = await c.connect();
    await until(() => ask(a, "members", room), ([list]) => list.length === 1, "the stuck reader's join");
    await ask(a, "join", room);
    const chunk = "x".repeat(200_000);
    for (let n = 0; n < 30; n++) await ask(a, "say", { rooms: [room] }, "x", n, chunk);
    assert.deepEqual((await came(a)).map(([, n]) => n), Array.from({ length: 30 }, (_, n) => n));
    stuck.close();
  },
  async "a session that never polls holds up nobody"({ c, port, room }) {
    const lazy = await Polling.open(port);
    await lazy.join();
    await lazy.post(`42["join","${room}"]`);
    const a = await c.connect();
    for (let n = 0; n < 50; n++) await ask(a, "say", { rooms: [room, a.id] }, "x", n);
    assert.deepEqual((await came(a)).map(([, n]) => n), Array.from({ length: 50 }, (_, n) => n));
    const { packets } = await lazy.drain('42["x",49]');
    assert.deepEqual(packets.filter((packet) => packet !== "2"), Array.from({ length: 50 }, (_, n) => `42["x",${n}]`));
  },
};

/** Scenarios that end their host: each gets one of its own. */
export const endings = {
  async "shut down"({ c, host, observer }) {
    const a = await c.connect("/", { reconnection: false });
    const b = c.beside(a, "/plain");
    await up(b);
    const ids = [a.id, b.id];
    const reasons = Promise.all([down(a), down(b)]);
    observer.emit("shutdown");
    for (const reason of await reasons) assert.ok(["transport close", "transport error"].includes(reason), reason);
    for (const id of ids) assert.equal((await host.left(id)).reason, "server shutting down");
    observer.disconnect();
    await host.line((line) => line === "closed");
    assert.deepEqual(await host.exited, { code: 0, signal: null });
  },
  async "restart on the same port"({ c, host, observer, port }) {
    const a = await c.connect();
    const { id } = a;
    const gone = down(a);
    observer.emit("restart");
    assert.equal((await host.left(id)).reason, "server shutting down");
    await host.line((line) => line === `listening on ${port}`);
    await gone;
    // Its first tries may have come too early.
    if (!a.connected) await within(new Promise((resolve) => a.once("connect", resolve)), "a connection again");
    assert.notEqual(a.id, id);
    assert.deepEqual(await ask(a, "echo", 1), [1]);
  },
};

export const KINDS = ["polling", "websocket", "upgrade"];
export { Clients };
