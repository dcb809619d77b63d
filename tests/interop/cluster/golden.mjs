// What Node's cluster packages publish for a table of operations, byte for byte, and whether they read what roomcast says in the same way.
// It must not need a Redis: the clients the packages get only write down what they are told.
//   node golden.mjs            compares with tests/recorded/cluster.jsonl, and reads tests/recorded/cluster_ours.jsonl
//   node golden.mjs --write    writes the former; the tests of src/wire/cluster write the latter (ROOMCAST_WRITE_RECORDED=1)
// Both have a line for each message: format, name, channel, payload. A payload is text if it begins with `{`, else bytes in hex; of a
// stream it is an object of its fields. Of an emit, the former has also what clients get by socket.io-parser: the event's name, its
// arguments as JSON, and its attachments in hex.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { Server } = require("socket.io");
const pubsub = require("@socket.io/redis-adapter");
const streams = require("@socket.io/redis-streams-adapter");
const { Encoder } = createRequire(require.resolve("socket.io"))("socket.io-parser");
const { Emitter } = require("@socket.io/redis-emitter");
const notepack = createRequire(require.resolve("@socket.io/redis-adapter"))("notepack.io");
const msgpack = createRequire(require.resolve("@socket.io/redis-streams-adapter"))("@msgpack/msgpack");

const recorded = new URL("../../recorded/", import.meta.url);
const reference = new URL("cluster.jsonl", recorded);

// Ids and request ids that are the same at each run.
let counter = 0;
crypto.randomBytes = (length) => Buffer.alloc(length, ++counter);

const rows = [];
let format, name;
const payload = (bytes) => {
  const text = bytes.toString();
  return text.startsWith("{") ? text : Buffer.from(bytes).toString("hex");
};
const publish = async (channel, bytes) => { rows.push([format, name, channel, payload(bytes)]); };

/** A client of Redis that only writes down, and hands out what its subscriptions are called with. */
function client() {
  const handlers = new Map();
  const subscribe = async (channels, handler) => [channels].flat().forEach((channel) => handlers.set(channel, handler));
  return {
    handlers, publish, sPublish: publish, isOpen: true,
    on() {}, listenerCount: () => 1, connect: async () => {}, disconnect: async () => {}, duplicate() { return this; },
    subscribe, sSubscribe: subscribe, pSubscribe: subscribe,
    sUnsubscribe: async () => {},
    // Another node is there.
    sendCommand: async () => ["", 2], xRead: () => new Promise(() => {}),
    xAdd: async (stream, _id, fields) => { rows.push([format, name, `XADD ${stream}`, fields]); return "1-1"; },
  };
}

/** A socket of this node, as far as adapters look at one. */
function socket(nsp, id, rooms, data) {
  const handshake = {
    headers: { host: "localhost" }, time: "Fri Nov 27 2026 12:00:00 GMT+0000 (Coordinated Universal Time)", address: "127.0.0.1",
    xdomain: false, secure: false, issued: 1795780800000, url: "/socket.io/?EIO=4", query: { EIO: "4" }, auth: { token: "t" },
  };
  const it = { id, handshake, data, acks: new Map(), client: { writeToEngine() {} }, join() {}, rooms: new Set([id, ...rooms]) };
  nsp.sockets.set(id, it);
  nsp.adapter.addAll(id, it.rooms);
  return it;
}

const long = (length) => "x".repeat(length);
const object = (count) => Object.fromEntries(Array.from({ length: count }, (_, number) => [`k${number}`, number]));
const values = [
  ["a text", "x"],
  ["whole numbers", 0, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, Number.MAX_SAFE_INTEGER],
  ["numbers below 0", -1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649, Number.MIN_SAFE_INTEGER],
  ["numbers with a fraction", 0.5, -1.25, 3.141592653589793, 5e-324, 1.5e-7, -0],
  ["no numbers", NaN, Infinity, -Infinity],
  ["nothing", null, undefined, { a: null, b: undefined }, [undefined]],
  ["booleans", true, false],
  ["texts as long as they can be", "", long(31), long(32), long(255), long(256)],
  ["texts to be escaped", "\"\\/\b\f\n\r\t\u0000\u001f\u007f", "\u00e9\u20ac\ud83d\ude00", "\u2028", "a\ud800b"],
  ["keys to be escaped", { "": 1, "\"": 2, "\n": 3, "\u00e9": 4, 5: 6 }],
  ["arrays as long as they can be", [], Array(15).fill(1), Array(16).fill(1)],
  ["objects as large as they can be", {}, object(15), object(16)],
  ["within one another", [[{ a: [{ b: [[]] }] }]]],
  ["bytes", Buffer.alloc(0), Buffer.from([1, 2, 3]), { deep: [Buffer.alloc(256, 7)] }],
  ["typed arrays", new Uint8Array([1, 2]), new Uint16Array([258]), new Uint8Array([9, 8]).buffer],
  ["dates", new Date(0), new Date(1795780800123), new Date("2500-01-01T00:00:00Z"), new Date("1969-12-31T23:59:59.999Z")],
  ["what looks like a placeholder", { _placeholder: true, num: 0 }],
  ["what looks like a placeholder, beside bytes", { _placeholder: true, num: 0 }, Buffer.from([1])],
];

/** Emits and orders, of a server or of an emitter. */
async function orders(io) {
  const say = async (what, act) => { name = what; await act(); await new Promise(setImmediate); };
  for (const [what, ...args] of values) await say(what, () => io.emit("ev", ...args));
  await say("no arguments", () => io.emit("ev"));
  await say("a number as name", () => io.emit(42, "x"));
  await say("an empty name", () => io.emit("", "x"));
  await say("to a room", () => io.to("r1").emit("ev", "x"));
  await say("to two rooms but one", () => io.to(["r1", "r2"]).except("r3").emit("ev", "x"));
  await say("to all but two", () => io.except(["r3", "\u00e9\""]).emit("ev", "x"));
  await say("to a room that is a number", () => io.to(42).emit("ev", "x"));
  await say("to a room of 20 characters", () => io.to("abcdefghijklmnopqrst").emit("ev", "x"));
  await say("volatile", () => io.volatile.emit("ev", "x"));
  await say("compressed", () => io.compress(true).emit("ev", "x"));
  await say("not compressed", () => io.compress(false).to("r1").emit("ev", "x"));
  await say("to another namespace", () => io.of("/chat").to("r1").emit("ev", "x"));
  await say("join", () => io.in("r1").except("r2").socketsJoin(["r3", "r4"]));
  await say("leave", () => io.in("r1").socketsLeave("r3"));
  await say("disconnect", () => io.in("r1").disconnectSockets());
  await say("disconnect with the connection", () => io.except("r1").disconnectSockets(true));
  await say("to hosts", () => io.serverSideEmit("ev", "x", 1, { a: [2] }));
}

/** What only servers say: questions and answers. */
async function questions(io, adapter, hear) {
  const say = async (what, act) => {
    name = what;
    act();
    // What is published behind promises is published by then.
    for (let turns = 0; turns < 10; turns += 1) await new Promise(setImmediate);
  };
  const quiet = (promise) => promise.catch(() => {});
  await say("bytes to hosts", () => io.serverSideEmit("ev", Buffer.from([1, 2, 3])));
  await say("to hosts, to be answered", () => quiet(io.serverSideEmitWithAck("ev", "x")));
  await say("fetch", () => quiet(io.in("r1").except("r2").fetchSockets()));
  await say("acknowledged", () => io.timeout(1234).to("r1").emit("ev", "x", () => {}));
  await say("acknowledged, bytes", () => io.timeout(1234).emit("ev", Buffer.from([1]), () => {}));
  if (adapter.allRooms) await say("all rooms", () => quiet(adapter.allRooms()));
  const sockets = [socket(io.of("/"), "sid1", ["r1"], { name: "n" }), socket(io.of("/"), "sid2", [], {})];
  const answers = [["one value", 1], ["two values", 1, 2], ["no value"], ["nothing", null], ["bytes", Buffer.from([1, 2])]];
  for (const [what, ...args] of answers) {
    io.on("ask", (answer) => answer(...args));
    await say(`a host answers: ${what}`, () => hear("server emit"));
    io.of("/").removeAllListeners("ask");
  }
  await say("sockets", () => hear("fetch"));
  await say("no sockets", () => hear("fetch nobody"));
  if (adapter.allRooms) {
    await say("rooms", () => hear("all rooms"));
    await say("ids", () => hear("ids"));
    await say("no ids", () => hear("ids of nobody"));
    await say("done", () => hear("old join"));
  }
  sockets[1].data = { bytes: Buffer.from([1, 2, 3]) };
  if (!adapter.allRooms) await say("sockets with bytes", () => hear("fetch"));
  for (const [what, ...args] of answers) {
    await say(`a client answers: ${what}`, () => {
      hear("broadcast");
      for (const [id, ack] of sockets[0].acks) { sockets[0].acks.delete(id); ack(...args); }
    });
  }
}

async function record() {
  for (const [kind, make] of [
    ["pubsub", (it) => pubsub.createAdapter(it, it)],
    ["sharded", (it) => pubsub.createShardedAdapter(it, it)],
    ["streams", (it) => streams.createAdapter(it)],
  ]) {
    [format, counter] = [kind, 0];
    const it = client();
    const io = new Server({ adapter: make(it) });
    await new Promise(setImmediate);
    await orders(io);
    const asks = {
      "server emit": [6, 9, { data: ["ask"] }, { packet: ["ask"] }],
      "fetch": [5, 7, { opts: { rooms: [], except: [] } }],
      "fetch nobody": [5, 7, { opts: { rooms: ["nobody"], except: [] } }],
      "all rooms": [1, 0, {}],
      "ids": [0, 0, { rooms: [] }],
      "ids of nobody": [0, 0, { rooms: ["nobody"] }],
      "old join": [2, 0, { sid: "sid1", room: "r5" }],
      "broadcast": [7, 3, { opts: { rooms: ["sid1"], except: [], flags: { timeout: 20 } }, packet: { type: 2, data: ["ev"], nsp: "/" } }],
    };
    const hear = (what) => {
      const [type, clusterType, fields, clusterFields = fields] = asks[what];
      if (kind === "pubsub") {
        const request = { uid: "asker1", requestId: "asked1", type, ...fields };
        return io.of("/").adapter.onrequest("socket.io-request#/#", Buffer.from(JSON.stringify(request)));
      }
      const data = { requestId: "0123456789abcdef", ...structuredClone(clusterFields) };
      io.of("/").adapter.onMessage({ type: clusterType, data, uid: "fedcba9876543210", nsp: "/" });
    };
    await questions(io, io.of("/").adapter, hear);
  }
  format = "emitter";
  await orders(new Emitter({ publish }));
}

/** What a payload says to the packages. */
function read([kind, , channel, payload]) {
  const binary = kind === "streams" ? msgpack.decode : notepack.decode;
  if (typeof payload === "object") {
    const { data, ...rest } = payload;
    return { ...rest, data: data.startsWith("{") ? JSON.parse(data) : binary(Buffer.from(data, "base64")) };
  }
  return payload.startsWith("{") ? JSON.parse(payload) : binary(Buffer.from(payload, "hex"));
}

/** What clients get of an emit. */
function toClients(row) {
  const message = read(row);
  const packet = Array.isArray(message) ? message[1] : message.packet ?? message.data?.packet;
  if (packet?.type !== 2) return [];
  const [text, ...attachments] = new Encoder().encode({ ...packet, nsp: "/" });
  const [event, ...args] = JSON.parse(text.slice(text.indexOf("[")));
  return [[String(event), JSON.stringify(args), attachments.map((bytes) => Buffer.from(bytes).toString("hex"))]];
}

/** What clients make of it: bytes in the places of placeholders. */
function byClients(row) {
  const [[name, args, attachments]] = toClients(row);
  return [name, JSON.parse(args, (_key, value) => (value?._placeholder === true ? attachments[value.num] : value))];
}

/** Values as a client would get them: dates are texts, bytes are bytes whatever they came as, and the least said is said alike. */
function plain(value) {
  // Emitters say who they are in broadcasts alone.
  if (value?.uid === "emitter") return plain({ ...value, uid: undefined });
  if (value instanceof Date) return value.toJSON();
  if (ArrayBuffer.isView(value)) return { bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex") };
  if (typeof value === "number") return Number.isFinite(value) ? value + 0 : null;
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).filter(([, it]) => it !== undefined).map(([key, it]) => [key, plain(it)]));
}

/** What is compared of a message. */
function seen(row) {
  // What is none becomes one beside one that is, to clients of Node as well: as clients read it.
  if (row[1] === "what looks like a placeholder, beside bytes") return byClients(row);
  const message = plain(read(row));
  // Names that are numbers are texts to whoever compares them.
  const asTexts = (_key, value) => (typeof value === "number" ? String(value) : value);
  return /a number/.test(row[1]) ? JSON.parse(JSON.stringify(message), asTexts) : message;
}

const lines = (file) => fs.readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));

await record();
for (const row of rows) row.push(...toClients(row));
if (process.argv.includes("--write")) {
  fs.writeFileSync(reference, rows.map((row) => JSON.stringify(row)).join("\n") + "\n");
} else {
  assert.deepEqual(JSON.parse(JSON.stringify(rows)), lines(reference), "the packages publish something else than was recorded");
  const ours = lines(new URL("cluster_ours.jsonl", recorded));
  assert.deepEqual(ours.map((row) => row.slice(0, 3)), rows.map((row) => row.slice(0, 3)));
  for (const [number, row] of ours.entries()) {
    assert.deepEqual(seen(row), seen(rows[number]), row.slice(0, 3).join(", "));
  }
  console.log(`cluster formats: ${rows.length} messages of Node as recorded, as many of ours read by its packages`);
}
process.exit(0);
