// Runs clusters of two nodes, roomcast's and Node's, and compares what their clients see of each other.
//   [REDIS_SERVER=valkey-server] node cluster/run.mjs --host "command" [--only regex] [--quiet]
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import path from "node:path";
import { Host } from "../lib/host.mjs";
import { installPython } from "../lib/python.mjs";
import { within } from "../lib/raw.mjs";
import { Clients, ask, next, until, up } from "../scenarios/client.mjs";
import { faults, ofMasters, ofStreams, reached } from "./faults.mjs";
import { Masters } from "./masters.mjs";
import { Players, PythonClients } from "./players.mjs";
import { Redis, Watched, certificates, hasRedis, overTls } from "./redis.mjs";
import { ours as ofOurs, recoveries } from "./recovery.mjs";
import { ofOneServer, ofPubSub, scenarios } from "./scenarios.mjs";

const { values: args } = parseArgs({ options: {
  host: { type: "string" }, only: { type: "string" }, quiet: { type: "boolean", default: false },
} });
if (!hasRedis()) {
  console.log("skipped: there is no redis-server here (Debian: apt install redis-server)");
  process.exit(process.env.CI ? 1 : 0);
}

const reference = ["node", path.join(import.meta.dirname, "../reference/host.js")];
const ours = args.host?.split(" ") ?? reference;
const FORMATS = ["pubsub", "pubsub rooms", "sharded", "sharded static", "sharded private", "streams"];
/** How nodes are counted that listen to a room, where rooms have channels. */
const COUNTED = { "pubsub rooms": "NUMSUB", sharded: "SHARDNUMSUB", "sharded private": "SHARDNUMSUB" };
const withLoops = (loops) => ["env", `INTEROP_LOOPS=${loops}`, ...ours];
// Who is asked, and where the others are.
const PAIRS = {
  "from ours to Node": [ours, reference], "from Node to ours": [reference, ours], "between ours": [ours, ours],
  "from 2 loops to Node": [withLoops(2), reference], "from Node to 4 loops": [reference, withLoops(4)], "from 2 loops to ours": [withLoops(2), ours],
};

const results = { passed: 0, failed: [] };
const selected = (name) => !args.only || new RegExp(args.only).test(name);
async function attempt(name, test) {
  if (!selected(name)) return;
  try {
    await within(test(), "an end of the test", 30_000);
    results.passed++;
    if (!args.quiet) console.log(`passed     ${name}`);
  } catch (error) {
    results.failed.push(name);
    console.log(`failed     ${name}\n           ${(error?.stack ?? String(error)).split("\n").slice(0, 12).join("\n           ")}`);
  }
}

/** A cluster of two nodes, and what it takes to play a scenario in it. With `masters` its Redis is a Redis Cluster, which goes on. */
async function cluster(format, commands, { login, counted = COUNTED[format], masters, more, players } = {}) {
  const redis = masters ?? await Redis.start();
  let user = "";
  for (const { client } of masters?.servers ?? [redis]) user = await login?.(client) ?? "";
  const place = masters ? { path: "", url: masters.url.replace("//", `//${user}`), ports: masters.ports } : { path: redis.path, login: user };
  const options = { cluster: { ...place, format }, maxHttpBufferSize: 20_000_000, ...more };
  const hosts = await Promise.all(commands.map((command) => Host.start(command, options)));
  const [here, there] = hosts.map((host) => (players ? new PythonClients(players, host.url) : new Clients(host.url, "websocket")));
  const watchers = new Clients(hosts[0].url, "websocket");
  const observe = await watchers.connect("/observer");
  const probes = [await here.connect(), await there.connect()];
  await reached(...probes);
  await reached(...probes.toReversed());
  probes.forEach((probe) => probe.disconnect());
  const fence = masters && ACROSS.includes(format) ? await fences(masters, [here, there]) : undefined;
  // What carries what is said to a room: a channel, or the stream. Undefined where any server does.
  const carrier = (room) => ({ streams: "socket.io", "sharded static": "socket.io#/#", pubsub: undefined, "pubsub rooms": undefined })[format] ?? (/sharded/.test(format) ? `socket.io#/#${room}#` : undefined);
  let count = 0;
  return {
    async play(scenario) {
      const [a, b, c] = [await here.connect(), await there.connect(), await there.connect()];
      const nodes = new Map();
      for (const [socket, host, command] of [[a, 0, commands[0]], [b, 1, commands[1]], [c, 1, commands[1]]]) {
        Object.assign(socket, { host, fence: fence && ((to) => fence(socket, to)) });
        // Where rooms have channels, a node that has one more listens soon, not at once.
        socket.listens = async (name) => {
          if (counted === undefined || (format === "pubsub rooms" && command === reference)) return;
          nodes.set(name, (nodes.get(name) ?? new Set()).add(host));
          await until(async () => (await redis.client.sendCommand(["PUBSUB", counted, `socket.io#/#${name}#`]))[1], (count) => count >= nodes.get(name).size, `a node that listens to ${name}`);
        };
      }
      // The room that a socket is by itself is one, too.
      if (counted !== undefined && format !== "sharded") {
        for (const socket of [a, b, c]) await socket.listens(socket.id);
      }
      const clients = (host) => (host === hosts[0] ? here : there);
      const beside = async (socket, nsp, auth) => {
        const other = (socket === a ? here : there).beside(socket, nsp, { auth });
        await up(other);
        return Object.assign(other, { host: socket.host, fence: fence && ((to) => fence(other, to)) });
      };
      try {
        await scenario({ a, b, c, beside, clients, observe, redis, here: hosts[0], there: hosts[1], other: hosts[1], room: `r${++count}`,
          carrier, isStream: format === "streams" });
      } finally {
        [a, b, c].forEach((socket) => socket.disconnect());
      }
    },
    async stop() {
      for (const clients of [here, there, watchers]) clients.close();
      for (const host of hosts) await host.stop();
      if (!masters) await redis.stop();
    },
  };
}

/** The formats in which what is said goes over several servers of a Redis Cluster. */
const ACROSS = ["pubsub", "pubsub rooms", "sharded", "sharded private"];
/** Waits until a node has heard what another one has said before, over whichever of the masters: something comes behind it over each of them. */
async function fences(masters, clients) {
  const rooms = new Map();
  for (let n = 0; rooms.size < 3; n++) rooms.set(await masters.owner(`socket.io#/plain#f${n}#`), `f${n}`);
  const guards = await Promise.all(clients.map((client) => client.connect("/plain")));
  let count = 0;
  const say = async (guard) => {
    count++;
    for (const room of rooms.values()) await ask(guard, "say", { rooms: [room], self: false }, "fence", room, count);
  };
  for (const guard of guards) for (const room of rooms.values()) await ask(guard, "join", room);
  for (const [from, to] of [guards, guards.toReversed()]) {
    await until(async () => { await say(from); await ask(to, "rooms"); return new Set(to.got.map(([, room]) => room)).size; }, (size) => size === rooms.size, "a node that listens");
  }
  return async (from, to) => {
    await ask(from, "rooms");
    const wanted = new Set(rooms.values());
    await say(guards[from.host]);
    while (wanted.size > 0) {
      const [room, of] = await next(guards[1 - from.host], "fence");
      if (of === count) wanted.delete(room);
    }
    // Node delivers to its own clients what Redis has taken.
    if (from.host === to.host) {
      await ask(from, "say", { rooms: [to.id] }, "fence");
      await next(to, "fence");
    }
    await ask(to, "rooms");
  };
}

/** Plays all scenarios but those in one cluster, if any of them is asked for. */
async function playAll(title, make, without = () => false) {
  const wanted = Object.entries(scenarios).filter(([name]) => !without(name) && selected(`${title} / ${name}`));
  if (wanted.length === 0) return;
  const nodes = await make();
  for (const [name, scenario] of wanted) await attempt(`${title} / ${name}`, () => nodes.play(scenario));
  await nodes.stop();
}
const unheard = (format) => (name) => ofPubSub.includes(name) && !format.startsWith("pubsub");

for (const format of FORMATS) {
  for (const [pair, commands] of Object.entries(PAIRS)) {
    await playAll(`${format} / ${pair}`, () => cluster(format, commands), unheard(format));
  }
  // What Node's adapters do then is another matter.
  if (args.host === undefined) continue;
  for (const [pair, commands] of Object.entries({ "between ours": [ours, ours], "between 2 loops": [withLoops(2), withLoops(2)] })) {
    for (const [name, scenario] of Object.entries({ ...faults, ...(format === "streams" && ofStreams) })) {
      await attempt(`${format} / ${pair} / ${name}`, async () => {
        const nodes = await cluster(format, commands);
        await nodes.play(scenario).finally(() => nodes.stop());
      });
    }
  }
}

// The same with python-socketio's clients at both.
const players = new Players(installPython());
for (const format of ["pubsub", "sharded", "streams"]) {
  for (const pair of ["from ours to Node", "from Node to ours", "between ours"]) {
    await playAll(`${format} / Python's clients, ${pair}`, () => cluster(format, PAIRS[pair], { players }), unheard(format));
  }
}
players.stop();

// Sessions go from node to node.
for (const [pair, commands] of Object.entries(PAIRS)) {
  const among = args.host === undefined || commands.every((command) => command !== reference);
  for (const [name, scenario] of Object.entries({ ...recoveries, ...(args.host !== undefined && among && ofOurs) })) {
    await attempt(`recovery / ${pair} / ${name}`, async () => {
      const nodes = await cluster("streams", commands, { more: { connectionStateRecovery: {} } });
      await nodes.play(scenario).finally(() => nodes.stop());
    });
  }
}

// The rules of docs/CLUSTER.md are enough, and a namespace's channels that they leave out are told of.
const page = readFileSync(path.join(import.meta.dirname, "../../../docs/CLUSTER.md"), "utf8");
const [pubsub, sharded, streams] = [...page.matchAll(/^ACL SETUSER (.*)$/gm)].map(([, rules]) => rules.split(" "));
const ofMastersToo = /`(\+cluster.*?)`/.exec(page)[1].split(" ");
const login = (rules, ...others) => async (client) => {
  await client.sendCommand(["ACL", "SETUSER", ...rules, ...others]);
  return "roomcast:password@";
};
if (args.host !== undefined) {
  for (const [format, rules] of Object.entries({ pubsub, sharded, streams })) {
    await attempt(`the rules of docs/CLUSTER.md for ${format}`, async () => {
      const nodes = await cluster(format, [ours, withLoops(2)], { login: login(rules) });
      for (const scenario of [scenarios["to a room"], scenarios["who is there"], scenarios["how many nodes there are"]]) await nodes.play(scenario);
      await nodes.stop();
    });
  }
  await attempt("channels that the rules leave out", async () => {
    const namespaces = ["/", "/plain", "/custom", "/guarded"];
    const channels = namespaces.flatMap((name) => [`&socket.io#${name}#*`, `&socket.io-request#${name}#`, `&socket.io-response#${name}#*`]);
    // A pattern that is refused has all rooms have channels.
    const nodes = await cluster("pubsub", [ours, ours], { login: login(pubsub, "resetchannels", ...channels, "&socket.io-response#/#"), counted: "NUMSUB" });
    await nodes.play(async ({ here }) => {
      assert.match((await here.log({ what: "cluster refused" })).reason, /NOPERM/);
    });
    await nodes.play(scenarios["to a room"]);
    await nodes.stop();
  });
  // A pattern needs a rule that is the same text; channels need one that fits.
  await attempt("a pattern that the rules leave out", async () => {
    for (const node of [ours, withLoops(2)]) {
      const nodes = await cluster("pubsub", [node, node], { login: login(pubsub, "resetchannels", "&socket.io*"), counted: "NUMSUB" });
      await nodes.play(async ({ here }) => {
        assert.match((await here.log({ what: "cluster refused" })).reason, /each room has a channel now: NOPERM/);
      });
      for (const name of ["to everybody", "to a room", "to one, by its id", "to all but a room", "in the order in which it was said"]) {
        await nodes.play(scenarios[name]);
      }
      await nodes.stop();
    }
  });
}
if (args.host !== undefined) {
  for (const format of ["pubsub", "sharded", "streams"]) {
    await attempt(`${format} / over TLS, ours and Node's, with a Redis that cuts ours off`, async () => {
      const redis = await overTls();
      const secured = { cluster: { path: "", url: redis.secured("ca.crt"), tls: redis.tls, format } };
      const hosts = await Promise.all([ours, withLoops(2), reference].map((command) => Host.start(command, secured)));
      const [a, b, c] = await Promise.all(hosts.map((host) => new Clients(host.url, "websocket").connect()));
      for (const [from, to] of [[a, b], [a, c], [b, c], [c, a], [c, b]]) await reached(from, to);
      // Node's client, cut off over TLS, ends its process now and then: it writes to a socket that has ended.
      const clients = (await redis.client.sendCommand(["CLIENT", "LIST"])).split("\n").filter((line) => line !== "" && !line.includes("lib-name=node-redis"));
      for (const client of clients) await redis.client.sendCommand(["CLIENT", "KILL", "ID", /id=(\d+)/.exec(client)[1]]);
      for (const host of hosts.slice(0, 2)) await host.log({ what: "cluster down" });
      for (const host of hosts.slice(0, 2)) await host.log({ what: "cluster up" });
      for (const [from, to] of [[a, b], [b, c], [c, a]]) await reached(from, to);
      [a, b, c].forEach((socket) => socket.disconnect());
      for (const host of hosts) await host.stop();
      await redis.stop();
    });
  }
  await attempt("a Redis Cluster over TLS", async () => {
    const certified = certificates();
    const masters = await Masters.start(certified);
    const options = { cluster: { path: "", url: masters.secured, format: "sharded" } };
    const hosts = await Promise.all([ours, withLoops(2)].map((command) => Host.start(command, options)));
    const [a, b] = await Promise.all(hosts.map((host) => new Clients(host.url, "websocket").connect()));
    await reached(a, b);
    await reached(b, a);
    [a, b].forEach((socket) => socket.disconnect());
    for (const host of hosts) await host.stop();
    await masters.stop();
    certified.remove();
  });
  await attempt("a Redis whose certificate is somebody else's", async () => {
    const redis = await overTls();
    const host = await Host.start(ours, { cluster: { path: "", url: redis.secured("other.crt"), format: "pubsub" } });
    assert.match((await host.log({ what: "cluster down" })).reason, /its certificate is not trusted: UnknownIssuer/);
    await host.stop();
    await redis.stop();
  });
  for (const format of ["pubsub", "streams"]) {
    await attempt(`${format} / a sentinel says where Redis is, and where it is after that has gone`, async () => {
      const watched = await Watched.start();
      const options = { cluster: { path: "", url: watched.url, format } };
      const hosts = await Promise.all([ours, withLoops(2)].map((command) => Host.start(command, options)));
      const [a, b] = await Promise.all(hosts.map((host) => new Clients(host.url, "websocket").connect()));
      await reached(a, b);
      await watched.master.crash();
      for (const host of hosts) await host.log({ what: "cluster down" });
      for (const host of hosts) await host.log({ what: "cluster up" });
      await reached(a, b);
      await reached(b, a);
      [a, b].forEach((socket) => socket.disconnect());
      for (const host of hosts) await host.stop();
      await watched.stop();
    });
  }
}

// A Redis Cluster. Node's classic channels go over another master each time, so that there is no order in what it says over them.
const shared = await Masters.start();
for (const format of FORMATS) {
  for (const pair of ["from ours to Node", "from Node to ours", "from 2 loops to ours"]) {
    const overtaking = ACROSS.includes(format) && (/sharded/.test(format) || /from Node/.test(pair));
    await playAll(`Redis Cluster / ${format} / ${pair}`, () => cluster(format, PAIRS[pair], { masters: shared }),
      (name) => ofPubSub.includes(name) || (overtaking && ofOneServer.includes(name)));
  }
}
for (const pair of ["from ours to Node", "from Node to ours", "from 2 loops to ours"]) {
  for (const [name, scenario] of Object.entries(recoveries)) {
    await attempt(`Redis Cluster / recovery / ${pair} / ${name}`, async () => {
      const nodes = await cluster("streams", PAIRS[pair], { masters: shared, more: { connectionStateRecovery: {} } });
      await nodes.play(scenario).finally(() => nodes.stop());
    });
  }
}
if (args.host !== undefined) {
  for (const [format, rules] of Object.entries({ pubsub, sharded, streams })) {
    await attempt(`Redis Cluster / the rules of docs/CLUSTER.md for ${format}`, async () => {
      const nodes = await cluster(format, [ours, withLoops(2)], { login: login([...rules, ...ofMastersToo]), masters: shared });
      for (const scenario of [scenarios["to a room"], scenarios["who is there"], scenarios["how many nodes there are"]]) await nodes.play(scenario);
      await nodes.stop();
    });
  }
}
await shared.stop();
if (args.host !== undefined) {
  for (const format of FORMATS) {
    for (const [name, scenario] of Object.entries(ofMasters)) {
      await attempt(`Redis Cluster / ${format} / between ours / ${name}`, async () => {
        const masters = await Masters.start();
        const nodes = await cluster(format, [ours, withLoops(2)], { masters });
        await nodes.play(scenario).finally(() => nodes.stop());
        await masters.stop();
      });
    }
  }
}
console.log(`${results.passed} passed, ${results.failed.length} failed`);
process.exit(results.failed.length === 0 && results.passed > 0 ? 0 : 1);
