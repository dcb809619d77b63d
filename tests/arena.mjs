// Plays the arena: who is near is seen and heard, who has gone away is not, and nobody is told of what is far.
// node tests/arena.mjs ARENA_BINARY BOTS_BINARY
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { start } from "./under.mjs";

const root = path.dirname(import.meta.dirname);
const require = createRequire(path.join(root, "tests/interop/package.json"));
const { io } = require("socket.io-client");
const { chromium } = require("playwright-core");
const [arena, bots] = process.argv.slice(2);

const children = [];
const run = (...command) => {
  const child = start(...command);
  children.push(child);
  return [child, createInterface({ input: child.stdout })[Symbol.asyncIterator]()];
};
const patience = setTimeout(() => {
  console.error("arena: nothing happens");
  children.forEach((child) => child.kill("SIGKILL"));
  process.exit(1);
}, 60_000);

const [server, lines] = run(arena, "0");
const url = /^listening on (\S+)$/.exec((await lines.next()).value)[1];

// The page is there.
for (const [file, type] of [["/", "text/html"], ["/arena.js", "text/javascript"]]) {
  const response = await fetch(url + file);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type"), new RegExp(`^${type}`));
}

let passed = 0;
const shown = () => { passed++; };
shown();

let cell;
const cellOf = ({ x, y }) => [Math.floor(x / cell), Math.floor(y / cell)];
const apart = (one, other) => {
  const [a, b] = [cellOf(one), cellOf(other)];
  return Math.max(Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1]));
};

async function player(name) {
  const socket = io(url, { transports: ["websocket"], forceNew: true, reconnection: false });
  await once(socket, "connect");
  const [id, x, y, rules] = await new Promise((resolve) => socket.emit("join", name, (...all) => resolve(all)));
  ({ cell } = rules);
  const self = { socket, id, x, y, seen: new Map(), shots: [] };
  socket.on("p", (who, px, py) => {
    if (who === id) Object.assign(self, { x: px, y: py });
    else self.seen.set(who, (self.seen.get(who) ?? 0) + 1);
    // One cell, and one more for what moved while this was on its way.
    assert.ok(apart(self, { x: px, y: py }) <= 2, "told of somebody far away");
  });
  socket.on("shot", (who) => self.shots.push(who));
  return self;
}
// Events of one tick come without a pause between them, so this listens on.
const until = (socket, event, done) => new Promise((resolve) => {
  const each = (...args) => {
    if (!done(args)) return;
    socket.off(event, each);
    resolve();
  };
  socket.on(event, each);
});

// In a world of 192 cells two of a few dozen are near each other.
const players = [];
let pair;
while (!pair) {
  const next = await player(`player ${players.length}`);
  const near = players.find((other) => apart(other, next) <= 1);
  players.push(next);
  if (near) pair = [near, next];
  assert.ok(players.length < 300, "nobody is near anybody");
}
const [ann, bob] = pair;

// They see each other, and know each other's names.
await until(ann.socket, "p", ([who]) => who === bob.id);
await until(bob.socket, "p", ([who]) => who === ann.id);
assert.equal(await ann.socket.emitWithAck("who", bob.id), `player ${players.indexOf(bob)}`);
assert.equal(await ann.socket.emitWithAck("who", 4095), null);
shown();

// A shot is heard by both, each once.
const heard = once(bob.socket, "shot");
ann.socket.emit("shoot", 1);
await heard;
await until(ann.socket, "p", ([who]) => who === ann.id);
assert.deepEqual([ann, bob].map((one) => one.shots.filter((who) => who === ann.id).length), [1, 1]);
shown();

// Ann walks away, along the longer way; once she is out of Bob's cells he hears nothing more of her, though she does.
ann.socket.emit("input", ann.x < 2000 ? 1 : -1, 0, 0);
await until(ann.socket, "p", () => apart(ann, bob) >= 3);
const known = bob.seen.get(ann.id);
for (let i = 0; i < 10; i++) await until(ann.socket, "p", ([who]) => who === ann.id);
await bob.socket.emitWithAck("who", bob.id);
assert.equal(bob.seen.get(ann.id), known, "still told of somebody who went away");
shown();

// Nonsense changes nothing.
for (const args of [["input"], ["input", null, [], {}], ["input", 1e999, 0, 0], ["shoot", "up"], ["who", -1], ["join", "again"], ["nothing"]]) {
  ann.socket.emit(...args);
}
assert.equal(await ann.socket.emitWithAck("who", ann.id), `player ${players.indexOf(ann)}`);
shown();

// Somebody leaves: those around are told. Of two dozen at a time one will do.
let clare, some;
do {
  some = await Promise.all(Array.from({ length: 24 }, () => player("clare")));
  clare = some.find((one) => apart(one, bob) <= 1);
  some.forEach((one) => one === clare || one.socket.disconnect());
} while (!clare);
const gone = until(bob.socket, "gone", ([who]) => who === clare.id);
clare.socket.disconnect();
await gone;
shown();

// Bots play, and the list of the best counts them.
const [crowd, said] = run(bots, "127.0.0.1", new URL(url).port, "50");
assert.equal((await said.next()).value, "50 bots play");
await until(bob.socket, "top", (rows) => rows.at(-1) === players.length + 50);

shown();

// On a phone: the panels do not cover each other, a finger on the left steers and one on the right shoots, both at once.
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"] });
const context = await browser.newContext({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
const page = await context.newPage();
const faults = [];
page.on("pageerror", (error) => faults.push(error.message));
await page.goto(`${url}/?name=phone`);
await page.waitForFunction(() => window.arena?.players.get(window.arena.me)?.path.length > 0);
const boxes = await page.$$eval("#about, #top, #map", (all) => all.map((one) => one.getBoundingClientRect().toJSON()));
for (const [at, box] of boxes.entries()) {
  assert.ok(box.left >= 0 && box.right <= 390 && box.top >= 0 && box.bottom <= 844, "a panel is outside");
  for (const other of boxes.slice(at + 1)) {
    assert.ok(box.right <= other.left || other.right <= box.left || box.bottom <= other.top || other.bottom <= box.top, "panels overlap");
  }
}
assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it scrolls");
assert.equal(await page.isVisible(".touch"), true);
assert.equal(await page.isVisible(".mouse"), false);
const touch = await context.newCDPSession(page);
const fingers = (type, ...points) => touch.send("Input.dispatchTouchEvent", { type, touchPoints: points.map(([id, x, y]) => ({ id, x, y })) });
await page.evaluate(() => {
  window.sent = [];
  arena.socket.onAnyOutgoing((...event) => window.sent.push(event));
});
const told = (check) => page.waitForFunction(check);
await fingers("touchStart", [1, 90, 600]);
await fingers("touchMove", [1, 90, 700]);
await told(() => sent.some(([name, dx, dy]) => name === "input" && dx === 0 && dy === 1));
await fingers("touchStart", [1, 90, 700], [2, 340, 422]);
await told(() => sent.some(([name, angle]) => name === "shoot" && Math.abs(angle) < 0.05) && sent.at(-1)[0] === "shoot");
assert.deepEqual(await page.evaluate(() => sent.findLast(([name]) => name === "input").slice(1, 3)), [0, 1], "it steers on while it shoots");
if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
await fingers("touchEnd");
await told(() => { const last = sent.findLast(([name]) => name === "input"); return last[1] === 0 && last[2] === 0; });
assert.deepEqual(faults, []);
await browser.close();
shown();

// It ends when it is asked to, and the bots with it.
players.forEach((one) => one.socket.disconnect());
server.kill("SIGTERM");
const ends = [server, crowd].map((child) => once(child, "exit"));
for (const [code] of await Promise.all(ends)) assert.equal(code, 0);
shown();
clearTimeout(patience);
console.log(`arena: ${passed} passed, 0 failed`);
