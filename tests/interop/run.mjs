// Runs every interoperability test against a scenario host and compares the raw tables with what was recorded from
// Node's socket.io.   node run.mjs [--host "command"] [--only regex] [--skip regex] [--record] [--quiet] [--loops count] [--tls] [--deflate]
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { parseArgs, isDeepStrictEqual } from "node:util";
import path from "node:path";
import { installPython } from "./lib/python.mjs";

const here = import.meta.dirname;
const { values: args } = parseArgs({ options: {
  host: { type: "string" },
  only: { type: "string" }, skip: { type: "string" },
  record: { type: "boolean", default: false }, quiet: { type: "boolean", default: false },
  jobs: { type: "string", default: "3" },
  loops: { type: "string", default: "0" }, tls: { type: "boolean", default: false }, deflate: { type: "boolean", default: false },
} });

// What the tests need, from the registries' own clients.
if (!existsSync(path.join(here, "node_modules"))) {
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, stdio: ["ignore", 2, 2] });
}
const python = installPython();

// Over TLS the raw bytes of the tables are not those of the wire.
if (args.tls) {
  const { certify } = await import("./lib/certify.mjs");
  const folder = process.env.INTEROP_TLS = mkdtempSync(path.join(tmpdir(), "roomcast-tls-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  certify(folder);
  // By which each of Python's libraries finds it.
  for (const name of ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "WEBSOCKET_CLIENT_CA_BUNDLE"]) process.env[name] = path.join(folder, "ca.crt");
}
const { within } = await import("./lib/raw.mjs");
const { Host } = await import("./lib/host.mjs");
const { scenarios, endings, KINDS, Clients } = await import("./scenarios/table.mjs");
const { recoveries, breaks } = await import("./scenarios/recovery.mjs");
const { OldClients, NOT_OLD, NOT_1, olds } = await import("./scenarios/old.mjs");
const { deliberate, withLoops } = await import("./raw/deliberate.mjs");
const tables = await Promise.all(["http", "session", "packets", "recovery", "compression", "eio3", "msgpack"].map(async (name) => (await import(`./raw/${name}.mjs`)).groups));

const differences = [...deliberate, ...(Number(args.loops) > 1 ? withLoops : [])];
// How a host is run, which is none of the options that all hosts have.
process.env.INTEROP_LOOPS = args.loops;
if (args.deflate) process.env.INTEROP_DEFLATE = "1";
const command = (args.host ?? `node ${path.join(here, "reference/host.js")}`).split(" ").filter((word) => word !== "");
// What looks into the bytes of a connection, or writes them itself, does so without TLS, and without compression.
const isRaw = (name) => /its link breaks|a reader that is not reading|a session that never polls/.test(name);
// Python's msgpack client says goodbye with `nil` for data, which the reference takes for malformed.
const fails = (name) => args.host === undefined && /^python-socketio msgpack .* the client leaves$/.test(name);
const inText = (name) => /a reader that is not reading|a session that never polls/.test(name);
const selected = (name) => !((args.tls || args.deflate) && isRaw(name)) && (!args.only || new RegExp(args.only).test(name)) && (!args.skip || !new RegExp(args.skip).test(name));
const recordedAt = path.join(here, "recorded/raw.json");
const recorded = existsSync(recordedAt) ? JSON.parse(readFileSync(recordedAt, "utf8")) : {};
const plain = (value) => JSON.parse(JSON.stringify(value));

// A known fault of the XMLHttpRequest package under socket.io-client's polling in Node: an aborted request whose
// connection is then reset throws in a callback that nobody can catch. It says nothing about the host.
process.on("uncaughtException", (error) => {
  if (error.stack.includes("xmlhttprequest-ssl") && error.message.includes("reusedSocket")) return;
  console.error(error);
  process.exit(1);
});

const results = [];
function result(name, outcome, note = "") {
  results.push({ name, outcome });
  if (outcome === "failed" || !args.quiet) console.log(`${outcome.padEnd(10)} ${name}${note && "\n           " + note}`);
}
/** Runs one test; `test` may answer another outcome than "passed". */
async function attempt(name, test) {
  try {
    result(name, (await within(test(), "an end of the test", 40_000)) ?? "passed");
  } catch (error) {
    result(name, "failed", (error?.stack ?? String(error)).split("\n").slice(0, 12).join("\n           "));
  }
}

function compare(name, actual) {
  if (args.record) {
    recorded[name] = actual;
    return "recorded";
  }
  if (!(name in recorded)) throw new Error("not recorded yet: run with --record against Node");
  const equal = isDeepStrictEqual(actual, recorded[name]);
  const listed = differences.filter(({ cases }) => cases.test(name));
  // The reference is itself: what differs from it on purpose is nothing that it has to show.
  if (equal && (listed.length === 0 || args.host === undefined)) return "passed";
  if (equal) throw new Error(`as Node: it does not belong into raw/deliberate.mjs (${listed.map(({ reason }) => reason).join("; ")})`);
  if (listed.length > 0 && listed.every(({ accepts }) => accepts(actual, recorded[name]))) return "deliberate";
  throw new Error(`expected ${JSON.stringify(recorded[name])}\n  actual ${JSON.stringify(actual)}`);
}

const raw = tables.flat().flatMap((group) => Object.keys(group.cases).map((name) => `raw / ${group.name} / ${name}`));
for (const { cases, reason } of differences) {
  if (!raw.some((name) => cases.test(name))) result(`raw/deliberate.mjs: ${cases}`, "failed", `no case of that name: ${reason}`);
}

const jobs = [];
for (const group of args.tls || args.deflate ? [] : tables.flat()) {
  const cases = Object.entries(group.cases).map(([name, run]) => [`raw / ${group.name} / ${name}`, run]).filter(([name]) => selected(name));
  if (cases.length === 0) continue;
  jobs.push(async () => {
    const host = await Host.start(command, group.options);
    for (const [name, run] of cases) await attempt(name, async () => compare(name, plain(await run({ port: host.port, host }))));
    await host.stop();
  });
}

const SCENARIO_HOST = { pingInterval: 300, pingTimeout: 20_000, maxHttpBufferSize: 20_000_000 };
let count = 0;
async function play(name, scenario, host, kind, packed, observer, version = 4) {
  const c = version < 4 ? new OldClients(host.url, kind, version) : new Clients(host.url, kind, packed);
  await attempt(name, () => scenario({ c, host, kind, observer, port: host.port, url: host.url, room: `r${++count}` }));
  c.close();
}
const watch = async (host, packed) => {
  // The reference has one parser for all of its clients.
  const watcher = new Clients(host.url, "websocket", packed && args.host === undefined);
  return [watcher, await watcher.connect("/observer", { reconnection: false })];
};
for (const [packed, kind] of [false, true].flatMap((packed) => KINDS.map((kind) => [packed, kind]))) {
  // With the msgpack parser the reference takes nobody who speaks in text.
  const named = (table, what = "") => Object.entries(table)
    .map(([name, run]) => [`socket.io-client ${packed ? "msgpack " : ""}${kind} / ${what}${name}`, run])
    .filter(([name]) => selected(name) && !(packed && args.host === undefined && inText(name)));
  const plain = packed ? { ...SCENARIO_HOST, msgpack: true } : SCENARIO_HOST;
  const recovery = { ...plain, connectionStateRecovery: {} };
  // Tables that share a host; of the endings each has its own.
  const together = [[named(scenarios), plain], [named(recoveries, "recovery: "), recovery]];
  if (kind === "websocket") together.push([named(breaks, "recovery: "), recovery]);
  for (const ending of named(endings)) together.push([[ending], plain]);
  for (const [table, options] of together) {
    if (table.length === 0) continue;
    jobs.push(async () => {
      const host = await Host.start(command, options);
      const [watcher, observer] = await watch(host, packed);
      for (const [name, scenario] of table) await play(name, scenario, host, kind, packed, observer);
      watcher.close();
      await host.stop();
    });
  }
}
if (args.deflate) {
  jobs.push(async () => {
    const host = await Host.start(command, SCENARIO_HOST);
    await attempt("socket.io-client websocket / agrees on permessage-deflate", async () => {
      const c = new Clients(host.url, "websocket");
      const { extensions } = (await c.connect()).io.engine.transport.ws;
      c.close();
      if (!extensions.includes("permessage-deflate")) throw new Error(`agreed on ${extensions || "nothing"}`);
    });
    await host.stop();
  });
}
for (const [version, kind] of args.tls ? [] : [2, 1].flatMap((version) => KINDS.map((kind) => [version, kind]))) {
  const known = Object.entries({ ...scenarios, ...endings }).filter(([name]) => !NOT_OLD.some(([not]) => not.test(name)));
  const not = version === 1 ? NOT_1 : [];
  const named = (table) => table.map(([name, run]) => [`socket.io-client ${version} ${kind} / ${name}`, run]).filter(([name]) => selected(name) && !not.some(([not]) => not.test(name.split(" / ")[1])));
  const together = named([...known.filter(([name]) => name in scenarios), ...Object.entries(olds)]);
  for (const table of [together, ...named(known.filter(([name]) => name in endings)).map((ending) => [ending])]) {
    if (table.length === 0) continue;
    jobs.push(async () => {
      const host = await Host.start(command, { ...SCENARIO_HOST, allowEIO3: true });
      const [watcher, observer] = await watch(host);
      for (const [name, scenario] of table) await play(name, scenario, host, kind, "", observer, version);
      watcher.close();
      await host.stop();
    });
  }
}
for (const kind of ["", "msgpack "].flatMap((parser) => ["", "asyncio "].flatMap((loop) => KINDS.map((kind) => parser + loop + kind)))) {
  if (!selected(`python-socketio ${kind} / `)) continue;
  // Its threaded client reads and writes a WebSocket from two threads at once, which Python's ssl lets it and OpenSSL does not take
  // (CPython's issue 124984): then bytes are lost.
  if (args.tls && !kind.includes("asyncio") && !kind.endsWith("polling")) continue;
  jobs.push(async () => {
    const host = await Host.start(command, kind.startsWith("msgpack") ? { ...SCENARIO_HOST, msgpack: true } : SCENARIO_HOST);
    const child = spawn(python, [path.join(here, "scenarios/table.py"), host.url, ...kind.split(" ")], { stdio: ["ignore", "pipe", "pipe"] });
    // The client libraries grumble there about their own races; it is shown when the program fails.
    let grumbling = "";
    child.stderr.on("data", (text) => { grumbling += text; });
    const ended = new Promise((resolve) => child.once("close", resolve));
    for await (const line of createInterface({ input: child.stdout })) {
      const { name, ok, error } = JSON.parse(line);
      const full = `python-socketio ${kind} / ${name}`;
      if (selected(full)) result(full, ok || fails(full) ? "passed" : "failed", error);
    }
    if ((await ended) !== 0) result(`python-socketio ${kind}`, "failed", grumbling);
    await host.stop();
  });
}

// The long ones first, a few at a time.
jobs.reverse();
await Promise.all(Array.from({ length: Number(args.jobs) }, async () => {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    await job().catch((error) => result("a host", "failed", error.stack));
  }
}));

if (args.record) {
  const known = new Set(results.map(({ name }) => name));
  const sorted = Object.fromEntries(Object.entries(recorded).filter(([name]) => args.only || args.skip || known.has(name)).sort(([a], [b]) => (a < b ? -1 : 1)));
  // One case a line, so that a difference can be read.
  writeFileSync(recordedAt, "{\n" + Object.entries(sorted).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`).join(",\n") + "\n}\n");
}
const failed = results.filter(({ outcome }) => outcome === "failed");
const known = results.filter(({ outcome }) => outcome === "deliberate");
if (known.length > 0) console.log(`\n${known.length} of the passed differ from Node on purpose (raw/deliberate.mjs)`);
for (const { name } of failed) console.log(`failed: ${name}`);
console.log(`${results.length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length === 0 ? 0 : 1);
