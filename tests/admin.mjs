// The admin interface's protocol: the same actions against the reference's `instrument()` and against ours, what the page is told
// compared message by message; and the stock page in Chromium.
//   node tests/admin.mjs INTEROP_HOST_BINARY
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import path from "node:path";
import { page } from "./admin_page.mjs";

const folder = path.join(import.meta.dirname, "interop");
const interop = createRequire(path.join(folder, "package.json"));
const { io } = interop("socket.io-client");
const [binary] = process.argv.slice(2);
const LOGIN = { username: "admin", password: "secret \"ü\"" };

const hosts = new Set();
process.on("exit", () => hosts.forEach((host) => host.kill()));
/** A host with the interface, as [its address, its end]. */
async function start(command, admin, loops, more) {
  const options = JSON.stringify({ cors: { origin: true, credentials: true }, admin: { ...LOGIN, ...admin }, ...more });
  const child = spawn(command[0], [...command.slice(1), options], {
    stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, INTEROP_LOOPS: String(loops ?? 0) },
  });
  hosts.add(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /^listening on (\d+)/.exec(line)?.[1];
    if (port) return [`http://127.0.0.1:${port}`, () => child.kill()];
  }
  throw new Error("the host has ended");
}
const REFERENCE = ["node", path.join(folder, "reference/host.js")];
const OURS = [path.resolve(binary)];

const connect = (url, auth, options = {}) => io(url, { forceNew: true, reconnection: false, auth, ...options });
/** Why a client is refused. */
async function refusal(url, auth) {
  const socket = connect(url, auth);
  const [error] = await Promise.race([
    new Promise((resolve) => socket.on("connect_error", (error) => resolve([error]))),
    new Promise((resolve) => socket.on("connect", () => resolve([{ message: "let in" }]))),
  ]);
  socket.disconnect();
  return error.message;
}
const connected = (socket) => new Promise((resolve, reject) => {
  socket.on("connect", () => resolve(socket));
  socket.on("connect_error", reject);
});
const call = (socket, ...args) => socket.timeout(10_000).emitWithAck(...args);

/** Somebody who looks, and keeps what it is told. */
class Looker {
  constructor(url, auth) {
    this.heard = [];
    this.waiting = new Set();
    this.socket = connect(`${url}/admin`, auth, { transports: ["websocket"] });
    this.socket.onAny((...message) => {
      this.heard.push(message);
      for (const look of this.waiting) look();
    });
  }
  /** The first message for which `fits` says so, or what has come if none does in time. */
  until(fits) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.heard.find(fits);
        if (found === undefined) return;
        this.waiting.delete(look);
        clearTimeout(timer);
        resolve(found);
      };
      const timer = setTimeout(() => reject(new Error(`it did not come; heard ${JSON.stringify(this.heard.slice(-4))}`)), 10_000);
      this.waiting.add(look);
      look();
    });
  }
  heardOf(name) {
    return this.until((message) => message[0] === name);
  }
}

/** Ids by the order in which they are first met, times and ports as words. */
class Words {
  ids = new Map();
  clients = new Map();
  name(map, prefix, id) {
    if (!map.has(id)) map.set(id, `${prefix}${map.size + 1}`);
    return map.get(id);
  }
  socket({ id, clientId, handshake, rooms, ...rest }) {
    const { headers, query, issued, time, url, ...said } = handshake;
    assert.equal(typeof issued, "number");
    assert.equal(new Date(time).getTime(), Math.floor(issued / 1000) * 1000, "one time, to the second");
    for (const own of ["host", "sec-websocket-key"]) delete headers[own];
    delete query.t;
    return {
      id: this.name(this.ids, "socket ", id), clientId: this.name(this.clients, "client ", clientId), ...rest,
      handshake: { ...said, headers, query, url: url.replace(/&t=[^&]*/, "") }, rooms: rooms.map((room) => this.ids.get(room) ?? room).sort(),
    };
  }
  message([name, ...args]) {
    const timed = !["config", "all_sockets", "socket_updated", "session"].includes(name);
    if (timed) assert.match(args.pop(), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const known = (value) => this.ids.get(value) ?? value;
    switch (name) {
      case "session": return [name, typeof args[0]];
      case "all_sockets": return [name, args[0].filter(({ nsp }) => nsp !== "/admin").map((socket) => this.socket(socket))
        .sort((a, b) => a.id < b.id ? -1 : 1)];
      case "socket_connected": return [name, this.socket(args[0])];
      case "socket_updated": return [name, { ...args[0], id: known(args[0].id) }];
      case "room_joined": case "room_left": {
        const id = this.name(this.ids, "socket ", args[2]);
        return [name, args[0], known(args[1]), id];
      }
      default: return [name, ...args.map(known)];
    }
  }
}
/** About those who look themselves: they are told of it at other moments. */
const isOwn = ([name, first]) => name === "server_stats" || first === "/admin" || first?.nsp === "/admin";

/** What is done, and heard of it. Each is given what those before it have left. */
const STEPS = {
  async "logs in"(world) {
    world.admin = new Looker(world.url, LOGIN);
    await world.admin.heardOf("all_sockets");
  },
  async "a client over polling, which upgrades"(world) {
    world.ann = connect(world.url);
    await connected(world.ann);
    if (world.ann.io.engine.transport.name !== "websocket") await new Promise((resolve) => world.ann.io.engine.once("upgrade", resolve));
    await world.admin.heardOf("socket_updated");
  },
  async "another namespace over the same connection"(world) {
    world.plain = world.ann.io.socket("/plain");
    await connected(world.plain);
  },
  async "joins, is sent something, leaves"(world) {
    await call(world.ann, "join", "one", "two \"ü\"");
    await call(world.ann, "echo", 1, "two", { three: [3] });
    await call(world.ann, "leave", "one");
  },
  async "another client, in the same room"(world) {
    world.bob = await connected(connect(world.url, undefined, { transports: ["websocket"] }));
    await call(world.bob, "join", "two \"ü\"");
  },
  // In a step of its own, as clients of two loops are told of in no common order.
  async "an event in the other namespace"({ plain }) {
    await call(plain, "echo");
  },
  async "commands on one socket"({ admin, ann }) {
    const heard = new Promise((resolve) => ann.on("hi", (...args) => resolve(args)));
    admin.socket.emit("join", "/", "three", ann.id);
    admin.socket.emit("emit", "/", "three", "hi", 1, { two: "2" });
    admin.socket.emit("leave", "/", "three", ann.id);
    assert.deepEqual(await heard, [1, { two: "2" }]);
  },
  async "commands on all"({ admin, plain }) {
    admin.socket.emit("join", "/plain", "all of them");
    const heard = new Promise((resolve) => plain.on("to all", resolve));
    admin.socket.emit("emit", "/plain", "", "to all");
    // The reference tells of it a tick later, behind what follows.
    admin.socket.emit("leave", "/plain", "all of them", undefined);
    await heard;
  },
  async "a disconnect from the namespace"({ admin, plain }) {
    const gone = new Promise((resolve) => plain.on("disconnect", resolve));
    admin.socket.emit("_disconnect", "/plain", false, plain.id);
    assert.equal(await gone, "io server disconnect");
  },
  async "a disconnect of the whole connection"({ admin, ann }) {
    const gone = new Promise((resolve) => ann.on("disconnect", resolve));
    admin.socket.emit("_disconnect", "/", true, ann.id);
    assert.match(await gone, /^(io server disconnect|transport close)$/);
  },
  async "a client goes by itself"({ bob }) {
    bob.disconnect();
  },
};

/** Runs the steps; what is told in each, as comparable values. `expected` has that of the reference, if this is not it. */
async function run(url, expected) {
  const world = { url };
  const words = new Words();
  const steps = {};
  let mark = 0;
  let at = 0;
  for (const [name, step] of Object.entries(STEPS)) {
    await step(world);
    const { admin } = world;
    const rest = () => admin.heard.slice(at).filter((message) => !isOwn(message));
    const { length } = expected?.[name] ?? [];
    if (expected) {
      // Loops of their own tell of theirs in their own time: as much as the reference has told is awaited. More shows in the next step.
      if (length > 0) await admin.until(() => rest().length >= length).catch(() => {});
    } else {
      // What has happened until now is told before this is.
      const marker = await connected(connect(url, undefined, { transports: ["websocket"] }));
      const own = marker.id;
      admin.socket.emit("emit", "/", own, "mark", ++mark);
      await admin.until(([what, , id, event]) => what === "event_sent" && id === own && event[0] === "mark");
      marker.disconnect();
      await admin.until(([what, , id]) => what === "socket_disconnected" && id === own);
      await admin.until(([what, , room, id]) => what === "room_left" && room === own && id === own);
      admin.heard = admin.heard.filter((message) => !JSON.stringify(message).includes(own));
    }
    steps[name] = rest().map((message) => words.message(message));
    at = admin.heard.length;
  }
  world.admin.socket.disconnect();
  return steps;
}

let failed = 0;
let passed = 0;
async function test(name, body) {
  try {
    await body();
    passed++;
    console.log(`passed  admin / ${name}`);
  } catch (error) {
    failed++;
    console.log(`failed  admin / ${name}\n        ${error.stack}`);
  }
}

const [referenceUrl, endReference] = await start(REFERENCE);
const expected = await run(referenceUrl);
for (const told of Object.values(expected)) assert.ok(told.length > 0, "each step is told of");

for (const loops of [0, 2]) {
  const [url, end] = await start(OURS, {}, loops);
  const actual = await run(url, expected);
  for (const [name, told] of Object.entries(expected)) {
    await test(`${name}, ${loops} loops`, () => assert.deepEqual(actual[name], told));
  }
  await test(`figures as the reference has them, ${loops} loops`, async () => {
    const figures = async (url) => {
      const looker = new Looker(url, LOGIN);
      // Figures count from when somebody looks.
      await looker.heardOf("server_stats");
      const polling = await connected(connect(url, undefined, { transports: ["polling"] }));
      await call(polling, "echo");
      const types = new Set();
      const [, stats] = await looker.until(([name, stats]) => {
        if (name !== "server_stats") return false;
        for (const { type } of stats.aggregatedEvents) types.add(type);
        return stats.clientsCount === 2 && ["rawConnection", "packetsIn", "packetsOut"].every((type) => types.has(type));
      });
      polling.disconnect();
      looker.socket.disconnect();
      const { uptime, pid, aggregatedEvents, namespaces, ...rest } = stats;
      assert.ok(uptime > 0 && pid > 0);
      for (const { timestamp, count } of aggregatedEvents) assert.ok(timestamp % 1000 === 0 && count > 0);
      const byName = namespaces.sort((a, b) => a.name < b.name ? -1 : 1);
      // How connections end has tests of its own.
      return { ...rest, namespaces: byName, types: [...types].filter((type) => type !== "rawDisconnection").sort() };
    };
    assert.deepEqual(await figures(url), await figures(referenceUrl));
  });
  await test(`logins, ${loops} loops`, async () => {
    for (const wrong of [undefined, {}, { username: "admin", password: "no" }, { username: "admin" }, { sessionId: "0" }]) {
      assert.equal(await refusal(`${url}/admin`, wrong), "invalid credentials");
    }
    const first = new Looker(url, LOGIN);
    const [, sessionId] = await first.heardOf("session");
    assert.match(sessionId, /^[0-9a-f]{32}$/);
    const again = new Looker(url, { sessionId });
    await again.heardOf("all_sockets");
    assert.ok(!again.heard.some(([name]) => name === "session"), "as in the reference, it has one");
    let last;
    for (let tries = 0; tries < 12; tries++) last = await refusal(`${url}/admin`, { username: "admin", password: `${tries}` });
    assert.equal(last, "too many tries");
    assert.equal(await refusal(`${url}/admin`, LOGIN), "too many tries", "even the right one, for a minute");
    const still = new Looker(url, { sessionId });
    await still.heardOf("config");
    for (const { socket } of [first, again, still]) socket.disconnect();
  });
  end();
}

await test("a binary argument is shown by its placeholder, unlike in the reference", async () => {
  const [url, end] = await start(OURS);
  const looker = new Looker(url, LOGIN);
  await looker.heardOf("all_sockets");
  const client = await connected(connect(url));
  await call(client, "echo", Buffer.from("bytes"));
  const [, , , event] = await looker.heardOf("event_received");
  assert.deepEqual(event, ["echo", { _placeholder: true, num: 0 }]);
  end();
});

await test("commands that are none change nothing, and the page goes on", async () => {
  const [url, end] = await start(OURS);
  const looker = new Looker(url, LOGIN);
  await looker.heardOf("all_sockets");
  const client = await connected(connect(url));
  for (const none of [
    [], ["join"], ["join", "/"], ["join", "/", 1], ["join", 1, "a"], ["join", "/no such namespace", "a"], ["join", "/", "a", 7], ["leave", "/", {}],
    ["emit", "/", null], ["emit", "/", null, "connect"], ["_disconnect", "/", "yes"], ["no such command", "/", "a"], ["join", "/", ""],
    ["join", "/", "x".repeat(100_000)],
  ]) looker.socket.emit(...(none.length > 0 ? none : ["x"]));
  looker.socket.emit("join", "/", "b");
  await looker.until(([name, nsp, room, id]) => name === "room_joined" && nsp === "/" && room === "b" && id === client.id);
  assert.deepEqual(await call(client, "rooms"), ["b"]);
  end();
});

await test("production tells figures alone; read only, nothing can be done", async () => {
  const outcome = async (command) => {
    const [url, end] = await start(command, { mode: "production", readonly: true });
    const looker = new Looker(url, LOGIN);
    await looker.heardOf("config");
    const client = await connected(connect(url));
    looker.socket.emit("join", "/", "a");
    looker.socket.emit("_disconnect", "/", true);
    // Behind the commands, on the same connection.
    const second = looker.socket.io.socket("/plain");
    await connected(second);
    const rooms = await call(client, "rooms");
    await looker.heardOf("server_stats");
    end();
    return [rooms, [...new Set(looker.heard.map(([name]) => name))].sort(), looker.heard.find(([name]) => name === "config")];
  };
  assert.deepEqual(await outcome(OURS), await outcome(REFERENCE));
});

/** Connections that end in every way: what the page is told of that, as counts by what it is told. */
const QUICK = { pingInterval: 300, pingTimeout: 2000 };
async function endings(url, looker) {
  const { WebSocket } = interop("ws");
  const open = async () => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
    await new Promise((resolve) => socket.once("message", resolve));
    return socket;
  };
  const poll = `${url}/socket.io/?EIO=4&transport=polling`;
  const session = async () => {
    const { sid } = JSON.parse((await (await fetch(poll)).text()).slice(1));
    return `${poll}&sid=${sid}`;
  };
  const over = (socket) => new Promise((resolve) => socket.once("close", resolve));
  const ways = {
    async "by themselves"() {
      for (const transport of ["polling", "websocket"]) (await connected(connect(url, undefined, { transports: [transport] }))).disconnect();
    },
    async "cut off"() {
      (await open()).terminate();
    },
    async "by the page"() {
      const client = await connected(connect(url, undefined, { transports: ["websocket"] }));
      if (looker.canAct) looker.socket.emit("_disconnect", "/", true, client.id);
      else client.disconnect();
    },
    async "a packet of no kind"() {
      const socket = await open();
      socket.send("x");
      await over(socket);
    },
    async "a packet that is no Socket.IO's"() {
      const socket = await open();
      socket.send("4x");
      await over(socket);
    },
    async "two polls at once"() {
      const target = await session();
      const poll = async () => {
        const answer = await fetch(target);
        if ((await answer.text()) === "2") await fetch(target, { method: "POST", body: "3" });
        return answer.ok;
      };
      // A ping that is due answers the first before the second is there.
      while ((await Promise.all([poll(), poll()].map((answered) => answered.catch(() => false)))).every(Boolean));
    },
    async "no pong"() {
      await over(await open());
    },
  };
  const from = looker.heard.length;
  await Promise.all(Object.values(ways).map((end) => end()));
  const told = () => looker.heard.slice(from).filter(([name]) => name === "server_stats")
    .flatMap(([, { aggregatedEvents }]) => aggregatedEvents.filter(({ type }) => type === "rawDisconnection"));
  // The first way ends two.
  await looker.until(() => told().reduce((sum, { count }) => sum + count, 0) > Object.keys(ways).length);
  const ended = {};
  for (const { timestamp, count, ...rest } of told()) {
    assert.equal(typeof timestamp, "number");
    const what = JSON.stringify(rest);
    ended[what] = (ended[what] ?? 0) + count;
  }
  return ended;
}
const MODES = [{}, { readonly: true }, { mode: "production" }, { mode: "production", readonly: true }];
async function endingsOf(command, mode, loops) {
  const [url, end] = await start(command, mode, loops, QUICK);
  const looker = new Looker(url, LOGIN);
  looker.canAct = !mode.readonly;
  await looker.heardOf("server_stats");
  try {
    return await endings(url, looker);
  } finally {
    looker.socket.disconnect();
    end();
  }
}
await Promise.all(MODES.map((mode) => test(`how connections end is told as the reference tells it, ${JSON.stringify(mode)}`, async () => {
  const [expected, ...ours] = await Promise.all([endingsOf(REFERENCE, mode), ...[0, 2].map((loops) => endingsOf(OURS, mode, loops))]);
  assert.equal(Object.keys(expected).length, 5);
  for (const actual of ours) assert.deepEqual(actual, expected);
})));

endReference();
await test("the stock page in Chromium", async () => {
  const [url, end] = await start(OURS);
  await page({ interop, folder, url, login: LOGIN, client: () => connected(connect(url)) });
  end();
});

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
