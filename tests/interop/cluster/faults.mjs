// What becomes of a cluster when its Redis, or one of its nodes, does not do as it should. `a` is at the one node, `b` and `c` at the other.
import assert from "node:assert/strict";
import { ask, came, next, until } from "../scenarios/client.mjs";

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
    await redis.client.sendCommand(["CLIENT", "PAUSE", "3000", "ALL"]);
    let goes = false;
    redis.client.ping().then(() => { goes = true; });
    for (let n = 0; n < 20; n++) {
      await ask(a, "say", {}, "x", n);
      assert.deepEqual(await came(a), [["x", n]]);
    }
    assert.ok(!goes, "its own clients heard only when Redis went on");
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
