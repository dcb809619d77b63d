// What clients of two nodes see of each other. `a` is at the one, `b` and `c` are at the other; whatever is asked, is asked of `a`'s node.
import assert from "node:assert/strict";
import { Emitter } from "@socket.io/redis-emitter";
import { ask, came, down, next, until } from "../scenarios/client.mjs";

/** Everything that has come to a client of another node by the time that what was said last is there. */
async function heard(from, to) {
  if (from.fence) await from.fence(to);
  else {
    await ask(from, "say", { rooms: [to.id] }, "fence");
    await next(to, "fence");
  }
  return to.got.splice(0);
}
/** What was said before is heard before what is said behind it, also where they go over different servers. */
async function settled(from, to) {
  await from.fence?.(to);
}
/** It is in the room, and its node listens to what is emitted to it. */
async function join(socket, room) {
  await ask(socket, "join", room);
  await socket.listens(room);
}

export const scenarios = {
  async "to everybody"({ a, b, c }) {
    await ask(a, "say", {}, "x", 1);
    assert.deepEqual([await heard(a, a), await heard(a, b), await heard(a, c)], [[["x", 1]], [["x", 1]], [["x", 1]]]);
  },
  async "to everybody but the sender"({ a, b }) {
    await ask(a, "say", { self: false }, "x", 1);
    assert.deepEqual([await came(a), await heard(a, b)], [[], [["x", 1]]]);
  },
  async "to a room"({ a, b, c, room }) {
    await join(b, room);
    await ask(a, "say", { rooms: [room] }, "x", { deep: [1, "é", null, true, 1.5, -3] });
    assert.deepEqual([await came(a), await heard(a, b), await heard(a, c)], [[], [["x", { deep: [1, "é", null, true, 1.5, -3] }]], []]);
  },
  async "to two rooms, each once"({ a, b, c, room }) {
    await join(b, room);
    await join(b, room + "2");
    await join(c, room + "2");
    await ask(a, "say", { rooms: [room, room + "2"] }, "x");
    assert.deepEqual([await heard(a, b), await heard(a, c)], [[["x"]], [["x"]]]);
  },
  async "to all but a room"({ a, b, c, room }) {
    await join(b, room);
    await ask(a, "say", { except: [room] }, "x");
    assert.deepEqual([await heard(a, a), await heard(a, b), await heard(a, c)], [[["x"]], [], [["x"]]]);
  },
  async "to all but one, by its id"({ a, b, c }) {
    await ask(a, "say", { except: [b.id] }, "x");
    assert.deepEqual([await heard(a, b), await heard(a, c)], [[], [["x"]]]);
  },
  async "to one, by its id"({ a, b, c }) {
    await ask(a, "say", { rooms: [b.id] }, "x");
    assert.deepEqual([await came(a), await heard(a, b), await heard(a, c)], [[], [["x"]], []]);
  },
  async "to a room with a strange name"({ a, b, c, room }) {
    for (const strange of ["a#b", "#", "*", "[x]?", "\\", "é 水", "{slot}", "12345678901234567890", " "]) {
      const name = room + strange;
      await join(b, name);
      await ask(a, "say", { rooms: [name] }, "x", strange);
      assert.deepEqual([await heard(a, b), await heard(a, c)], [[["x", strange]], []]);
    }
  },
  async "binary"({ a, b, room }) {
    await join(b, room);
    const sent = [Buffer.from([1, 2, 255]), { in: [Buffer.alloc(0), Buffer.alloc(70_000, 7)] }, "text"];
    await ask(a, "say", { rooms: [room] }, "x", ...sent);
    assert.deepEqual(await heard(a, b), [["x", ...sent]]);
  },
  async "large and long"({ a, b }) {
    const sent = ["x".repeat(300_000), Array.from({ length: 70_000 }, (_, n) => n), Object.fromEntries(Array.from({ length: 300 }, (_, n) => ["k" + n, n]))];
    await ask(a, "say", { rooms: [b.id] }, "x", ...sent);
    assert.deepEqual(await heard(a, b), [["x", ...sent]]);
  },
  // From 2 ** 64 on Node writes numbers as 0.
  async "numbers and texts of every size"({ a, b }) {
    const sent = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -1, -32, -33, -128, -129, -32_768, -32_769,
      -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53) + 1, 2 ** 63, 0.1, -0.5, 5e-324, 1.7e-308, "", "a".repeat(31), "a".repeat(32), "é".repeat(200), "\u0000\u2028\ud83d\ude00",
      [], {}, [[]], { "": { a: null } }, false];
    await ask(a, "say", { rooms: [b.id] }, "x", ...sent);
    assert.deepEqual(await heard(a, b), [["x", ...sent]]);
  },
  async "to those of this node alone"({ a, b, c, room }) {
    await join(a, room);
    await join(b, room);
    await ask(a, "say", { rooms: [room], local: true }, "x");
    await ask(a, "say", { local: true }, "y");
    assert.deepEqual([await came(a), await heard(a, b), await heard(a, c)], [[["x"], ["y"]], [], []]);
  },
  async "volatile"({ a, b }) {
    await ask(a, "say", { rooms: [b.id], volatile: true }, "x", 1);
    assert.deepEqual(await heard(a, b), [["x", 1]]);
  },
  async "in the order in which it was said"({ a, b, c, room }) {
    await join(b, room);
    const wanted = [];
    for (let n = 0; n < 200; n++) {
      a.emit("say", [{ rooms: [room] }, { rooms: [b.id] }, {}, { rooms: [room, b.id] }][n % 4], "x", n);
      wanted.push(["x", n]);
    }
    assert.deepEqual(await heard(a, b), wanted);
    assert.deepEqual((await heard(a, c)).length, 50);
  },
  async "other namespaces hear nothing"({ a, b, beside }) {
    const other = await beside(b, "/plain");
    await ask(a, "say", {}, "x");
    assert.deepEqual([await heard(a, b), await came(other)], [[["x"]], []]);
  },
  async "a namespace that clients bring to life"({ a, b, beside, room }) {
    const [x, y] = [await beside(a, `/tenant-${room}`), await beside(b, `/tenant-${room}`)];
    // That the other node listens, it cannot know.
    let said = 0;
    await until(async () => { await ask(x, "say", { rooms: [y.id] }, "knock", said++); await ask(y, "rooms"); return y.got.length; }, (got) => got > 0, "the namespace");
    await heard(x, y);
    await ask(x, "say", { self: false }, "x", 1);
    assert.deepEqual([await heard(x, y), await heard(a, b)], [[["x", 1]], []]);
  },
  async "joined from elsewhere"({ a, b, c, room, observe }) {
    await ask(observe, "join", "/", b.id, room);
    await settled(a, b);
    await b.listens(room);
    await ask(a, "say", { rooms: [room] }, "x");
    assert.deepEqual([await heard(a, b), await heard(a, c)], [[["x"]], []]);
    assert.deepEqual(await ask(b, "rooms"), [[room]]);
  },
  async "taken out from elsewhere"({ a, b, c, room, observe }) {
    await join(b, room);
    await join(c, room);
    await ask(observe, "leave", "/", b.id, room);
    await settled(a, b);
    await ask(a, "say", { rooms: [room] }, "x");
    assert.deepEqual([await heard(a, b), await heard(a, c)], [[], [["x"]]]);
  },
  async "disconnected from elsewhere"({ b, c, beside, room, observe }) {
    const other = await beside(b, "/plain");
    await join(b, room);
    const gone = down(b);
    await ask(observe, "kick", "/", room, false);
    assert.equal(await gone, "io server disconnect");
    assert.deepEqual([await ask(c, "rooms"), await ask(other, "rooms")], [[[]], [[]]]);
  },
  async "disconnected from elsewhere with the connection"({ b, c, beside, room, observe }) {
    const other = await beside(b, "/plain");
    await join(b, room);
    const gone = [down(b), down(other)];
    await ask(observe, "kick", "/", room, true);
    // Which of them is told first is the server's to choose.
    assert.ok((await Promise.all(gone)).includes("io server disconnect"));
    assert.deepEqual(await ask(c, "rooms"), [[]]);
  },
  async "acknowledged by clients of both"({ a, b, c, room }) {
    for (const socket of [a, b, c]) {
      await join(socket, room);
      socket.on("q", (n, answer) => answer({ from: socket.id, n }));
    }
    a.emit("ask-room", 5_000, room, "q", 7);
    const [complete, answers] = await next(a, "answers");
    const sorted = (list) => [...list].sort((x, y) => (x.from < y.from ? -1 : 1));
    assert.equal(complete, true);
    assert.deepEqual(sorted(answers), sorted([a, b, c].map(({ id }) => ({ from: id, n: 7 }))));
  },
  async "acknowledged by one who is elsewhere, with bytes"({ a, b, room }) {
    await join(b, room);
    b.on("q", (bytes, answer) => answer([bytes, Buffer.from([9])], "more"));
    a.emit("ask-room", 5_000, room, "q", Buffer.from([1, 2]));
    assert.deepEqual(await next(a, "answers"), [true, [[Buffer.from([1, 2]), Buffer.from([9])]]]);
  },
  async "acknowledged by nobody"({ a, room }) {
    a.emit("ask-room", 5_000, room, "q");
    assert.deepEqual(await next(a, "answers"), [true, []]);
  },
  async "acknowledged by one of two"({ a, b, c, room }) {
    await join(b, room);
    await join(c, room);
    b.on("q", (answer) => answer(1));
    a.emit("ask-room", 300, room, "q");
    assert.deepEqual(await next(a, "answers"), [false, [1]]);
  },
  async "who is there"({ a, b, c, room, observe }) {
    await join(b, room);
    await join(c, room + "2");
    // A client is connected before the host of a node with loops has heard of it; what it asks is heard behind that.
    const told = await Promise.all([a, b, c].map(async (socket) => (await ask(socket, "whoami"))[0]));
    const [all] = await ask(observe, "fetch", "/", null);
    const known = new Map(all.map((socket) => [socket.id, socket]));
    for (const [n, rooms] of [[a.id], [b.id, room], [c.id, room + "2"]].entries()) {
      const { id, nsp, ...handshake } = told[n];
      assert.deepEqual(known.get(id)?.rooms, rooms.sort());
      assert.deepEqual(known.get(id).handshake, handshake);
    }
    assert.deepEqual((await ask(observe, "fetch", "/", room))[0].map(({ id }) => id), [b.id]);
    assert.deepEqual(await ask(observe, "fetch", "/", room + "3"), [[]]);
  },
  async "hosts tell each other"({ observe, there }) {
    await ask(observe, "server-emit", "/", "x", { n: [1] }, Buffer.from([1, 2]));
    const { nsp, args } = await there.log({ what: "said" });
    assert.deepEqual([nsp, args.slice(0, 2)], ["/", ["x", { n: [1] }]]);
  },
  async "hosts ask each other"({ observe }) {
    assert.deepEqual(await ask(observe, "server-ask", "/", 1, "two"), [[{ heard: [1, "two"] }]]);
  },
  async "how many nodes there are"({ observe }) {
    assert.deepEqual(await ask(observe, "nodes", "/"), [2]);
  },
  async "an emitter speaks to both"({ a, b, c, redis, room }) {
    const emitter = new Emitter(redis.client);
    await join(a, room);
    await join(b, room);
    const nodes = [a, b, c];
    const all = async (event) => {
      // What comes behind it over the same channels shows that there is nothing else.
      emitter.emit("fence");
      await Promise.all(nodes.map((socket) => next(socket, "fence")));
      return nodes.map((socket) => socket.got.splice(0).filter(([name]) => name === event).map((it) => it.slice(1)));
    };
    emitter.to(room).emit("x", 1, Buffer.from([1]), { n: null });
    assert.deepEqual(await all("x"), [[[1, Buffer.from([1]), { n: null }]], [[1, Buffer.from([1]), { n: null }]], []]);
    emitter.except(room).volatile.emit("x");
    assert.deepEqual(await all("x"), [[], [], [[]]]);
    emitter.in(c.id).socketsJoin(room + "2");
    emitter.in(room).socketsLeave(room);
    emitter.to([room, room + "2"]).emit("x", 2);
    assert.deepEqual(await all("x"), [[], [], [[2]]]);
    const gone = down(c);
    emitter.in(room + "2").disconnectSockets();
    assert.equal(await gone, "io server disconnect");
  },
};

/** What they publish is heard by nodes of that format alone. */
export const ofPubSub = ["an emitter speaks to both"];

/** Where it is not one server that carries all of it, what is said over different channels may overtake each other. */
export const ofOneServer = ["in the order in which it was said"];
