// Two nodes of roomcast's, and two of Node's with @socket.io/redis-adapter, in turn, over the same Redis and under the same clients: what a
// broadcast costs that has to reach the other node, how long it takes, what publishing adds to an emit, and what is lost while Redis cuts
// the nodes off. It fails when anything is missing, doubled or out of order while Redis is there.
//   node run.mjs CLUSTER_HOST [--seconds 1] [--repetitions 3] [--rate 500]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Redis } from "../../../tests/interop/cluster/redis.mjs";
import { within } from "../../../tests/interop/lib/raw.mjs";
import { Client } from "./client.mjs";

const { values: args, positionals: [host] } = parseArgs({ allowPositionals: true, options: {
  seconds: { type: "string", default: "1" }, repetitions: { type: "string", default: "3" }, rate: { type: "string", default: "500" },
} });
if (!host) throw new Error("usage: node run.mjs CLUSTER_HOST");
const [seconds, repetitions, rate] = [args.seconds, args.repetitions, args.rate].map(Number);
// Each on the first processor; `make bench-cluster` has Redis and the clients on the second.
const SERVERS = {
  roomcast: (redis) => [host, ...(redis ? [redis.url] : [])],
  "Node's socket.io": (redis) => [process.execPath, path.join(import.meta.dirname, "node.mjs"), ...(redis ? [redis.path] : [])],
};
const TEXT = "x".repeat(200);
/** Members of the room at each node, and broadcasts on their way at a time. */
const CELLS = [[1, 1], [1, 64], [10, 1], [10, 64], [100, 1], [100, 64]];
/** The room's members at each node while latency is taken. */
const MEMBERS = 10;
/** Milliseconds of the same work before it is measured: Node compiles what it has seen often, and is twice as fast then. */
const WARM = 2_000;
const BURSTS = 100;
const OF_A_BURST = 200;
const CUTS = 5;
/** Seconds between two cuts. roomcast takes one that stood for less than two for a Redis that is not well. */
const APART = [3, 0.5];

const children = new Set();
process.on("exit", () => { for (const child of children) child.kill("SIGKILL"); });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

async function node(server, redis) {
  const words = SERVERS[server](redis);
  const child = spawn("taskset", ["-c", "0", ...words], { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  child.once("exit", () => children.delete(child));
  const [line] = await within(once(createInterface({ input: child.stdout }), "line"), server);
  return { child, port: Number(/:(\d+)$/.exec(line)[1]) };
}

async function member(port) {
  const client = await Client.open(port);
  const joined = client.next("joined");
  client.emit('"join"');
  await joined;
  return client;
}

/** Nanoseconds that all threads of the nodes have run. */
function used(nodes) {
  let sum = 0;
  for (const { child: { pid } } of nodes) {
    for (const task of readdirSync(`/proc/${pid}/task`)) sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
  }
  return sum;
}

/** Two nodes that hear each other, with so many members at each, and one who talks at the first. */
async function cluster(server, redis, members) {
  const nodes = [await node(server, redis), await node(server, redis)];
  const here = [], there = [];
  for (let n = 0; n < members; n++) {
    here.push(await member(nodes[0].port));
    there.push(await member(nodes[1].port));
  }
  const talker = await Client.open(nodes[0].port);
  // Whether the second hears the first is seen by asking; what was said to try it has come when the last of it has.
  let tried = 0;
  const heard = new Promise((resolve) => { there[0].onevent = resolve; });
  const trying = setInterval(() => talker.emit(`"pub",${--tried},""`), 20);
  await within(heard, "the other node").finally(() => clearInterval(trying));
  await within(Promise.all([...here, ...there].map((client) => new Promise((resolve) => {
    client.onevent = (text) => text.startsWith('"msg","end"') && resolve();
    if (client === there.at(-1)) talker.emit('"pub","end",""');
  }))), "an end of trying");
  return {
    nodes, here, there, talker,
    async end() {
      for (const { child } of nodes) {
        if (!children.has(child)) continue;
        const gone = once(child, "exit");
        child.kill("SIGKILL");
        await gone;
      }
    },
  };
}

/** Counts what the members hear of the numbers from 0 on: each is due once, in order. `first`: of the first member of the other node. */
function tally(it, first = () => {}, each = () => {}) {
  const sum = { delivered: 0, doubled: 0, disordered: 0 };
  for (const client of [...it.here, ...it.there]) {
    const elsewhere = it.there.includes(client);
    const seen = new Set();
    let last = -1;
    client.onevent = (text) => {
      const number = parseInt(text.slice(6), 10);
      if (!(number >= 0)) return;
      if (seen.has(number)) { sum.doubled++; return; }
      seen.add(number);
      sum.delivered++;
      if (number < last) sum.disordered++;
      last = Math.max(last, number);
      if (elsewhere) each(number);
      if (client === it.there[0]) first(number);
    };
  }
  return sum;
}

/** Until everything that is due has come. What has not within 5 s is lost. */
async function all(sum, due) {
  const end = performance.now() + 5_000;
  while (sum.delivered < due && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  return due - sum.delivered;
}

function verify(server, cell, sum, lost) {
  if (lost + sum.doubled + sum.disordered === 0) return;
  console.error(`${server}, ${cell}: ${lost} lost, ${sum.doubled} doubled, ${sum.disordered} out of order`);
  process.exitCode = 1;
}

/** Keeps so many on their way at a time, for so many milliseconds, and verifies them. Says how many they were. */
async function flow(server, it, flight, milliseconds) {
  let said = 0, done;
  const say = () => it.talker.emit(`"pub",${said++},"${TEXT}"`);
  const over = new Promise((resolve) => { done = resolve; });
  const end = performance.now() + milliseconds;
  const sum = tally(it, () => (performance.now() < end ? say() : done()));
  for (let n = 0; n < flight; n++) say();
  await within(over, `${server} in time`, milliseconds + 10_000);
  verify(server, `${it.here.length} members, ${flight} in flight`, sum, await all(sum, said * it.here.length * 2));
  return said;
}

/** So many on their way at a time: broadcasts a CPU second of both nodes, and a second. */
async function throughput(server, redis, [members, flight]) {
  const it = await cluster(server, redis, members);
  await flow(server, it, flight, WARM);
  const [begin, before] = [performance.now(), used(it.nodes)];
  const count = await flow(server, it, flight, seconds * 1_000);
  const [cpu, time] = [used(it.nodes) - before, performance.now() - begin];
  await it.end();
  return { perCpu: count * 1e9 / cpu, perSecond: count * 1e3 / time };
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
const median = (values) => quantile(values.toSorted((a, b) => a - b), 0.5);

/** So many a second; `disturb` is called so many times on the way. */
async function paced(server, redis, duration, disturb = () => {}, times = 0) {
  const it = await cluster(server, redis, MEMBERS);
  await flow(server, it, 1, WARM);
  const count = Math.round(duration * rate);
  const sent = new Float64Array(count), took = [];
  const sum = tally(it, undefined, (number) => took.push(performance.now() - sent[number]));
  const begin = performance.now();
  for (let n = 0; n < count; n++) {
    const due = begin + n * 1_000 / rate;
    if (due > performance.now()) await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
    if (times > 0 && n > 0 && n % Math.ceil(count / (times + 1)) === 0) await disturb();
    sent[n] = performance.now();
    it.talker.emit(`"pub",${n},"${TEXT}"`);
  }
  const due = count * MEMBERS * 2; // half of it at the node that says it, which nothing cuts off
  const lost = await all(sum, due);
  await it.end();
  took.sort((a, b) => a - b);
  return { p50: quantile(took, 0.5), p99: quantile(took, 0.99), due, lost, sum };
}

/** What an emit takes the thread that calls it, in nanoseconds; `redis`: with what it has to say to others. */
async function emit(server, redis) {
  const it = redis ? await cluster(server, redis, 1) : { nodes: [await node(server)] };
  const client = await Client.open(it.nodes[0].port);
  const each = [];
  for (let n = 0; n < BURSTS * 2; n++) {
    const took = client.next("took");
    client.emit(`"burst",${OF_A_BURST},"${TEXT}"`);
    const [, nanoseconds] = JSON.parse(`[${await within(took, "an emit")}`);
    if (n >= BURSTS) each.push(nanoseconds); // the first half warms it
  }
  for (const { child } of it.nodes) child.kill("SIGKILL");
  return median(each);
}

/** Runs one measurement of each server in turn, over and over. */
async function inTurn(measure) {
  const results = Object.fromEntries(Object.keys(SERVERS).map((server) => [server, []]));
  for (let n = 0; n < repetitions; n++) for (const server of Object.keys(SERVERS)) results[server].push(await measure(server));
  return Object.values(results);
}
/** The median of a figure, and of the ratios within repetitions. */
const of = (results, name) => median(results.map((result) => result[name]));
const ratio = (above, below, name) => median(above.map((result, n) => result[name] / below[n][name]));
const whole = (value) => Math.round(value).toLocaleString("en");

const redis = await Redis.start();
console.log(`medians of ${repetitions} repetitions in turn of ${seconds} s, each after ${WARM / 1_000} s to get warm, messages of ${TEXT.length} bytes\n`);
console.log("| members at each node | in flight | roomcast: broadcasts a CPU second of both nodes | Node's socket.io | times as many | roomcast: a second | Node's |");
console.log("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const cell of CELLS) {
  const [ours, theirs] = await inTurn((server) => throughput(server, redis, cell));
  console.log(`| ${cell.join(" | ")} | ${whole(of(ours, "perCpu"))} | ${whole(of(theirs, "perCpu"))} | ${ratio(ours, theirs, "perCpu").toFixed(1)} | ` +
    `${whole(of(ours, "perSecond"))} | ${whole(of(theirs, "perSecond"))} |`);
}

console.log(`\n| ${rate} a second, ${MEMBERS} members at each node, across nodes | roomcast | Node's socket.io | of theirs |`);
console.log("| --- | ---: | ---: | ---: |");
const [ours, theirs] = await inTurn(async (server) => {
  const result = await paced(server, redis, seconds * 2);
  verify(server, `${rate} a second`, result.sum, result.lost);
  return result;
});
for (const name of ["p50", "p99"]) {
  console.log(`| ${name}, ms | ${of(ours, name).toFixed(2)} | ${of(theirs, name).toFixed(2)} | ${ratio(ours, theirs, name).toFixed(2)} |`);
}

console.log("\n| an emit, ns of the thread that calls it | roomcast | Node's socket.io | of theirs |");
console.log("| --- | ---: | ---: | ---: |");
const emits = await inTurn(async (server) => {
  const [alone, said] = [await emit(server), await emit(server, redis)];
  return { alone, said, more: said - alone };
});
for (const [name, words] of [["alone", "without a cluster"], ["said", "in a cluster"], ["more", "what that adds"]]) {
  console.log(`| ${words} | ${emits.map((results) => whole(of(results, name))).join(" | ")} | ${ratio(...emits, name).toFixed(3)} |`);
}

console.log(`\n| Redis cuts all connections of all nodes, ${CUTS} times | server | due | lost | ms of silence a cut | doubled | out of order |`);
console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
const cut = async () => {
  for (const type of ["pubsub", "normal"]) await redis.client.sendCommand(["CLIENT", "KILL", "TYPE", type, "SKIPME", "yes"]);
};
for (const apart of APART) {
  for (const server of Object.keys(SERVERS)) {
    const { due, lost, sum } = await paced(server, redis, apart * (CUTS + 1), cut, CUTS);
    console.log(`| ${apart} s apart | ${server} | ${whole(due)} | ${whole(lost)} | ${whole(lost * 1_000 / (MEMBERS * rate * CUTS))} | ` +
      `${sum.doubled} | ${sum.disordered} |`);
  }
}
await redis.stop();
process.exit();
