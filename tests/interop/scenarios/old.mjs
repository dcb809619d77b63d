// Stock clients of Socket.IO 1 and 2 in the place of those of 4, for the scenarios of table.mjs; and what they alone do.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { ask, down, next, until, up } from "./client.mjs";
import { within } from "../lib/raw.mjs";

const require = createRequire(import.meta.url);
const TRANSPORTS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

export class OldClients {
  #sockets = [];
  /** `version` is the number of the client's major version. */
  constructor(url, kind, version) {
    Object.assign(this, { url, kind, io: require(`socket.io-client-${version}`) });
  }
  /** A later client's `auth` is an old one's query of the namespace. */
  open(nsp = "/", { auth, ...options } = {}) {
    const query = auth && { query: auth };
    return this.#keep(this.io(this.url + nsp, {
      transports: TRANSPORTS[this.kind], forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 50, ...query, ...options,
    }));
  }
  beside(socket, nsp, { auth, ...options } = {}) {
    return this.#keep(socket.io.socket(nsp, { ...(auth && { query: auth }), ...options }));
  }
  #keep(socket) {
    socket.got = [];
    socket.waiting = [];
    const listeners = [];
    socket.onAny = (listener) => listeners.push(listener);
    if (!("active" in socket)) Object.defineProperty(socket, "active", { get: () => Boolean(socket.subs) });
    // All events come through here, with the function to answer by that the socket would make for its listeners.
    const { onevent } = socket;
    socket.onevent = function (packet) {
      const event = [...(packet.data ?? [])];
      if (packet.id !== undefined && packet.id !== null) event.push(socket.ack(packet.id));
      for (const listener of listeners) listener(...event);
      onevent.call(this, packet);
    };
    socket.onAny((...event) => {
      const at = socket.waiting.findIndex(({ name }) => name === event[0]);
      if (at >= 0) socket.waiting.splice(at, 1)[0].resolve(event.slice(1));
      else socket.got.push(event);
    });
    this.#sockets.push(socket);
    return socket;
  }
  async connect(nsp, options) {
    const socket = this.open(nsp, options);
    await up(socket);
    return socket;
  }
  close() {
    for (const socket of this.#sockets) socket.disconnect();
  }
}

/** What a refusal tells an old client: data, or the message alone. */
const refusal = (socket) => within(new Promise((resolve) => socket.once("error", resolve)), "a refusal");

/** Scenarios of table.mjs that are not for them, by why. */
export const NOT_OLD = [
  [/^(connect|handshake|auth as a function|connect with auth|handshake of a second namespace)$/, "of auth objects and of ids that the server makes"],
  [/^guarded: (a? ?refused|the main)|^unknown namespace$|^dynamic namespaces: a (refusal|name)/, "a refusal is another event"],
  [/^(leaving one namespace keeps the other|kicked from the namespace)$/, "a namespace entered again has the same id"],
  [/^(ack: never, the client gives up|retries of the client)$/, "they have no such thing"],
  [/^emitted on connect/, "of an auth object for /"],
];

/** The same for those of Socket.IO 1 alone. */
export const NOT_1 = [
  [/several namespaces|do not share rooms|accepted later|made once|a query of|leaving one|the client closes|kicked with|^shut down/, "its ids do not name the namespace, and it sends no query"],
  [/names of every kind|a burst|strings survive|large text/, "what is not ASCII it encodes twice over polling"],
];

/** In the place of those. */
export const olds = {
  async "in / with the id that it makes up"({ c }) {
    const a = await c.connect();
    const [me] = await ask(a, "whoami");
    assert.equal(me.id, a.io.engine.id);
    assert.equal(a.id, me.id);
    assert.deepEqual([me.nsp, me.auth, me.query.EIO], ["/", {}, "3"]);
  },
  async "a query of a namespace"({ c }) {
    const a = await c.connect("/plain", { auth: { token: "é &=+%", n: 1 } });
    const [me] = await ask(a, "whoami");
    assert.equal(me.id, `/plain#${a.io.engine.id}`);
    assert.equal(a.id, me.id);
    assert.deepEqual(me.auth, { token: "é &=+%", n: "1" });
    assert.deepEqual(me.query.token, "é &=+%");
  },
  async "guarded: let in, and refused"({ c }) {
    assert.equal((await ask(await c.connect("/guarded", { auth: { token: "secret" } }), "whoami"))[0].nsp, "/guarded");
    assert.equal((await ask(await c.connect("/guarded", { auth: { token: "slow" } }), "whoami"))[0].nsp, "/guarded");
    assert.deepEqual(await refusal(c.open("/guarded", { auth: { token: "wrong" } })), { code: "E_AUTH", retry: false });
    assert.equal(await refusal(c.open("/guarded", { auth: { token: "no-data" } })), "no data given");
  },
  async "unknown namespace"({ c }) {
    const a = await c.connect();
    assert.deepEqual(await refusal(c.beside(a, "/nowhere")), { message: "Invalid namespace" });
    assert.deepEqual(await ask(a, "echo", 1), [1]);
  },
  async "emitted on connect arrives after connect"({ c }) {
    const a = c.open("/plain", { auth: { greet: "hi" } });
    const order = [];
    a.on("connect", () => order.push("connect"));
    a.on("welcome", () => order.push("welcome"));
    assert.deepEqual(await next(a, "welcome"), ["hi"]);
    assert.deepEqual(order, ["connect", "welcome"]);
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
    assert.deepEqual(await ask(b, "echo", 1), [1]);
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
    assert.deepEqual(await ask(b, "echo", 1), [1]);
  },
  async "clients of both versions in one room"({ c, observer, room }) {
    const a = await c.connect();
    await ask(a, "join", room);
    await ask(observer, "say", "/", { rooms: [room] }, "x", 1, Buffer.from([1, 2, 255]));
    assert.deepEqual(await next(a, "x"), [1, Buffer.from([1, 2, 255])]);
    await until(() => ask(a, "volatile", "v").then(() => a.got), (got) => got.some(([name]) => name === "volatile"), "a volatile");
  },
};
