// roomcast.hpp: it has all of roomcast.h, compiles without a warning in each dialect, refuses what it must, and hosts stock
// clients, under the sanitizers. It needs the library of `make lib`.
// node tests/cpp/run.mjs TARGET_DIR
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const here = import.meta.dirname;
const root = path.resolve(here, "../..");
const target = path.resolve(process.argv[2] ?? path.join(root, "target"));
const require = createRequire(path.join(root, "tests/interop/package.json"));
const { io } = require("socket.io-client");
const { Socket: Engine } = require("engine.io-client");
const dir = path.join(target, "cpp");
rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });

const run = promisify(execFile);
const compiler = process.env.CXX ?? "c++";
const warnings = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-Wconversion"];
const includes = ["-I", path.join(root, "include"), "-I", path.join(root, "bindings/cpp")];
const library = ["-L", path.join(target, "release"), "-lroomcast", `-Wl,-rpath,${path.join(target, "release")}`, "-pthread"];
const sanitizers = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const dialects = {
  "c++17": ["-std=c++17"],
  "c++20": ["-std=c++20"],
  "c++17 without exceptions and RTTI": ["-std=c++17", "-fno-exceptions", "-fno-rtti"],
};

let passed = 0;
const test = async (name, body) => {
  try {
    await body();
    passed++;
  } catch (error) {
    console.error(`cpp: ${name}: ${error.stack ?? error}\n${error.stderr ?? ""}`);
    process.exitCode = 1;
  }
};
const build = async (source, flags, name) => {
  const program = path.join(dir, name.replaceAll(/\W/g, "_"));
  await run(compiler, [...flags, ...sanitizers, ...warnings, ...includes, path.resolve(here, source), "-o", program, ...library]);
  return program;
};
// Two at a time: compiling is what takes the time here.
const inPairs = async (jobs) => {
  const left = [...jobs];
  const worker = async () => { while (left.length) await left.shift()(); };
  await Promise.all([worker(), worker()]);
};

// ---- The header ----

// What the C++ header does without, and why.
const without = {
  roomcast_abi_version: "make() passes the version, and the library compares",
};
await test("it has every function that the library exports", () => {
  const functions = readFileSync(path.join(root, "include/roomcast.symbols"), "utf8").trim().split("\n");
  const code = readFileSync(path.join(root, "bindings/cpp/roomcast.hpp"), "utf8").replaceAll(/\/\/.*/g, "");
  assert(functions.length > 50);
  assert.deepEqual(functions.filter((name) => !new RegExp(`\\b${name}\\(`).test(code)), Object.keys(without));
});

await test("it has every event, reason and error", () => {
  const header = readFileSync(path.join(root, "include/roomcast.h"), "utf8");
  const code = readFileSync(path.join(root, "bindings/cpp/roomcast.hpp"), "utf8");
  const numbers = [...header.matchAll(/^#define (ROOMCAST_(?:EVENT|REASON|ERROR|FLAG)_\w+)/gm)].map(([, name]) => name);
  assert(numbers.length > 50);
  assert.deepEqual(numbers.filter((name) => !new RegExp(`\\b${name}\\b`).test(code)), []);
});

const refused = readFileSync(path.join(here, "refused.cpp"), "utf8");
const words = [...refused.matchAll(/ CASE == (\d+)\n[^]*?(?:; \/\/ (\S+): |#)/g)].map(([, number, word]) => [number, word]);
await inPairs(words.map(([number, word]) => () => test(`what must not compile: case ${number}`, async () => {
  const compile = run(compiler, ["-std=c++17", "-fsyntax-only", "-Wall", "-Werror", ...includes, `-DCASE=${number}`, path.join(here, "refused.cpp")]);
  if (word === undefined) await compile;
  else await assert.rejects(compile, ({ stderr }) => new RegExp(`error: .*(${word})`).test(stderr) || assert.fail(stderr));
})));
assert.equal(words.filter(([, word]) => word === undefined).length, 1);

// ---- Without a client ----

await inPairs(Object.entries(dialects).map(([name, flags]) => () => test(`unit.cpp as ${name}`, async () => {
  const { stdout } = await run(await build("unit.cpp", flags, `unit ${name}`), { timeout: 60_000 });
  assert.match(stdout, /^\d+ checks$/m);
})));

// ---- With stock clients ----

const hosts = {};
await inPairs(Object.entries(dialects).map(([name, flags]) => () => test(`host.cpp as ${name}`, async () => {
  hosts[name] = await build("host.cpp", flags, `host ${name}`);
})));
for (const [name, program] of Object.entries(hosts)) {
  await test(`a host as ${name}, with Engine.IO alone`, () => echo(program));
  for (const transport of ["websocket", "polling"]) {
    await test(`a host as ${name}, over ${transport}`, () => play(program, transport, !name.includes("without exceptions")));
  }
}

// ---- The README of the header ----

const readme = readFileSync(path.join(root, "bindings/cpp/README.md"), "utf8");
const [server, frame] = [...readme.matchAll(/^```cpp\n([^]*?)^```/gm)].map(([, text]) => text);
await test("its README's server, with a client", async () => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  const source = path.join(dir, "readme.cpp");
  assert.match(server, /3000/);
  writeFileSync(source, server.replace("3000", String(port)));
  const program = await build(source, ["-std=c++17"], "readme");
  const child = spawn(program, { stdio: ["ignore", "ignore", "inherit"] });
  const patience = setTimeout(() => child.kill("SIGABRT"), 60_000);
  const clients = [1, 2].map(() => io(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true, reconnectionDelay: 20 }));
  try {
    const [a, b] = clients;
    await Promise.all(clients.map((client) => once(client, "connect")));
    assert.equal(await b.emitWithAck("say", "anybody?"), "ok");
    const said = once(b, "said");
    assert.equal(await a.emitWithAck("say", "hello"), "ok");
    assert.deepEqual(await said, ["hello"]);
  } finally {
    clearTimeout(patience);
    clients.forEach((client) => client.disconnect());
    child.kill("SIGKILL");
  }
});
// What its table of errors says, with a status and with results of several types.
await test("its README's table of errors", async () => {
  const row = (want) => [...new RegExp(`^\\| ${want} \\| (.*) \\|$`, "m").exec(readme)[1].matchAll(/`([^`]*)`/g)].map(([, code]) => code);
  const [look, gone] = row("to look"), [value, or] = row("the value, or a default"), [thrown] = row("an exception");
  const calls = ['join(who, "room")', 'emit(where.room("room"), "event", "[]")', 'listen("::1", 0)', 'find_namespace("/")', "remote()", 'is_member(who, "room")'];
  const body = calls.map((call, at) => {
    const looked = look.replace("broker.emit(…)", `broker.${call}`).replace("{ …", "{").replace("… }", `; return sent == ${gone}; }`);
    const or_else = or.replace("…", "{}");
    const valued = `if (auto result = broker.${call}; result) { static_cast<void>(${value}); }
      auto kept = broker.${call}; static_cast<void>(std::move(kept).${or_else}); static_cast<void>(broker.${call}.${or_else});`;
    return `  if (at == ${at}) {
      ${looked}
      broker.${call}${thrown.replace(".or_throw()", ".or_throw();")}
      ${at < 2 ? "" : valued}
    }`;
  });
  const source = path.join(dir, "errors.cpp");
  writeFileSync(source, `#include "roomcast.hpp"
bool errors(roomcast::broker& broker, roomcast::ns where, roomcast::socket who, int at) {
${body.join("\n")}
  return false;
}
`);
  await run(compiler, ["-std=c++17", "-fsyntax-only", ...warnings, ...includes, source]);
});
await test("its README's frame", async () => {
  const source = path.join(dir, "frame.cpp");
  writeFileSync(source, `#include "roomcast.hpp"
void frame(roomcast::broker& broker, roomcast::ns world, roomcast::socket player, const std::string& json) {
${frame}}
`);
  await run(compiler, ["-std=c++17", "-fsyntax-only", ...warnings, ...includes, source]);
});

async function echo(program) {
  const server = spawn(program, ["engine"], { stdio: ["ignore", "pipe", "inherit"] });
  const patience = setTimeout(() => server.kill("SIGABRT"), 60_000);
  try {
    const { value: port } = await createInterface({ input: server.stdout })[Symbol.asyncIterator]().next();
    const client = new Engine(`ws://127.0.0.1:${port}`, { path: "/socket.io/", transports: ["websocket"] });
    await once(client, "open");
    for (const message of ["text ✓", Buffer.from([0, 255, 7])]) {
      const back = once(client, "message");
      client.send(message);
      assert.deepEqual((await back)[0], message);
    }
    const exit = once(server, "exit");
    client.close();
    assert.deepEqual(await exit, [0, null]);
  } finally {
    clearTimeout(patience);
    server.kill();
  }
}

async function play(program, transport, throws) {
  const server = spawn(program, { stdio: ["ignore", "pipe", "inherit"] });
  const patience = setTimeout(() => server.kill("SIGABRT"), 60_000);
  const clients = [];
  try {
    const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
    const line = async () => (await lines.next()).value;
    const origin = `http://127.0.0.1:${await line()}`;
    const open = (nsp, options) => {
      const client = io(origin + nsp, { transports: [transport], forceNew: true, reconnection: false, ...options });
      client.heard = [];
      client.onAny((...event) => client.heard.push(event));
      clients.push(client);
      return client;
    };
    const join = async (options) => {
      const client = open("/", options);
      const [id] = await once(client, "welcome");
      assert.equal(id, client.id);
      return client;
    };
    const said = (client) => client.heard.filter(([name]) => name === "said").map(([, text]) => text);

    const page = await fetch(`${origin}/page`);
    assert.equal(page.headers.get("x-from"), "C++");
    assert.equal(await page.text(), "served");

    const a = await join({ query: { token: "t" }, extraHeaders: { "X-Agent": "smith" } });
    const b = await join();
    const c = await join();
    const all = [a, b, c];
    // Nobody hears the speaker but the others, each once, in order; though the host breaks out of its loop again and again.
    await Promise.all(Array.from({ length: 20 }, (_, at) => a.emitWithAck("say", `line ${at}`)));
    // One's own answer comes behind whatever was emitted to one before.
    const settled = () => Promise.all(all.map((client) => client.emitWithAck("who")));
    await settled();
    const lines20 = Array.from({ length: 20 }, (_, at) => `line ${at}`);
    assert.deepEqual([said(a), said(b), said(c)], [[], lines20, lines20]);

    assert.deepEqual(await a.emitWithAck("who"), "consistent");
    const known = await new Promise((resolve) => a.emit("who", (...answer) => resolve(answer)));
    assert.deepEqual(known, ["consistent", transport, "smith", "t"]);

    assert.equal(await a.emitWithAck("nowhere"), 0);
    await settled();
    assert.deepEqual([said(a), said(b), said(c)], [[], lines20, lines20]);

    const sent = Buffer.from([0, 1, 2, 255]);
    const back = once(a, "binary");
    assert.deepEqual(await a.emitWithAck("binary", sent), sent);
    assert.deepEqual((await back)[0], sent);

    // Those who are asked answer, or are too late, or go.
    b.on("asked", (answer) => answer("bee"));
    c.once("asked", (answer) => answer("sea"));
    assert.match(await a.emitWithAck("ask"), /^all (bee sea|sea bee)$/);
    assert.equal(await a.emitWithAck("ask"), "late bee");
    const d = await join();
    const gone = once(d, "asked").then(() => d.disconnect());
    c.once("asked", (answer) => answer("sea"));
    assert.match(await a.emitWithAck("ask"), /^gone (bee sea|sea bee)$/);
    await gone;
    assert.equal(await line(), "gone: client namespace disconnect, from lobby");

    assert.match(await b.emitWithAck("move"), new RegExp(`^3 ${b.id} (4:7 4:8|4:8 4:7) moved$`));
    assert.equal(await b.emitWithAck("state", 1), 0);
    assert.equal(await c.emitWithAck("state", 2), 1);
    await settled();
    assert.deepEqual(all.map((client) => client.heard.filter(([event]) => event === "state")), [[], [["state", 2]], []]);

    all.forEach((client) => { client.heard = []; });
    c.emit("thread");
    // A command of another thread is carried out in the next turn of the loop; this is how one learns of it.
    const heard = (client, text) => new Promise((resolve) => {
      const look = () => (said(client).includes(text) ? (client.offAny(look), resolve()) : undefined);
      client.onAny(look);
      look();
    });
    await Promise.all([heard(a, "from a thread"), heard(b, "to a cell"), heard(c, "from a thread")]);
    assert.deepEqual(all.map(said), [["from a thread"], ["to a cell"], ["from a thread"]]);

    const e = await join();
    await once(e.emit("errand"), "disconnect");
    assert.deepEqual(said(e), ["in the vault", "to one"]);
    assert.match(await line(), /^gone: server namespace disconnect, from (attic cellar|cellar attic)$/);
    await settled();
    assert.deepEqual(all.map((client) => said(client).slice(1)), [["to the others"], ["to the others"], ["to the others"]]);

    await once(open("/", { query: { banned: 1 } }), "connect_error");
    const banned = await fetch(`${origin}/socket.io/?EIO=4&transport=polling&banned=1`);
    assert.deepEqual([banned.status, banned.headers.get("x-let"), await banned.text()], [403, "not in", "banned"]);
    assert.match(a.io.engine.id, /^cpp-\d+$/);

    const refusal = open("/staff", { auth: { token: "guess" } });
    const [why] = await once(refusal, "connect_error");
    assert.equal(why.message, "not authorized");
    assert.deepEqual(why.data, { retry: false });
    await once(open("/staff", { auth: { token: "sesame" } }), "connect");

    // A client loses its connection, and comes back to its session; then it is not waited for any more.
    const phone = open("/phones");
    await once(phone, "welcome");
    for (const ended of [false, true]) {
      phone.io.engine.close();
      assert.equal(await line(), `away, tag 7: away 1 sessions_recovered ${Number(ended)} sessions_expired 0`);
      await a.emitWithAck("call", ended ? "nobody" : "it is for you");
      if (ended) a.emit("cancel");
      if (ended) assert.equal(await line(), "expired, tag 7: away 0 sessions_recovered 1 sessions_expired 1");
      const connected = once(phone, "connect");
      phone.connect();
      await connected;
      assert.equal(phone.recovered, !ended);
      if (!ended) assert.equal(await line(), "back, tag 7: away 0 sessions_recovered 1 sessions_expired 0");
    }
    assert.deepEqual(said(phone), ["it is for you"]);
    const hung = once(phone, "disconnect");
    a.emit("cancel");
    await hung;
    assert.equal(await line(), "gone: server namespace disconnect, from lobby");

    // An exception that leaves one handler costs that event alone.
    if (throws) {
      b.emit("fail", () => assert.fail("an answer"));
      assert.equal(await line(), "error -4");
      assert.equal(await b.emitWithAck("say", "still here"), "ok");
    }

    const bye = all.map((client) => once(client, "disconnect"));
    a.emit("quit");
    for (const [reason] of await Promise.all(bye)) assert.equal(reason, "transport close");
    const last = [];
    for (let next; (next = await line()) !== undefined; ) last.push(next);
    assert.deepEqual(last.filter((each) => each.includes("lobby") || each.includes("4:7")).length, 3);
    assert(last.every((each) => each.startsWith("gone: ")), String(last));
    if (server.exitCode === null) await once(server, "exit");
    assert.equal(server.exitCode, 0);
  } finally {
    clearTimeout(patience);
    clients.forEach((client) => client.disconnect());
    server.kill();
  }
}

console.log(`roomcast.hpp: ${passed} passed, ${process.exitCode ? "some" : 0} failed`);
