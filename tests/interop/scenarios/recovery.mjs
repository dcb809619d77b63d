// What stock clients see when they come back to their session. It must not use what Node's server gets wrong: that is in
// raw/recovery.mjs.
import assert from "node:assert/strict";
import { Cutter } from "../lib/cutter.mjs";
import { Clients, ask, came, down, manager, next, until, up } from "./client.mjs";

/** Waits until a client has the transport that it is to end up with. */
const settled = (a, kind) => until(
  () => new Promise((resolve) => setImmediate(() => resolve(a.io.engine?.transport.name))),
  (name) => name === (kind === "polling" ? "polling" : "websocket"), "the upgrade");

/** Its connection breaks, and the host has heard of it. */
async function cut(a, kind, host) {
  await settled(a, kind);
  const gone = down(a);
  const { id } = a;
  if (kind === "polling") a.io.engine.close();
  else a.io.engine.transport.ws.terminate();
  await Promise.all([gone, host.left(id)]);
}
/** The event without its offset, of which nothing is known but that it is a text. */
function plain([...event]) {
  assert.equal(typeof event.pop(), "string");
  return event;
}
/** A client that has heard an event, and comes back when it is told to. */
async function phone(c, nsp = "/", options = {}) {
  const a = await c.connect(nsp, { reconnection: false, ...options });
  assert.equal(a.recovered, false);
  await ask(a, "back", "heard");
  await next(a, "heard");
  return a;
}

export const recoveries = {
  async "what was said meanwhile comes once and in order"({ c, host, kind, room }) {
    const [a, b] = [await phone(c), await c.connect()];
    await ask(a, "join", room);
    await ask(a, "note", { n: 1 });
    const { id } = a;
    await cut(a, kind, host);
    const wanted = [];
    for (let n = 0; n < 60; n++) {
      await ask(b, "say", [{ rooms: [room] }, { rooms: [id] }, {}, { rooms: [room], except: [b.id] }][n % 4], "x", n, n % 5 ? "é" : Buffer.from([n]));
      await ask(b, "say", [{ except: [room] }, { rooms: ["elsewhere"] }, { except: [id] }, { volatile: true }][n % 4], "not for it", n);
      wanted.push(["x", n, n % 5 ? "é" : Buffer.from([n])]);
    }
    const order = [];
    a.on("connect", () => order.push("connect"));
    a.on("x", () => order.push("x"));
    a.connect();
    await up(a);
    assert.deepEqual([a.recovered, a.id], [true, id]);
    assert.deepEqual((await came(a)).map(plain), wanted);
    assert.deepEqual(order, [...wanted.map(() => "x"), "connect"]);
    assert.deepEqual([await ask(a, "rooms"), await ask(a, "noted"), await ask(b, "members", id)], [[[room]], [{ n: 1 }], [[id]]]);
    await ask(b, "say", { rooms: [room] }, "y");
    assert.deepEqual((await came(a)).map(plain), [["y"]]);
  },
  async "it comes back by itself, again and again, while others talk"({ c, host, kind, room }) {
    const [a, b] = [await phone(c, "/", { reconnection: true }), await c.connect()];
    await ask(a, "join", room);
    const { id } = a;
    const backs = [];
    a.on("connect", () => backs.push(a.recovered));
    let said = 0;
    let talking = true;
    const talk = (async () => {
      while (talking) await ask(b, "say", { rooms: [room] }, "x", said++);
    })();
    for (let n = 1; n <= 5; n++) {
      const from = said;
      await until(() => new Promise((resolve) => setImmediate(() => resolve(said))), (now) => now > from + 5, "some talk");
      await cut(a, kind, host);
      await up(a);
    }
    await settled(a, kind);
    talking = false;
    await talk;
    assert.deepEqual([backs, a.id], [Array(5).fill(true), id]);
    assert.deepEqual((await came(a)).map(plain), Array.from({ length: said }, (_, n) => ["x", n]));
  },
  async "each namespace of a connection by itself"({ c, host, kind, room }) {
    const a = await phone(c);
    const plainly = c.beside(a, "/plain");
    await up(plainly);
    await ask(plainly, "back", "heard");
    await next(plainly, "heard");
    const talkers = [await c.connect(), await c.connect("/plain")];
    const ids = [a.id, plainly.id];
    const gone = host.left(plainly.id);
    await cut(a, kind, host);
    await gone;
    for (let n = 0; n < 10; n++) for (const [at, talker] of talkers.entries()) await ask(talker, "say", {}, "x", at, n);
    a.connect();
    plainly.connect();
    await Promise.all([up(a), up(plainly)]);
    assert.deepEqual([a.id, plainly.id], ids);
    for (const [at, socket] of [a, plainly].entries()) {
      assert.equal(socket.recovered, true);
      assert.deepEqual((await came(socket)).map(plain), Array.from({ length: 10 }, (_, n) => ["x", at, n]));
    }
  },
  async "guarded: nobody is asked twice"({ c, host, kind }) {
    const a = await phone(c, "/guarded", { auth: { token: "secret" } });
    const { id } = a;
    await cut(a, kind, host);
    a.auth = { token: "forgotten" };
    a.connect();
    await up(a);
    assert.deepEqual([a.recovered, a.id], [true, id]);
    const [me] = await ask(a, "whoami");
    assert.deepEqual(Object.keys(me.auth).sort(), ["offset", "pid", "token"]);
  },
  async "who was kicked is somebody new"({ c }) {
    const a = await phone(c);
    const { id } = a;
    const gone = down(a);
    a.emit("kick", false);
    await gone;
    a.connect();
    await up(a);
    assert.equal(a.recovered, false);
    assert.notEqual(a.id, id);
  },
  // The one case of packages/socket.io-client/test/connection-state-recovery.ts.
  async "suite: should have an accessible socket id equal to the server-side socket id"({ c }) {
    const a = c.open("/", { reconnectionDelay: 10 });
    assert.equal(a.recovered, false);
    a.emit("back", "hi");
    await next(a, "hi");
    const { id } = a;
    const gone = down(a);
    a.io.engine.close();
    await gone;
    await up(a);
    assert.deepEqual([a.id, a.recovered], [id, true]);
    assert.equal((await ask(a, "whoami"))[0].id, id);
  },
};

/** Where the host's bytes break off while a client comes back, how many of the three that it missed have come by then, and whether the
 * answer to its CONNECT has. In front of what is in a frame there are two bytes. */
const BREAKS = {
  "in front of all": [{ text: '42["x",0', behind: -2 }, 0, false],
  "in the head of a frame": [{ text: '42["x",0', behind: -1 }, 0, false],
  "in the first": [{ text: '42["x",0', behind: 6 }, 0, false],
  "behind the first": [{ text: '42["x",1', behind: -2 }, 1, false],
  "in the last": [{ text: '42["x",2', behind: 3 }, 2, false],
  "behind the last": [{ text: '40{"sid"', behind: -2 }, 3, false],
  "in the answer to the CONNECT": [{ text: '40{"sid"', behind: 12 }, 3, false],
  "behind that answer": [{ text: '"now"', behind: -5 }, 3, true],
};

/** How these begin as the msgpack parser has them. */
const packed = {
  '42["x",0': Buffer.from("83a47479706502a46461746193a17800", "hex"),
  '42["x",1': Buffer.from("83a47479706502a46461746193a17801", "hex"),
  '42["x",2': Buffer.from("83a47479706502a46461746193a17802", "hex"),
  '40{"sid"': Buffer.from("83a47479706500a46461746182a3736964", "hex"),
  '"now"': Buffer.from("a36e6f77", "hex"),
};

/** Over a WebSocket alone: of a poll's answer a client hears all or nothing. */
export const breaks = Object.fromEntries(Object.entries(BREAKS).map(([where, [cut, heard, connected]]) =>
  [`its link breaks ${where}`, async ({ c, host, observer }) => {
    const cutter = await Cutter.open(host.port);
    const over = new Clients(cutter.url, "websocket", Boolean(c.parser));
    const a = await phone(over);
    const { id } = a;
    let gone = [down(a), host.left(id)];
    cutter.break();
    await Promise.all(gone);
    for (let n = 0; n < 3; n++) await ask(observer, "say", "/", {}, "x", n);
    cutter.cut = c.parser ? { ...cut, text: packed[cut.text] } : cut;
    gone = [manager(a, "close"), host.left(id)];
    a.auth = { greet: "now" };
    a.connect();
    await Promise.all(gone);
    a.auth = {};
    a.connect();
    await up(a);
    assert.deepEqual([a.recovered, a.id], [true, id]);
    const numbers = (await came(a)).map(plain).filter(([name]) => name === "x").map(([, n]) => n);
    // What came without that answer has not moved the client on, which keeps it, and is told it again.
    assert.deepEqual(numbers, connected ? [0, 1, 2] : [...[0, 1, 2].slice(0, heard), 0, 1, 2]);
    over.close();
    await cutter.close();
  }]));
