// Clients that come back to another node than the one they were at, in clusters whose nodes leave their sessions in Redis. `b` is at
// the node `there` and goes over to `here`, where `a` is; `c` stays there.
import assert from "node:assert/strict";
import { ask, down, next, until, up } from "../scenarios/client.mjs";

/** Its connection ends, as with a network that is gone, and its node has left its session to the others. */
async function cut(socket, at, redis) {
  const gone = down(socket);
  const { id, _pid: pid } = socket;
  socket.io.reconnection(false);
  socket.io.engine.transport.ws.terminate();
  await Promise.all([gone, at.left(id)]);
  await until(() => redis.client.sendCommand(["EXISTS", `sio:session:${pid}`]), (count) => count === 1, "the session");
}
/** It comes back, to this node. */
async function back(socket, to) {
  socket.io.uri = to.url;
  socket.connect();
  await up(socket);
}
/** An event without its offset, which is an entry's place in the stream. */
function plain([...event]) {
  assert.match(event.pop(), /^\d+-\d+$/);
  return event;
}
/** Everything that has come to a client by the time that what `from` says last is there. */
async function heard(from, to) {
  await ask(from, "say", { rooms: [to.id] }, "fence");
  await next(to, "fence");
  return to.got.splice(0).map(plain);
}
const say = (socket, whom, ...event) => ask(socket, "say", whom, ...event);

export const recoveries = {
  async "what was said meanwhile comes once and in order"({ a, b, redis, c, room, here, there }) {
    await ask(b, "join", room);
    await say(a, { rooms: [room] }, "x", "before");
    assert.deepEqual(await heard(a, b), [["x", "before"]]);
    const { id } = b;
    await cut(b, there, redis);
    const wanted = [];
    for (let n = 0; n < 60; n++) {
      const from = n % 2 ? a : c;
      const event = ["x", n, n % 5 ? "é" : Buffer.from([n])];
      await say(from, [{ rooms: [room] }, { rooms: [id] }, {}, { rooms: [room], except: [c.id] }][n % 4], ...event);
      await say(from, [{ except: [room] }, { rooms: ["elsewhere"] }, { except: [id] }, { rooms: ["other"], except: [room] }][n % 4], "not for it", n);
      // What two nodes say at once has no order of its own.
      await say(from, { rooms: [a.id, c.id] }, "said", n);
      await Promise.all([a, c].map(async (socket) => { while ((await next(socket, "said"))[0] !== n); }));
      wanted.push(event);
    }
    const order = [];
    b.on("connect", () => order.push("connect"));
    b.on("x", () => order.push("x"));
    await back(b, here);
    assert.deepEqual([b.recovered, b.id], [true, id]);
    assert.deepEqual(await heard(a, b), wanted);
    assert.deepEqual(order, [...wanted.map(() => "x"), "connect"]);
    assert.deepEqual(await ask(b, "rooms"), [[room]]);
    // It is a member there as it was one here.
    await say(c, { rooms: [room] }, "y");
    await say(a, { rooms: [id] }, "z");
    await until(async () => (await ask(b, "rooms"), b.got.length), (count) => count === 2, "both");
    assert.deepEqual(b.got.splice(0).map(plain).map(([name]) => name).sort(), ["y", "z"]);
    assert.deepEqual((await ask(c, "members", room))[0], []);
  },
  async "nobody has it twice"({ a, b, redis, clients, room, here, there }) {
    await ask(b, "join", room);
    await say(a, {}, "x");
    await heard(a, b);
    const [pid, offset] = [b._pid, b._lastOffset];
    await cut(b, there, redis);
    await back(b, here);
    assert.equal(b.recovered, true);
    const copy = clients(there).open("/", { auth: { pid, offset } });
    await up(copy);
    assert.deepEqual([copy.recovered, copy.id === b.id, b.connected], [false, false, true]);
    await say(a, { rooms: [room] }, "y");
    assert.deepEqual(await heard(a, b), [["y"]]);
  },
  async "nobody has it whose session ended, or who asks for none that there was"({ a, b, redis, clients, here, there }) {
    await say(a, {}, "x");
    await heard(a, b);
    const [pid, offset] = [b._pid, b._lastOffset];
    const { id } = b;
    b.disconnect();
    await there.left(id);
    for (const auth of [{ pid, offset }, { pid: "x".repeat(22), offset }, { pid, offset: "1-1" }, { pid, offset: "x" }, { pid: "", offset: "" }]) {
      const copy = clients(here).open("/", { auth });
      await up(copy);
      assert.equal(copy.recovered, false);
      copy.disconnect();
    }
  },
};

/** What Node does otherwise. */
export const ours = {
  async "to and fro, while others talk"({ a, b, redis, room, here, there }) {
    await ask(b, "join", room);
    let [said, talking] = [0, true];
    const talk = (async () => {
      while (talking) await say(a, [{ rooms: [room] }, {}, { rooms: [b.id] }][said % 3], "x", said++);
    })();
    const nodes = [there, here];
    for (let round = 0; round < 8; round++) {
      await until(async () => (await ask(b, "rooms"), b.got.length), (count) => count > round * 3, "some that came");
      await cut(b, nodes[round % 2], redis);
      await back(b, nodes[(round + 1) % 2]);
      assert.equal(b.recovered, true);
    }
    talking = false;
    await talk;
    // On a machine so busy that Redis takes 200 ms to answer, what was cut may come once more.
    const got = (await heard(a, b)).map(([, n]) => n);
    assert.deepEqual(got.filter((n, at) => n !== got[at - 1]), Array.from({ length: said }, (_, n) => n));
    assert.ok(got.length - said <= 8, `${got.length - said} came twice`);
  },
  async "a client that has heard nothing yet"({ a, b, redis, room, here, there }) {
    await ask(b, "join", room);
    const { id } = b;
    await cut(b, there, redis);
    await say(a, { rooms: [room] }, "x", 1);
    await back(b, here);
    assert.deepEqual([b.recovered, b.id, await heard(a, b)], [true, id, [["x", 1]]]);
  },
  async "what went to a room before it joined, and after it left"({ a, b, redis, room, here, there }) {
    await say(a, { rooms: [b.id] }, "x", 0);
    await say(a, { rooms: [room] }, "not for it");
    await heard(a, b);
    await ask(b, "join", room, room + "left");
    await say(a, { rooms: [room + "left"] }, "x", 1);
    await heard(a, b);
    await ask(b, "leave", room + "left");
    await cut(b, there, redis);
    await say(a, { rooms: [room + "left"] }, "not for it");
    await say(a, { rooms: [room] }, "x", 2);
    await back(b, here);
    assert.deepEqual([b.recovered, await heard(a, b), await ask(b, "rooms")], [true, [["x", 2]], [[room]]]);
  },
  async "rooms change while it is away"({ a, b, redis, room, here, there, observe }) {
    await ask(b, "join", room);
    await say(a, {}, "x", 0);
    await heard(a, b);
    const { id, _pid: pid } = b;
    await cut(b, there, redis);
    const left = (fits) => until(() => redis.client.sendCommand(["GET", `sio:session:${pid}`]),
      (value) => fits(Buffer.from(value ?? "", "base64").toString("latin1")), "what is left for others");
    await left((text) => text.includes(room));
    await ask(observe, "join", "/", id, room + "2");
    await left((text) => text.includes(room + "2"));
    await say(a, { rooms: [room + "2"] }, "x", 1);
    await say(a, { rooms: [room] }, "x", 2);
    await ask(observe, "leave", "/", id, room);
    // Its stay there has an end by now.
    await left((text) => text.split(room).length - text.split(room + "2").length === 1);
    await back(b, here);
    assert.equal(b.recovered, true);
    assert.deepEqual([await heard(a, b), await ask(b, "rooms")], [[["x", 1], ["x", 2]], [[room + "2"]]]);
  },
  async "one that was disconnected while it was away"({ a, b, redis, here, there, observe, room }) {
    await ask(b, "join", room);
    await say(a, {}, "x", 0);
    await heard(a, b);
    const { id, _pid: pid } = b;
    await cut(b, there, redis);
    await ask(observe, "kick", "/", id, false);
    await until(() => redis.client.sendCommand(["EXISTS", `sio:session:${pid}`]), (count) => count === 0, "its end");
    await back(b, here);
    assert.deepEqual([b.recovered, b.id === id], [false, false]);
  },
  async "a Redis that stands still holds nobody up for long"({ a, b, redis, room }) {
    await ask(b, "join", room);
    await say(a, {}, "x", 0);
    await heard(a, b);
    redis.child.kill("SIGSTOP");
    for (let n = 0; n < 20; n++) {
      await ask(a, "back", "x", n);
      await next(a, "x");
    }
    redis.child.kill("SIGCONT");
    await say(a, { rooms: [room] }, "y");
    await next(b, "y");
  },
  async "a node that is closed leaves its sessions"({ a, b, clients, room, here, there }) {
    const observe = await clients(there).connect("/observer", { reconnection: false });
    await ask(b, "join", room);
    await say(a, { rooms: [room] }, "x", 0);
    await heard(a, b);
    const gone = down(b);
    b.io.reconnection(false);
    const { id } = b;
    observe.emit("shutdown");
    await gone;
    await there.exited;
    await say(a, { rooms: [room] }, "x", 1);
    await back(b, here);
    assert.deepEqual([b.recovered, b.id, await heard(a, b)], [true, id, [["x", 1]]]);
  },
};
