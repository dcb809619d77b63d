// One server that compresses, and clients beside each other that take it and that do not: ws, stock socket.io-client, Chromium and Firefox. Messages
// large and small, compressed and not, go to two rooms; each client has to get each of its own, once and in order, in bytes of its own kind.
// node compressed.mjs --host "command" [--chromium /usr/bin/chromium] [--firefox /usr/bin/firefox-esr]
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { io } from "socket.io-client";
import WebSocket from "ws";
import { Firefox } from "./lib/firefox.mjs";
import { Host } from "./lib/host.mjs";
import { within } from "./lib/raw.mjs";

const { values: args } = parseArgs({ options: {
  host: { type: "string" },
  chromium: { type: "string", default: "/usr/bin/chromium" },
  firefox: { type: "string", default: "/usr/bin/firefox-esr" },
} });
if (!args.host) throw new Error("usage: node compressed.mjs --host COMMAND");
const ROUNDS = 60;
const EVENTS = "42[\"state\",";

/** What is said in a round to a room: from some bytes to more than a packet of the network has. */
const state = (room, round) => [room, round, Array.from({ length: [1, 30, 300, 3_000][round % 4] }, (_, n) => ({ id: n, x: n * round % 97, name: "é😀" + room }))];

/** A client over a bare WebSocket: `socket` is one, of Node's or of a browser's. Runs in either, so it needs nothing from here. */
const talk = (url, room, rounds) => new Promise((resolve, reject) => {
  const socket = new WebSocket(url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket");
  const got = [];
  socket.onerror = () => reject(new Error("the WebSocket failed"));
  socket.onclose = () => reject(new Error("the WebSocket was closed"));
  socket.onmessage = ({ data }) => {
    if (data[0] === "0") socket.send("40");
    else if (data === "2") socket.send("3");
    else if (data.startsWith("40")) socket.send(`420["join","${room}"]`);
    // So large that a browser compresses it, too.
    else if (data.startsWith("430")) socket.send(`421["echo","${"joined ".repeat(500)}"]`);
    else if (data.startsWith("431")) resolve({ extensions: socket.extensions, got: new Promise((done) => { socket.finished = done; }) });
    else if (data.startsWith('42["state",')) {
      got.push(data);
      if (got.length === rounds) {
        socket.onclose = null;
        socket.close();
        socket.finished(got);
      }
    }
  };
});

const host = await Host.start(args.host.split(" "), { perMessageDeflate: { threshold: 200 }, maxHttpBufferSize: 10_000_000 });
const missing = [args.chromium, args.firefox].filter((path) => !existsSync(path));
if (missing.length > 0 && process.env.CI) throw new Error(`there is no ${missing.join(" and no ")}`);
const browsers = Object.fromEntries(await Promise.all([
  ["Chromium", args.chromium, (path) => chromium.launch({ executablePath: path, args: ["--headless", "--no-sandbox", "--disable-gpu"] })],
  ["Firefox", args.firefox, (path) => Firefox.launch(path)],
].filter(([, path]) => !missing.includes(path)).map(async ([name, path, launch]) => [name, await launch(path)])));

/** Clients of each kind in a room: what each is called, and a promise of what it gets. */
async function listeners(room) {
  const list = [];
  const bare = async (name, options) => {
    const url = host.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket";
    const socket = new WebSocket(url, options);
    const got = [];
    const done = new Promise((resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (data) => {
        const text = String(data);
        if (text[0] === "0") socket.send("40");
        else if (text === "2") socket.send("3");
        else if (text.startsWith("40")) socket.send(`420["join","${room}"]`);
        else if (text.startsWith("430")) socket.emit("joined");
        else if (text.startsWith(EVENTS)) {
          got.push(text);
          if (got.length === ROUNDS) resolve(got);
        }
      });
    });
    await within(new Promise((resolve) => socket.once("joined", resolve)), "a room");
    const read = () => socket._socket.bytesRead;
    const one = { name, extensions: socket.extensions, bytes: read() };
    one.done = done.then((all) => {
      one.bytes = read() - one.bytes;
      socket.terminate();
      return all;
    });
    list.push(one);
  };
  await bare("ws", {});
  await bare("ws with a window of 512 bytes", { perMessageDeflate: { serverMaxWindowBits: 9 } });
  await bare("ws that takes none", { perMessageDeflate: false });
  for (const transports of [["websocket"], ["polling", "websocket"], ["polling"]]) {
    const socket = io(host.url, { transports, forceNew: true });
    const got = [];
    const done = new Promise((resolve) => socket.on("state", (...state) => {
      got.push(`42${JSON.stringify(["state", ...state])}`);
      if (got.length === ROUNDS) resolve(got);
    }));
    await within(socket.emitWithAck("join", room), "a room");
    list.push({ name: `socket.io-client over ${transports}`, done: done.finally(() => socket.disconnect()) });
  }
  for (const [name, browser] of Object.entries(browsers)) {
    const page = await browser.newPage();
    const talked = `(${talk})(${JSON.stringify(host.url)}, ${JSON.stringify(room)}, ${ROUNDS})`;
    const extensions = await within(page.evaluate(`${talked}.then(({ extensions, got }) => { window.got = got; return extensions; })`), `${name} in a room`);
    assert.match(extensions, /permessage-deflate/, name);
    list.push({ name, done: page.evaluate("window.got") });
  }
  return list;
}

const rooms = { one: await listeners("one"), two: await listeners("two") };
const speaker = io(host.url, { transports: ["websocket"], forceNew: true });
await within(speaker.emitWithAck("rooms"), "a speaker");
for (let round = 0; round < ROUNDS; round++) {
  // Every third is not compressed; those of the two rooms are in one tick.
  for (const room of Object.keys(rooms)) speaker.emit("say", { rooms: [room], compress: round % 3 !== 0 }, "state", ...state(room, round));
}
let checked = 0;
for (const [room, list] of Object.entries(rooms)) {
  const due = Array.from({ length: ROUNDS }, (_, round) => `42${JSON.stringify(["state", ...state(room, round)])}`);
  for (const { name, done } of list) {
    const got = await within(done, `all messages at ${name} in room ${room}`, 30_000);
    assert.deepEqual(got, due, `${name} in room ${room}`);
    checked += got.length;
  }
  const bytes = due.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  for (const { name, extensions, bytes: read } of list.filter(({ extensions }) => extensions !== undefined)) {
    // A third of the messages was not to be compressed.
    const [least, most] = extensions === "" ? [1, 1.01] : [0.3, 0.6];
    assert.ok(read > bytes * least && read < bytes * most, `${name} (${extensions || "nothing agreed on"}): ${read} bytes for ${bytes}`);
  }
  assert.deepEqual(list.slice(0, 3).map(({ extensions }) => extensions !== ""), [true, true, false], "what was agreed on");
}
speaker.disconnect();
for (const browser of Object.values(browsers)) await browser.close();
await host.stop();
console.log(`${missing.map((path) => `without ${path}: `).join("")}${checked} messages reached clients that take compressed ones and clients that do not`);
process.exit(0);
