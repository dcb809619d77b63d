// Takes the C programs and nginx's configuration out of docs/EMBEDDING.md, and the programs of docs/RUST.md, compiles and runs them
// as they stand there, and lets the README's client talk to each, over both transports, straight and through the proxy.
// node tests/embedding.mjs TARGET_DIR
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { Agent } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const root = path.dirname(import.meta.dirname);
const target = path.resolve(process.argv[2] ?? path.join(root, "target"));
const { io } = createRequire(path.join(root, "tests/interop/package.json"))("socket.io-client");
const page = readFileSync(path.join(root, "docs/EMBEDDING.md"), "utf8");
const blocks = (language, text = page) => [...text.matchAll(new RegExp("^```" + language + "\\n([^]*?)^```", "gm"))].map(([, block]) => block);

const dir = path.join(target, "embedding");
rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });

const freePort = async () => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
};
// Until somebody listens there, at a port or a path, or the program has ended.
const listening = async (where, child) => {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the program ended with ${child.exitCode}`);
    const socket = typeof where === "string" ? connect(where) : connect(where, "127.0.0.1");
    const up = await new Promise((resolve) => socket.on("connect", () => resolve(true)).on("error", () => resolve(false)));
    socket.destroy();
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

const children = new Set();
const start = async (command, args, options) => {
  const child = spawn(command, args, { stdio: ["pipe", "inherit", "inherit"], ...options });
  await once(child, "spawn");
  children.add(child);
  return child;
};
const stop = async (child) => {
  children.delete(child);
  if (child.exitCode !== null) return;
  child.kill();
  await once(child, "exit");
};

// Two clients: what one says reaches the other, and is acknowledged.
async function converse(where, transports) {
  const over = typeof where === "string" ? { agent: new Agent({ socketPath: where }) } : {};
  const address = typeof where === "string" ? "http://localhost" : `http://127.0.0.1:${where}`;
  const clients = [1, 2].map(() => io(address, { transports, forceNew: true, reconnection: false, ...over }));
  try {
    await Promise.all(clients.map((client) => once(client, "connect")));
    const [speaker, listener] = clients;
    // A server joins its clients in the order of their connects; the listener's own answer says that it has.
    if ((await listener.emitWithAck("say", "anybody?")) !== "ok") throw new Error("no acknowledgement");
    const heard = once(listener, "said");
    speaker.on("said", (text) => { if (text === "hello") throw new Error("the speaker hears itself"); });
    if ((await speaker.emitWithAck("say", "hello")) !== "ok") throw new Error("no acknowledgement");
    const [said] = await heard;
    if (said !== "hello") throw new Error(`heard ${said}`);
    const transport = speaker.io.engine.transport.name;
    if (transport !== transports[0]) throw new Error(`over ${transport} instead of ${transports[0]}`);
  } finally {
    clients.forEach((client) => client.disconnect());
  }
}

// nginx with this server in its configuration, at a port of its own.
async function proxy(server) {
  const front = await freePort();
  const file = path.join(dir, "nginx.conf");
  // Its workers are somebody else otherwise, who may not write to our socket.
  const user = process.getuid() === 0 ? "user root;" : "";
  writeFileSync(file, `${user} daemon off; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
events {}
http {
access_log off; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
${server.replace("listen 8080", `listen 127.0.0.1:${front}`)}
}
`);
  const child = await start("nginx", ["-p", dir, "-c", file, "-e", path.join(dir, "error.log")], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
  await listening(front, child);
  return { front, child };
}

// ---- The programs of docs/RUST.md, built before the clock runs ----
const rust = path.join(dir, "rust");
const ports = [];
mkdirSync(path.join(rust, "src/bin"), { recursive: true });
const manifest = readFileSync(path.join(root, "tests/rust_page/Cargo.toml"), "utf8");
writeFileSync(path.join(rust, "Cargo.toml"), manifest.replace('path = "../.."', `path = ${JSON.stringify(root)}`));
copyFileSync(path.join(root, "tests/rust_page/Cargo.lock"), path.join(rust, "Cargo.lock"));
for (const [at, text] of blocks("rust", readFileSync(path.join(root, "docs/RUST.md"), "utf8")).entries()) {
  ports[at] = [await freePort(), await freePort()];
  writeFileSync(path.join(rust, `src/bin/program${at}.rs`), text.replaceAll("3000", String(ports[at][0])).replaceAll("8080", String(ports[at][1])));
}
if (ports.length !== 3) throw new Error(`${ports.length} programs in docs/RUST.md`);
execFileSync("cargo", ["build", "--quiet", "--locked", "--target-dir", target], { cwd: rust, stdio: ["ignore", 1, 2] });

let passed = 0;
const patience = setTimeout(() => {
  console.error("embedding: nothing happens");
  children.forEach((child) => child.kill());
  process.exit(1);
}, 60_000);
try {
  const flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", path.join(root, "include")];
  const cc = (args) => execFileSync(process.env.CC ?? "cc", [...flags, ...args], { stdio: ["ignore", 1, 2] });
  const whole = (text) => /^int main\(/m.test(text);
  const programs = blocks("c").filter(whole);
  if (programs.length !== 3) throw new Error(`${programs.length} programs in docs/EMBEDDING.md`);
  // What is no program is a part of one: it compiles.
  for (const [at, text] of blocks("c").filter((text) => !whole(text)).entries()) {
    const part = path.join(dir, `part${at}.c`);
    writeFileSync(part, `#include <errno.h>\n#include <roomcast.h>\n#include <signal.h>\n${text}`);
    cc(["-Wno-unused-function", "-fsyntax-only", part]);
    passed++;
  }
  for (const [at, text] of programs.entries()) {
    const port = await freePort();
    const source = path.join(dir, `loop${at}.c`);
    writeFileSync(source, text.replaceAll("3000", String(port)));
    const program = source.slice(0, -2);
    cc([source, "-o", program, "-L", path.join(target, "release"), "-lroomcast", `-Wl,-rpath,${path.join(target, "release")}`]);
    const server = await start(program, []);
    await listening(port, server);
    for (const transports of [["websocket"], ["polling"]]) await converse(port, transports);
    passed++;

    if (at === 0) {
      const nginx = await proxy(blocks("nginx")[0].replaceAll("3000", String(port)));
      for (const transports of [["websocket"], ["polling"]]) await converse(nginx.front, transports);
      passed++;
      await stop(nginx.child);
    }
    await stop(server);

    if (at === 0) { // The same over a Unix socket, straight and through the proxy.
      const [tcp, unix] = ['roomcast_listen(broker, ROOMCAST_TEXT("127.0.0.1"), 3000, NULL)', path.join(dir, "a.sock")];
      if (!text.includes(tcp)) throw new Error("the program listens otherwise");
      writeFileSync(source, text.replace(tcp, `roomcast_listen_unix(broker, ROOMCAST_TEXT("${unix}"), NULL)`));
      cc([source, "-o", program, "-L", path.join(target, "release"), "-lroomcast", `-Wl,-rpath,${path.join(target, "release")}`]);
      const local = await start(program, []);
      await listening(unix, local);
      for (const transports of [["websocket"], ["polling"]]) await converse(unix, transports);
      const [plain, pass] = blocks("nginx");
      const nginx = await proxy(plain.replace(/^ *proxy_pass .*$/m, pass.replace("/run/game/roomcast.sock", unix)));
      for (const transports of [["websocket"], ["polling"]]) await converse(nginx.front, transports);
      passed++;
      await stop(nginx.child);
      await stop(local);
    }
  }

  for (const [at, [port, web]] of ports.entries()) {
    const server = await start(path.join(target, `debug/program${at}`), []);
    await listening(port, server);
    for (const transports of [["websocket"], ["polling"]]) await converse(port, transports);
    const client = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true, reconnection: false });
    await once(client, "connect");
    if (at === 2) {
      if ((await client.emitWithAck("say", "I am in")) !== "ok") throw new Error("no acknowledgement");
      const heard = once(client, "said");
      const say = (body) => fetch(`http://127.0.0.1:${web}/say`, { method: "POST", body });
      if ((await say('["from axum"]')).status !== 204 || (await heard)[0] !== "from axum") throw new Error("axum is not heard");
    }
    // It ends by itself, with status 0, and not before its clients know.
    const told = once(client, "disconnect"), exit = once(server, "exit");
    children.delete(server);
    server.kill("SIGTERM");
    await told;
    const [code, killed] = await exit;
    if (code !== 0) throw new Error(`program ${at} of docs/RUST.md ended with ${code ?? killed}`);
    passed++;
  }
  console.log(`docs/EMBEDDING.md and docs/RUST.md, their programs and its proxy: ${passed} passed, 0 failed`);
} finally {
  clearTimeout(patience);
  children.forEach((child) => child.kill());
}
