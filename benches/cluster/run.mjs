// Two nodes of a cluster over one Redis, roomcast's and Node's in turn: what is emitted at the one, to a room whose only member is at the
// other, costs both of them so much CPU, and takes so long.
//   node benches/cluster/run.mjs ROOMCAST_NODE [--broadcasts N] [--seconds S] [--repetitions R]
// Nodes run on core 0, Redis and this client on core 1. CPU is that of both nodes, user and system, of /proc. Every broadcast is counted as
// it arrives; the next hundred are asked for when four hundred are on their way.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

const require = createRequire(new URL("../../tests/interop/package.json", import.meta.url));
const { io } = require("socket.io-client");
const { values, positionals: [roomcast] } = parseArgs({ allowPositionals: true, options: {
  broadcasts: { type: "string", default: "40000" }, seconds: { type: "string", default: "5" }, repetitions: { type: "string", default: "3" },
} });
const [broadcasts, seconds, repetitions] = [values.broadcasts, values.seconds, values.repetitions].map(Number);
const BATCH = 100, UNDER_WAY = 4, A_SECOND = 400;
// 200 bytes of arguments.
const PAYLOAD = ["x".repeat(60), { id: 123456, at: 1795780800123, position: [12.5, -3.25, 101.75], flags: { quiet: false, pinned: true }, tags: ["a", "b", "c"] }, 1.5];
const PEERS = { roomcast: [roomcast], Node: [process.execPath, path.join(import.meta.dirname, "node.mjs")] };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
execFileSync("taskset", ["-pc", "1", process.pid], { stdio: "ignore" });

/** Seconds of CPU, user and system, that a process's threads have had. */
function cpu(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e9, 0);
}

function start(core, command, ...args) {
  const child = spawn("taskset", ["-c", core, command, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const line = new Promise((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (text) => { if ((said += text).includes("\n") && (command !== "redis-server" || said.includes("eady to accept"))) resolve(said.trim()); });
    child.once("exit", (code) => reject(new Error(`${command} has ended with ${code}`)));
  });
  return line.then((said) => ({ child, said }));
}

/** One at a time, at an even pace: how late they were, in ms, of which `send` sends each and another one fills `late`. */
async function oneByOne(late, send) {
  const begin = performance.now();
  for (let n = 0; n < A_SECOND * seconds; n++) {
    const due = begin + n * 1_000 / A_SECOND;
    while (performance.now() < due) await sleep(0);
    send();
  }
  await sleep(500);
  if (late.length !== A_SECOND * seconds) throw new Error(`${late.length} of ${A_SECOND * seconds} have come`);
  late.sort((one, other) => one - other);
  const at = (part) => late[Math.floor(late.length * part)];
  return { p50: at(0.5), p99: at(0.99) };
}

/** What of it is Redis's and this client's: the same payload from here through Redis, with no node between. */
async function withoutNodes() {
  const home = mkdtempSync(path.join(tmpdir(), "roomcast-bench-"));
  const socket = path.join(home, "redis");
  const { child } = await start("1", "redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", home);
  const connections = [];
  try {
    for (let n = 0; n < 2; n++) connections.push(connect(socket));
    const [says, hears] = connections;
    const late = [];
    let text = "";
    hears.on("data", (bytes) => {
      text += bytes;
      const stamps = [...text.matchAll(/<([\d.]+)>/g)];
      for (const [, sent] of stamps) late.push(performance.now() - Number(sent));
      const last = stamps.at(-1);
      if (last) text = text.slice(last.index + last[0].length);
    });
    hears.write("SUBSCRIBE c\r\n");
    await once(hears, "data");
    const command = (...words) => `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
    says.resume();
    return await oneByOne(late, () => says.write(command("PUBLISH", "c", `${JSON.stringify(PAYLOAD)}<${performance.now()}>`)));
  } finally {
    connections.forEach((connection) => connection.destroy());
    child.removeAllListeners("exit");
    child.kill("SIGKILL");
    rmSync(home, { recursive: true, force: true });
  }
}

async function measure(format, [command, ...args]) {
  const home = mkdtempSync(path.join(tmpdir(), "roomcast-bench-"));
  const socket = path.join(home, "redis");
  const running = [await start("1", "redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", home)];
  try {
    const url = command === roomcast ? `unix://${socket}` : socket;
    for (let n = 0; n < 2; n++) running.push(await start("0", command, ...args, url, format));
    const [, here, there] = running;
    const client = ({ said }, listens) => new Promise((resolve) => {
      const socket = io(`http://127.0.0.1:${said}`, { transports: ["websocket"], forceNew: true, auth: { listens } });
      socket.once("connect", () => resolve(socket));
    });
    const [says, hears] = [await client(here, false), await client(there, true)];
    let heard = 0, wanted = Infinity, done, late = [];
    hears.on("m", (at) => {
      if (typeof at === "number") late.push(performance.now() - at);
      heard++;
      if (heard % BATCH === 0 && asked < wanted) ask();
      if (heard === wanted) done();
    });
    let asked = Infinity;
    const ask = () => { asked += BATCH; says.emit("say", BATCH, ...PAYLOAD); };
    async function many(count) {
      const end = new Promise((resolve) => { done = resolve; });
      [heard, asked, wanted] = [0, 0, count];
      for (let n = 0; n < UNDER_WAY; n++) ask();
      await end;
    }
    // That the other node listens cannot be known.
    while (heard === 0) { says.emit("say", 1, 0); await sleep(20); }
    await sleep(300);
    await many(5_000);
    const pids = [here.child.pid, there.child.pid];
    const used = () => pids.reduce((sum, pid) => sum + cpu(pid), 0);
    const rates = [];
    for (let n = 0; n < repetitions; n++) {
      const before = used();
      await many(broadcasts);
      rates.push(broadcasts / (used() - before));
    }
    late = [];
    [wanted, asked, heard] = [Infinity, Infinity, 0];
    const times = await oneByOne(late, () => says.emit("say", 1, performance.now(), ...PAYLOAD));
    says.disconnect();
    hears.disconnect();
    return { rate: rates.sort((one, other) => one - other)[Math.floor(repetitions / 2)], ...times };
  } finally {
    running.forEach(({ child }) => { child.removeAllListeners("exit"); child.kill("SIGKILL"); });
    rmSync(home, { recursive: true, force: true });
  }
}

console.log("| format | nodes | broadcasts per CPU second | µs of CPU each | p50, ms | p99, ms |\n|---|---|--:|--:|--:|--:|");
for (const format of ["pubsub", "sharded", "streams"]) {
  const of = {};
  for (const [name, command] of Object.entries(PEERS)) {
    const { rate, p50, p99 } = of[name] = await measure(format, command);
    console.log(`| ${format} | ${name} | ${Math.round(rate).toLocaleString("en")} | ${(1e6 / rate).toFixed(2)} | ${p50.toFixed(2)} | ${p99.toFixed(2)} |`);
  }
  console.log(`| | ratio | ${(of.roomcast.rate / of.Node.rate).toFixed(1)} | | ${(of.roomcast.p50 / of.Node.p50).toFixed(2)} | ${(of.roomcast.p99 / of.Node.p99).toFixed(2)} |`);
}
const { p50, p99 } = await withoutNodes();
console.log(`| pub/sub | Redis alone | | | ${p50.toFixed(2)} | ${p99.toFixed(2)} |`);
process.exit(0);
