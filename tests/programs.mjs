// Programs out of the documentation, with clients: what the tests of docs/EMBEDDING.md share. It must not say what is tested.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { Agent } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

export const root = path.dirname(import.meta.dirname);
export const target = path.resolve(process.argv[2] ?? path.join(root, "target"));
export const { io } = createRequire(path.join(root, "tests/interop/package.json"))("socket.io-client");
export const blocks = (language, page = "docs/EMBEDDING.md") =>
  [...readFileSync(path.join(root, page), "utf8").matchAll(new RegExp("^```" + language + "\\n([^]*?)^```", "gm"))].map(([, block]) => block);

/** A folder of a test's own, which is empty. */
export const folder = (name) => {
  const dir = path.join(target, name);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  return dir;
};

export const freePort = async () => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
};

/** Until somebody listens there, at a port or a path, or the program has ended. */
export const listening = async (where, child) => {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the program ended with ${child.exitCode}`);
    const socket = typeof where === "string" ? connect(where) : connect(where, "127.0.0.1");
    const up = await new Promise((resolve) => socket.on("connect", () => resolve(true)).on("error", () => resolve(false)));
    socket.destroy();
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

// ---- Programs ----

const flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", path.join(root, "include")];
export const cc = (args) => execFileSync(process.env.CC ?? "cc", [...flags, ...args], { stdio: ["ignore", 1, 2] });

/** A program of this text, linked with the library. */
export function program(dir, name, text) {
  const [source, made, library] = [path.join(dir, `${name}.c`), path.join(dir, name), path.join(target, "release")];
  writeFileSync(source, text);
  cc([source, "-o", made, "-L", library, "-lroomcast", `-Wl,-rpath,${library}`]);
  return made;
}

export const children = new Set();
export const start = async (command, args, options) => {
  const child = spawn(command, args, { stdio: ["pipe", "inherit", "inherit"], ...options });
  await once(child, "spawn");
  children.add(child);
  return child;
};
export const stop = async (child) => {
  children.delete(child);
  if (child.exitCode !== null) return;
  child.kill();
  await once(child, "exit");
};

const connected = (client) => new Promise((done, failed) => client.once("connect", done).once("connect_error", failed));

/** Two clients: what one says reaches the other, and is acknowledged. Over both transports they begin with polling and move on. */
export async function converse(where, transports, options = {}) {
  const over = typeof where === "string" ? { agent: new Agent({ socketPath: where }) } : {};
  const address = typeof where === "string" ? "http://localhost" : `http://127.0.0.1:${where}`;
  const clients = [1, 2].map(() => io(address, { transports, forceNew: true, reconnection: false, ...over, ...options }));
  try {
    await Promise.all(clients.flatMap((client) => [connected(client), transports.length > 1 && once(client.io.engine, "upgrade")]));
    const [speaker, listener] = clients;
    // A server joins its clients in the order of their connects; the listener's own answer says that it has.
    if ((await listener.emitWithAck("say", "anybody?")) !== "ok") throw new Error("no acknowledgement");
    const heard = once(listener, "said");
    speaker.on("said", (text) => { if (text === "hello") throw new Error("the speaker hears itself"); });
    if ((await speaker.emitWithAck("say", "hello")) !== "ok") throw new Error("no acknowledgement");
    const [said] = await heard;
    if (said !== "hello") throw new Error(`heard ${said}`);
    const transport = speaker.io.engine.transport.name;
    if (transport !== transports.at(-1)) throw new Error(`over ${transport} instead of ${transports.at(-1)}`);
  } finally {
    clients.forEach((client) => client.disconnect());
  }
}

/** Each transport, and the way from one to the other. */
export const WAYS = [["websocket"], ["polling"], ["polling", "websocket"]];

const MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";
/** Whether nginx has stream blocks. */
export const streams = existsSync(MODULE);

/** nginx with this in its configuration, at a port of its own: what belongs into its http block, or a whole stream block. */
export async function proxy(dir, block) {
  const front = await freePort();
  const file = path.join(dir, "nginx.conf");
  // Its workers are somebody else otherwise, who may not write to our socket.
  const user = process.getuid() === 0 ? "user root;" : "";
  const own = block.replace(/listen \d+;/, `listen 127.0.0.1:${front};`);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${dir};`).join(" ");
  const rest = /^stream /m.test(own) ? own : `http {\naccess_log off; ${temporary}\n${own}\n}`;
  const load = /^stream /m.test(own) ? `load_module ${MODULE};` : "";
  writeFileSync(file, `${load} ${user} daemon off; pid ${dir}/nginx.pid; error_log ${dir}/error.log;\nevents {}\n${rest}\n`);
  const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const child = await start("nginx", ["-p", dir, "-c", file, "-e", path.join(dir, "error.log")], { env: environment });
  await listening(front, child);
  return { front, child };
}
