// Starts a Redis, three nodes and nginx before them, and ends them all together: on Ctrl-C, or when nginx or Redis ends. A node may end; its
// clients go to the others. `make cluster` runs it.
//   node run.mjs PORT NODE_IN_C PYTHON
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const [port, inC, python] = process.argv.slice(2);
const here = import.meta.dirname;
const home = mkdtempSync(path.join(tmpdir(), "roomcast-cluster-"));
const socket = path.join(home, "redis");
const running = new Map();

function end(status) {
  for (const child of running.values()) child.kill();
  rmSync(home, { recursive: true, force: true });
  process.exit(status);
}

/** Starts a program, and waits until it has said `ready`. */
function start(name, ready, command, ...args) {
  // Debian's nginx is where only root looks.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env });
  running.set(name, child);
  if (name !== "redis" && name !== "nginx") console.log(`${name} is process ${child.pid}`);
  let said = "";
  return new Promise((resolve) => {
    child.stdout.on("data", (text) => {
      if (name !== "redis") process.stdout.write(text);
      if (ready.test(said += text)) resolve();
    });
    child.once("error", (error) => { console.error(`${name}: ${error.message}`); end(1); });
    child.once("exit", () => {
      running.delete(name);
      console.log(`${name} has ended`);
      if (!ready.test(said) || name === "redis" || name === "nginx" || running.size === 2) end(1);
    });
  });
}

/** An address on which nobody listens yet. */
async function free() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => end(0));
const [c, py, node] = [await free(), await free(), await free()];
await start("redis", /eady to accept connections/, "redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", home);
await Promise.all([
  start("c", /listening/, inC, c, `unix://${socket}`, "c"),
  start("python", /listening/, python, path.join(here, "node.py"), py, `unix://${socket}`, "python"),
  start("node", /listening/, process.execPath, path.join(here, "node.mjs"), node, socket, "node"),
]);
const address = Number(port) === 0 ? await free() : port;
const filled = { HOME: home, PAGE: here, PORT: address, C: `127.0.0.1:${c}`, PYTHON: `127.0.0.1:${py}`, NODE: `127.0.0.1:${node}`,
  CLIENT: path.join(here, "node_modules/socket.io-client/dist/socket.io.min.js") };
const conf = readFileSync(path.join(here, "nginx.conf"), "utf8").replaceAll(/@([A-Z]+)@/g, (_, name) => filled[name]);
writeFileSync(path.join(home, "nginx.conf"), conf);
start("nginx", /^/, "nginx", "-p", home, "-c", path.join(home, "nginx.conf"));
const url = `http://127.0.0.1:${address}`;
while (!await fetch(url).then((answer) => answer.ok, () => false)) await new Promise((resolve) => setTimeout(resolve, 20));
console.log(`open ${url} in two browsers, or once more in a private window: each is sent to a node of its own`);
