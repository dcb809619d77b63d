// What becomes of a cluster when its Redis, or one of its nodes, does not do as it should. `a` is at the one node, `b` and `c` at the other.
import assert from "node:assert/strict";
import { ask, came, down, next, until } from "../scenarios/client.mjs";

/** Says something until it is heard at the other node: that it listens again cannot be known otherwise. */
export async function reached(from, to, event = "knock") {
  let said = 0;
  await until(async () => {
    await ask(from, "say", { rooms: [to.id] }, event, said++);
    await ask(to, "rooms");
    return to.got.length;
  }, (got) => got > 0, "the other node");
  to.got.splice(0);
}

export const faults = {
  async "Redis is killed, and another one runs in its place, empty"({ a, b, redis, here, there }) {
    await redis.crash();
    await here.log({ what: "cluster down" });
    await ask(a, "say", {}, "alone", 1);
    assert.deepEqual(await came(a), [["alone", 1]], "its own clients hear it at once");
    await redis.run();
    await here.log({ what: "cluster up" });
    await reached(a, b);
    await reached(b, a);
  },
  async "Redis cuts those who listen"({ a, b, redis, here }) {
    await redis.client.sendCommand(["CLIENT", "KILL", "TYPE", "pubsub"]);
    await here.log({ what: "cluster down" });
    await here.log({ what: "cluster up" });
    await reached(a, b);
    await reached(b, a);
  },
  async "Redis cuts those who speak"({ a, b, redis }) {
    await redis.client.sendCommand(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    await reached(a, b);
    await reached(b, a);
  },
  async "Redis stands still"({ a, b, redis }) {
    redis.child.kill("SIGSTOP");
    for (let n = 0; n < 20; n++) {
      await ask(a, "say", {}, "x", n);
      assert.deepEqual(await came(a), [["x", n]], "its own clients hear it all the same");
    }
    redis.child.kill("SIGCONT");
    for (let n = 0; n < 20; n++) assert.deepEqual(await next(b, "x"), [n]);
  },
  async "the other node stands still"({ a, b, c, observe, other }) {
    other.child.kill("SIGSTOP");
    try {
      const [found] = await ask(observe, "fetch", "/", null);
      assert.ok(found.some(({ id }) => id === a.id));
      assert.deepEqual(await ask(observe, "server-ask", "/", 1), [[]]);
      a.emit("ask-room", 200, a.id, "q");
      a.on("q", (answer) => answer("mine"));
      assert.deepEqual(await next(a, "answers"), [false, ["mine"]]);
    } finally {
      other.child.kill("SIGCONT");
    }
    await reached(a, b);
    assert.ok((await ask(observe, "fetch", "/", null))[0].some(({ id }) => id === c.id));
  },
  async "what is no message of the format is passed over"({ a, b, redis }) {
    const { client } = redis;
    const junk = ["", "x", "{", "[]", "null", "\u00ff".repeat(9), '{"type":5}', '{"requestId":7,"type":"5","opts":3}', "\x93\xa1x", "\xdd\xff\xff\xff\xff", "\x81".repeat(200)];
    for (const text of junk) {
      const bytes = Buffer.from(text, "latin1");
      for (const channel of ["socket.io#/#", "socket.io#/#room#", "socket.io#/#\\#", "socket.io-request#/#", "socket.io-response#/#"]) {
        await client.publish(channel, bytes);
      }
    }
    await reached(a, b);
    await reached(b, a);
  },
  async "what a client says of itself is told as far as it is no burden"({ b, beside, observe }) {
    for (const [nsp, size, told] of [["/plain", 8_000, true], ["/custom", 9_000, false]]) {
      const other = await beside(b, nsp, { token: "x".repeat(size) });
      const [found] = await ask(observe, "fetch", nsp, other.id);
      assert.deepEqual(found.map(({ id, handshake }) => [id, "token" in handshake.auth]), [[other.id, told]]);
      other.disconnect();
    }
  },
};

/** Those of a Redis Cluster. Which channel, or which stream, carries what is said depends on the format. */
export const ofMasters = {
  async "a slot moves to another master"({ a, b, redis, here, there, room, carrier, isStream }) {
    await ask(b, "join", room);
    await b.listens(room);
    for (const host of [here, there]) await host.log({ what: "cluster up" });
    // Those who listen to what moves.
    const listening = carrier(room) === undefined ? [] : carrier(room).includes(room) ? [there] : [here, there];
    for (let round = 0; round < 3; round++) {
      const said = Array.from({ length: 60 }, (_, n) => ["x", round, n]);
      said.slice(0, 20).forEach((args) => a.emit("say", { rooms: [room] }, ...args));
      await redis.move(carrier(room) ?? "any");
      said.slice(20, 40).forEach((args) => a.emit("say", { rooms: [room] }, ...args));
      for (const host of listening) {
        await host.log({ what: "cluster down" });
        await host.log({ what: "cluster up" });
      }
      // A node may be down and up once more.
      await until(async () => { await ask(a, "say", { rooms: [room] }, "knock", round); await ask(b, "rooms"); return b.got; },
        (got) => got.some(([name, of]) => name === "knock" && of === round), "the room");
      said.slice(40).forEach((args) => a.emit("say", { rooms: [room] }, ...args));
      await ask(a, "say", { rooms: [room] }, "end", round);
      await next(b, "end");
      const got = b.got.splice(0).filter(([name]) => name === "x");
      // What nobody listens to is lost, of a stream nothing; all that is heard is in its order, and once.
      if (isStream) assert.deepEqual(got, said);
      assert.deepEqual(got, said.filter((args) => got.some((other) => other[2] === args[2])));
      assert.deepEqual(got.slice(-20), said.slice(40));
    }
    await reached(a, b);
    await reached(b, a);
  },
  async "a master dies, and its replica takes over"({ a, b, redis, here, there, carrier, room }) {
    for (const host of [here, there]) await host.log({ what: "cluster up" });
    await redis.kill(await redis.owner(carrier(room) ?? "any"));
    for (const host of [here, there]) await host.log({ what: "cluster down" });
    await ask(a, "say", {}, "alone", 1);
    assert.deepEqual(await came(a), [["alone", 1]], "its own clients hear it at once");
    for (const host of [here, there]) await host.log({ what: "cluster up" });
    await reached(a, b);
    await reached(b, a);
    // All that is listened to is heard again.
    for (const name of [room, room + "2", room + "3"]) {
      await ask(b, "join", name);
      await b.listens(name);
      await ask(a, "say", { rooms: [name] }, "to", name);
      assert.deepEqual(await next(b, "to"), [name]);
    }
  },
  async "a master and its replica change their parts"({ a, b, c, observe, redis, carrier, room }) {
    const master = await redis.owner(carrier(room) ?? "any");
    await redis.failover(master);
    await reached(a, b);
    await reached(b, a);
    // The old one is a replica, and goes.
    await redis.kill(master);
    await reached(a, b);
    await reached(b, a);
    await until(() => ask(observe, "nodes", "/"), ([nodes]) => nodes === 2, "both nodes");
    assert.ok((await ask(observe, "fetch", "/", null))[0].some(({ id }) => id === c.id));
  },
};

/** Those of the streams format alone. */
export const ofStreams = {
  async "Redis cuts those who read the stream, and nothing is lost"({ a, b, redis, here, there }) {
    for (let round = 0; round < 5; round++) {
      const said = Array.from({ length: 100 }, (_, n) => ["x", round, n]);
      said.slice(0, 50).forEach((args) => a.emit("say", { rooms: [b.id] }, ...args));
      let readers;
      await until(async () => {
        readers = (await redis.client.sendCommand(["CLIENT", "LIST"])).split("\n").filter((line) => / cmd=xread /.test(line));
        return readers.length;
      }, (count) => count === 2, "two that read");
      for (const reader of readers) await redis.client.sendCommand(["CLIENT", "KILL", "ID", /id=(\d+)/.exec(reader)[1]]);
      said.slice(50).forEach((args) => a.emit("say", { rooms: [b.id] }, ...args));
      await there.log({ what: "cluster down" });
      await there.log({ what: "cluster up" });
      await here.log({ what: "cluster up" });
      const got = [];
      while (got.length < said.length) got.push(["x", ...await next(b, "x")]);
      assert.deepEqual(got, said);
    }
  },
  async "what an emitter appends is heard, and what is no entry is passed over"({ a, b, c, redis, room }) {
    const append = (...fields) => redis.client.sendCommand(["XADD", "socket.io", "*", ...fields]);
    const say = (type, data) => append("uid", "emitter", "nsp", "/", "type", String(type), "data", JSON.stringify(data));
    const opts = (rooms, except = []) => ({ rooms, except, flags: {} });
    for (const fields of [["x", "y"], ["uid", "u", "nsp", "/", "type", "3"], ["uid", "u", "nsp", "/", "type", "3", "data", "{"], ["uid", "u", "nsp", "\xff", "type", "x", "data", "//8="]]) {
      await append(...fields);
    }
    await say(4, { opts: opts([b.id]), rooms: [room] });
    await say(3, { packet: { type: 2, data: ["x", 1] }, opts: opts([room, a.id]) });
    await say(3, { packet: { type: 2, data: ["y"] }, opts: opts([], [room]) });
    await say(5, { opts: opts([room]), rooms: [room] });
    await say(3, { packet: { type: 2, data: ["nobody"] }, opts: opts([room]) });
    await say(3, { packet: { type: 2, data: ["fence"] }, opts: opts([]) });
    for (const socket of [a, b, c]) await next(socket, "fence");
    assert.deepEqual([a, b, c].map((socket) => socket.got.splice(0)), [[["x", 1], ["y"]], [["x", 1]], [["y"]]]);
    const gone = down(b);
    await say(6, { opts: opts([b.id]), close: false });
    assert.equal(await gone, "io server disconnect");
  },
};
