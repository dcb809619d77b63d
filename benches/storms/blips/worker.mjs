// Some of the clients of run.mjs, each behind a line of its own that can be dropped. It counts what they get, and judges nothing.
import net from "node:net";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";

const { io } = createRequire(path.join(import.meta.dirname, "../../../tests/interop/package.json"))("socket.io-client");
const { port, kind, messages, seed, count } = JSON.parse(process.argv[2]);
const AWAY = 2_000;
const EVERY = 8_000;

/** The network between one client and the server. */
class Line {
  #up = true;
  #pairs = new Set();
  async open() {
    this.listener = net.createServer({ noDelay: true }, (near) => this.#take(near)).listen(0, "127.0.0.1");
    await once(this.listener, "listening");
    return this.listener.address().port;
  }
  #take(near) {
    near.on("error", () => {});
    if (!this.#up) return near.resetAndDestroy();
    const far = net.connect({ port, host: "127.0.0.1", noDelay: true });
    far.on("error", () => {});
    const pair = { near, far };
    this.#pairs.add(pair);
    near.pipe(far);
    far.pipe(near);
    far.once("close", () => near.destroy());
    near.once("close", () => { if (this.#pairs.delete(pair)) far.destroy(); });
  }
  drop() {
    this.#up = false;
    const pairs = [...this.#pairs];
    this.#pairs.clear();
    for (const { near, far } of pairs) {
      // What the server sends goes nowhere, whether it knows or not.
      far.unpipe(near);
      far.pause();
      if (kind === "cut") far.resetAndDestroy();
      near.resetAndDestroy();
    }
  }
  mend() { this.#up = true; }
}

// Numerical Recipes' generator: the same drops for each server.
let state = seed;
const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;

const result = { drops: 0, recovered: 0, delivered: 0, doubled: 0, disordered: 0, whole: 0 };
const phones = [];
for (let n = 0; n < count; n++) {
  const line = new Line();
  const socket = io(`http://127.0.0.1:${await line.open()}`, { transports: ["websocket"], forceNew: true });
  const phone = { line, socket, seen: new Uint8Array(messages), last: -1 };
  phones.push(phone);
  socket.on("msg", (number) => {
    if (phone.seen[number]++ > 0) result.doubled++;
    else if (number < phone.last) result.disordered++;
    phone.last = Math.max(phone.last, number);
  });
  // Whoever is new has to join.
  const joined = new Promise((resolve) => socket.on("connect", () => {
    if (socket.recovered) result.recovered++;
    else socket.emit("join", resolve);
  }));
  await joined;
}

let dropping = true;
function drop(phone) {
  if (!dropping) return;
  result.drops += phone.socket.connected;
  phone.line.drop();
  setTimeout(() => phone.line.mend(), AWAY);
  setTimeout(() => drop(phone), EVERY * (0.75 + random() / 2));
}
process.on("message", async (word) => {
  if (word === "drop") return phones.forEach((phone) => setTimeout(() => drop(phone), EVERY * random()));
  dropping = false;
  for (const { socket, seen } of phones) {
    // An answer comes behind everything that was sent before. Who asks while its line is dropped asks again.
    for (let answered = false; !answered;) answered = await socket.timeout(5_000).emitWithAck("join").then(() => true, () => false);
    const got = seen.reduce((total, times) => total + Math.min(times, 1), 0);
    result.delivered += got;
    result.whole += got === messages;
  }
  process.send(result);
});
process.send("ready");
