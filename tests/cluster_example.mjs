// The example cluster, as people use it: stock clients through nginx, at each of its three nodes, and one node that goes.
//   node tests/cluster_example.mjs NODE_IN_C PYTHON
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { within } from "./interop/lib/raw.mjs";
import { io } from "./interop/node_modules/socket.io-client/build/esm/index.js";

const run = spawn(process.execPath, [path.join(import.meta.dirname, "../examples/cluster/run.mjs"), "0", ...process.argv.slice(2)],
  { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => run.kill());
const said = [];
const url = await within(new Promise((resolve, reject) => {
  createInterface({ input: run.stdout }).on("line", (line) => {
    said.push(line);
    const [url] = /http:\S+/.exec(line) ?? [];
    if (url) resolve(url);
  });
  run.once("exit", () => reject(new Error(`it has ended:\n${said.join("\n")}`)));
}), "the example", 60_000);

const clients = [];
/** A client, and at which node it is: it hears itself come. */
async function enter(name, room = "lobby", options = { transports: ["websocket"] }) {
  const socket = io(url, { auth: { name, room }, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100, ...options });
  clients.push(socket);
  const client = { name, socket, heard: [] };
  socket.onAny((...event) => client.heard.push(event));
  client.node = await came(client);
  return client;
}
/** Waits for an event, past or to come, that fits, and takes it and all before it away. */
async function heard(client, fits, what) {
  await within((async () => {
    while (!client.heard.some(fits)) await new Promise((resolve) => client.socket.onAny(function once() { client.socket.offAny(once); resolve(); }));
  })(), `${what} at ${client.name}`, 20_000);
  const at = client.heard.findIndex(fits);
  return client.heard.splice(0, at + 1)[at];
}
const came = async (client) => (await heard(client, ([event, name]) => event === "joined" && name === client.name, "its own coming"))[2];

const page = await fetch(url);
assert.match(await page.text(), /One chat, three nodes/);
assert.equal((await fetch(`${url}/socket.io.min.js`)).headers.get("content-type"), "text/javascript");

// One at each node, and one more that polls: a cookie keeps it at its node.
const at = {};
while (Object.keys(at).length < 3) {
  const client = await enter(`client ${clients.length}`);
  at[client.node] ??= client;
}
assert.deepEqual(Object.keys(at).sort(), ["c", "node", "python"]);
const polling = await enter("one who polls", "lobby", { transports: ["polling"], withCredentials: true });
const elsewhere = await enter("one elsewhere", "another room");
const all = [...Object.values(at), polling];
for (const [n, speaker] of all.entries()) {
  speaker.socket.emit("say", `hello ${n} "é"`);
  for (const client of all) {
    assert.deepEqual(await heard(client, ([event]) => event === "said", "what was said"), ["said", speaker.name, speaker.node, `hello ${n} "é"`]);
  }
}
assert.deepEqual(elsewhere.heard, []);

// A node goes without a word: its client is at another one, and hears the others, and they hear it.
const [, pid] = /^python is process (\d+)$/m.exec(said.join("\n"));
process.kill(Number(pid), "SIGKILL");
const moved = at.python;
moved.node = await came(moved);
assert.notEqual(moved.node, "python");
moved.socket.emit("say", "back");
for (const client of [at.c, at.node, moved]) {
  assert.deepEqual(await heard(client, ([event]) => event === "said", "what was said"), ["said", moved.name, moved.node, "back"]);
}

clients.forEach((client) => client.disconnect());
const ended = new Promise((resolve) => run.once("exit", resolve));
run.kill("SIGINT");
assert.equal(await within(ended, "the end"), 0);
console.log("cluster example: 1 passed, 0 failed");
