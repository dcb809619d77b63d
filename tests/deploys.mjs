// Servers as they are deployed, by the recipes of docs/EMBEDDING.md as they stand there: behind nginx on a Unix socket and behind its
// `stream`, who a client is by its address; on systemd's sockets, in C and in Python; and restarts in which nobody is refused or reset.
// node tests/deploys.mjs TARGET_DIR PYTHON
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import path from "node:path";
import { createInterface } from "node:readline";
import { WAYS, blocks, children, converse, folder, freePort, io, listening, program, proxy, root, start, stop, streams } from "./programs.mjs";

const python = process.argv[3];
const dir = folder("deploys");
const launcher = path.join(root, "tests/launch.py");
let passed = 0;
let leftOut = 0;

const the = (found, what) => {
  if (!found) throw new Error(`docs/EMBEDDING.md: there is no ${what}`);
  return found;
};
const weave = (text, from, to) => {
  if (!text.includes(from)) throw new Error(`docs/EMBEDDING.md: no ${from}`);
  return text.replace(from, to);
};
const [pages, plain] = [blocks("c"), blocks("nginx")];
const server = the(pages.find((text) => text.includes("roomcast_poll(broker, -1)") && !text.includes("LISTEN_FDS")), "server");
const rolling = the(pages.find((text) => text.includes("LISTEN_FDS")), "program on inherited sockets");

/** A client of this address: connected, or refused. */
async function comes(port, localAddress) {
  const client = io(`http://127.0.0.1:${port}`, { transports: ["polling"], forceNew: true, reconnection: false, agent: new Agent({ localAddress, keepAlive: true }) });
  const refused = await Promise.race([once(client, "connect").then(() => false), once(client, "connect_error").then(() => true)]);
  if (refused) client.disconnect();
  return refused ? null : client;
}

/** Each way from an address of its own: who has just left may count still. */
async function conversesFromEverywhere(port) {
  for (const [at, transports] of WAYS.entries()) await converse(port, transports, { agent: new Agent({ localAddress: `127.0.0.${11 + at}` }) });
}

/** Three may come from one address, and no more; another address is another client. No other clients of this test have had these. */
async function countsAddresses(port) {
  const clients = [];
  for (const [address, let_in] of [["127.0.0.2", true], ["127.0.0.2", true], ["127.0.0.2", true], ["127.0.0.2", false], ["127.0.0.3", true]]) {
    const client = await comes(port, address);
    if (!client === let_in) throw new Error(`one from ${address} is ${client ? "let in" : "refused"}`);
    if (client) clients.push(client);
  }
  clients.forEach((client) => client.disconnect());
}

async function behindNginx() {
  const unix = path.join(dir, "a.sock");
  const parts = ["listen_behind_nginx", "believe_nginx"].map((name) => the(pages.find((text) => text.includes(`${name}(`)), name));
  let text = weave(server, "#include <stdio.h>\n", `#include <stdio.h>\n${parts.join("\n").replace(/(roomcast_status|void) (listen_|believe_)/g, "static $1 $2")}`);
  text = weave(text, "/run/game/roomcast.sock", unix);
  text = weave(text, "max_connections_per_address = 20", "max_connections_per_address = 3");
  text = weave(text, "    config.log = print;", "    believe_nginx(&config);\n    config.log = print;");
  text = weave(text, 'roomcast_listen(broker, ROOMCAST_TEXT("127.0.0.1"), 3000, NULL)', "listen_behind_nginx(broker)");
  const child = await start(program(dir, "unix", text), []);
  await listening(unix, child);
  const [http, pass] = [plain.find((text) => text.includes("map $http_upgrade")), plain.find((text) => text.includes("http://unix:"))];
  const nginx = await proxy(dir, http.replace(/^ *proxy_pass .*$/m, weave(pass, "/run/game/roomcast.sock", unix)));
  await conversesFromEverywhere(nginx.front);
  await countsAddresses(nginx.front);
  await stop(nginx.child);
  await stop(child);
  passed++;
}

async function behindStreams() {
  if (!streams) {
    console.log("NOT RUN: nginx' stream: its module is not there (apt-get install libnginx-mod-stream)");
    leftOut++;
    return;
  }
  const port = await freePort();
  let text = weave(server, 'roomcast_listen(broker, ROOMCAST_TEXT("127.0.0.1"), 3000, NULL)',
    `roomcast_listen_with(broker, ROOMCAST_TEXT("127.0.0.1"), ${port}, &how, NULL)`);
  text = weave(text, "    config.log = print;", "    config.log = print;\n    config.max_connections_per_address = 3;\n    how.flags = ROOMCAST_LISTEN_PROXY_PROTOCOL;");
  text = weave(text, "    roomcast_event events[64];", "    roomcast_listen_options how = ROOMCAST_LISTEN_OPTIONS_INIT;\n    roomcast_event events[64];");
  const child = await start(program(dir, "stream", text), []);
  await listening(port, child);
  const nginx = await proxy(dir, weave(the(plain.find((text) => text.includes("stream {")), "stream"), "127.0.0.1:3000", `127.0.0.1:${port}`));
  await conversesFromEverywhere(nginx.front);
  await countsAddresses(nginx.front);
  await stop(nginx.child);
  await stop(child);
  passed++;
}

/** A program with sockets by systemd's protocol, and the lines that it prints. */
async function launched(sockets, command, times = 1) {
  const child = await start(python, [launcher, String(times), sockets.join(","), ...command], { stdio: ["ignore", "pipe", "inherit"] });
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}
const listens = async (lines) => {
  const { value } = await lines.next();
  const [, pid] = /^(\d+) listens$/.exec(value ?? "") ?? [];
  if (!pid) throw new Error(`it said ${value}`);
  return Number(pid);
};

async function onSystemdsSockets(made) {
  const [port, proxied, unix] = [await freePort(), await freePort(), path.join(dir, "c.sock")];
  const { child, lines } = await launched([`web=${port}`, `proxied=${proxied}`, `local=${unix}`], [made]);
  await listens(lines);
  for (const where of [port, unix]) for (const transports of WAYS) await converse(where, transports);
  // By its name it is one on which connections begin with whose they are.
  if (streams) {
    const nginx = await proxy(dir, weave(plain.find((text) => text.includes("stream {")), "127.0.0.1:3000", `127.0.0.1:${proxied}`));
    await converse(nginx.front, ["websocket"]);
    await stop(nginx.child);
  }
  const ended = once(child, "exit");
  await stop(child);
  if ((await ended)[0] !== 0) throw new Error(`it ended with ${await ended}`);
  passed++;
  // By systemd's own program, which waits for the first client before it starts ours.
  const activate = ["/usr/bin/systemd-socket-activate", "/bin/systemd-socket-activate"].find(existsSync);
  if (!activate) {
    console.log("NOT RUN: systemd-socket-activate: it is not there (apt-get install systemd)");
    leftOut++;
    return;
  }
  const other = await freePort();
  const real = await start(activate, ["-l", `127.0.0.1:${other}`, "--fdname=web", made], { stdio: ["ignore", "ignore", "ignore"] });
  await listening(other, real);
  for (const transports of WAYS) await converse(other, transports);
  await stop(real);
  passed++;
}

async function pythonOnSystemdsSockets() {
  const file = path.join(dir, "server.py");
  writeFileSync(file, the(blocks("python").find((text) => text.includes("fd=3")), "server in Python"));
  const port = await freePort();
  const { child } = await launched([`web=${port}`], [python, file]);
  await listening(port, child);
  for (const transports of WAYS) await converse(port, transports);
  const ended = once(child, "exit");
  await stop(child);
  if ((await ended)[0] !== 0) throw new Error(`Python's server ended with ${await ended}`);
  passed++;
}

/** Clients one after the other, each on a connection of its own, until it is called: how many there were. One that is not let in is an error. */
function comers(port) {
  let over = false;
  const ask = (agent, method, query, body) => new Promise((resolve, reject) => {
    const asked = request({ port, host: "127.0.0.1", agent, method, path: `/socket.io/?EIO=4&transport=polling${query}` }, (answer) => {
      let text = "";
      answer.on("data", (part) => { text += part; }).on("end", () => resolve([answer.statusCode, text])).on("error", reject);
    });
    asked.on("error", reject).end(body);
  });
  const one = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const [status, text] = await ask(agent, "GET", "");
    if (status !== 200) throw new Error(`a client who comes is answered ${status}`);
    // It says that it goes. It may have been sent away meanwhile, and its connection with it.
    await ask(agent, "POST", `&sid=${JSON.parse(text.slice(1)).sid}`, "1").catch(() => {});
    agent.destroy();
  };
  const all = Array.from({ length: 4 }, async () => {
    let count = 0;
    for (; !over; count++) await one();
    return count;
  });
  const done = Promise.all(all);
  done.catch(() => {}); // whoever calls is told
  return async () => {
    over = true;
    return (await done).reduce((sum, count) => sum + count, 0);
  };
}

/** Stock clients that stay, over each transport: that all of them are there again after `restart`, and hear each other. */
async function come_back(port, restart) {
  const clients = WAYS.map((transports) => io(`http://127.0.0.1:${port}`, { transports, forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 200 }));
  const moved = clients.filter((_, at) => WAYS[at].length > 1);
  const upgrades = () => Promise.all(moved.map(({ io: { engine } }) => engine.transport.name === "websocket" || once(engine, "upgrade")));
  try {
    await Promise.all(clients.map((client) => once(client, "connect")));
    await upgrades();
    const gone = clients.map((client) => once(client, "disconnect")), back = clients.map((client) => once(client, "connect"));
    await restart();
    await Promise.all([...gone, ...back]);
    for (const client of clients) if ((await client.emitWithAck("say", "here")) !== "ok") throw new Error("no acknowledgement");
    const heard = clients.slice(1).map((client) => new Promise((done) => client.on("said", (text) => text === "all of you" && done())));
    await clients[0].emitWithAck("say", "all of you");
    await Promise.all(heard);
  } finally {
    clients.forEach((client) => client.disconnect());
  }
}

const lives = (pid) => {
  try { process.kill(pid, 0); return true; } catch { return false; }
};

/** A process hands its sockets to the next one, again and again: `next` has one begin, and gives the lines that it prints. */
async function rolls(what, port, { child, lines }, next, most = 3) {
  let pid = await listens(lines);
  const stopComing = comers(port);
  const before = [];
  try {
    for (let times = 0; times < most; times++) {
      await come_back(port, async () => {
        const old = pid;
        before.push(old);
        pid = await listens(await next(old, lines));
        if (pid === old) throw new Error("it is the same process");
        while (lives(old)) await new Promise((resolve) => setTimeout(resolve, 20));
      });
    }
    const came = await stopComing();
    if (came === 0) throw new Error("nobody came");
    console.log(`${what}: ${most + 1} processes one after the other: ${came} clients came, each was answered`);
  } finally {
    process.kill(pid, "SIGTERM");
    while (lives(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
    children.delete(child);
  }
  passed++;
}

const onSighup = (old, lines) => {
  process.kill(old, "SIGHUP");
  return lines;
};

async function rollsInC(made) {
  const port = await freePort();
  await rolls("C", port, await launched([`web=${port}`], [made]), onSighup);
}

/** The README's programs, which hand their socket over by inheritance, or by a Unix socket to whoever asks. */
async function rollsInPython() {
  const programs = blocks("python", "bindings/python/README.md");
  for (const [what, mark, next] of [
    ["Python, by inheritance", "pass_fds", onSighup],
    ["Python, by SCM_RIGHTS", "send_fds", async (_, __, begin) => (await begin()).lines],
  ]) {
    const port = await freePort();
    const file = path.join(dir, `${mark}.py`);
    const text = weave(the(programs.find((text) => text.includes(mark)), `program with ${mark}`), "3000", `${port}`);
    writeFileSync(file, text.replace("/run/game/next.sock", path.join(dir, "next.sock")));
    const begin = async () => {
      const child = await start(python, [file], { stdio: ["ignore", "pipe", "inherit"] });
      return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
    };
    await rolls(what, port, await begin(), (old, lines) => next(old, lines, begin), 2);
  }
}

/** systemd's way: one process ends, then the next one is started, on the same sockets. */
async function restarts(made) {
  const port = await freePort();
  const { child, lines } = await launched([`web=${port}`], [made], 3);
  let pid = await listens(lines);
  const stopComing = comers(port);
  for (let times = 0; times < 2; times++) {
    await come_back(port, async () => {
      process.kill(pid, "SIGTERM");
      pid = await listens(lines);
    });
  }
  const came = await stopComing();
  console.log(`a socket that outlives its processes: ${came} clients came, each was answered`);
  const ended = once(child, "exit");
  await stop(child);
  if ((await ended)[0] !== 0) throw new Error(`it ended with ${await ended}`);
  passed++;
}

const patience = setTimeout(() => {
  console.error("deploys: nothing happens");
  children.forEach((child) => child.kill());
  process.exit(1);
}, 150_000);
try {
  execFileSync(python, ["-c", "import roomcast"], { stdio: ["ignore", 1, 2] });
  const made = program(dir, "rolling", rolling);
  await behindNginx();
  await behindStreams();
  await onSystemdsSockets(made);
  await pythonOnSystemdsSockets();
  await rollsInC(made);
  await rollsInPython();
  await restarts(made);
  console.log(`deploys: ${leftOut} left out`);
  console.log(`deploys: ${passed} passed, 0 failed`);
} finally {
  clearTimeout(patience);
  children.forEach((child) => child.kill());
}
