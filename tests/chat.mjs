// A short evening in the example chat, over both transports, without a browser: people talk, lose their connection, move and leave, staff
// need a token.
// node tests/chat.mjs BINARY
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { start } from "./under.mjs";

const { io } = createRequire(path.join(import.meta.dirname, "interop/package.json"))("socket.io-client");
const chat = start(process.argv[2], "0");
const patience = setTimeout(() => { console.error("chat: nothing happens"); chat.kill("SIGKILL"); process.exit(1); }, 30_000);
const lines = createInterface({ input: chat.stdout });
const [line] = await once(lines, "line");
lines.resume();
const url = /^listening on (http:\S+)/.exec(line)[1];

let passed = 0;
const come = (space, transport, auth) => io(url + space, { auth, transports: [transport], forceNew: true, reconnection: false });
/** What the next event of this name says: its last argument is the offset of connection state recovery. */
const hears = async (socket, name) => (await once(socket, name)).slice(0, -1);
for (const transport of ["websocket", "polling"]) {
  const ann = come("/", transport, { name: "Ann" });
  assert.deepEqual(await hears(ann, "room"), ["lobby"]);
  const joined = hears(ann, "joined");
  const bob = come("/", transport, {});
  bob.on("connect", () => bob.emit("name", 'Bob "ü"\n'));
  assert.deepEqual(await hears(bob, "people"), [["Ann", (await joined)[0]]]);

  const heard = hears(bob, "message");
  await ann.emitWithAck("say", 'a "quoted"\n\u0001 word: ü');
  assert.deepEqual(await heard, ["Ann", 'a "quoted"\n\u0001 word: ü']);

  const lost = hears(ann, "left");
  bob.io.engine.close();
  await lost;
  await ann.emitWithAck("say", "are you there?");
  const [missed, back, again] = [hears(bob, "message"), once(bob, "connect"), hears(ann, "joined")];
  bob.connect();
  assert.deepEqual(await missed, ["Ann", "are you there?"]);
  await Promise.all([back, again]);
  assert.equal(bob.recovered, true);

  const left = hears(ann, "left");
  bob.emit("move", "music");
  assert.deepEqual(await hears(bob, "room"), ["music"]);
  await left;

  const stranger = come("/staff", transport, { token: "guessed" });
  assert.equal((await once(stranger, "connect_error"))[0].message, "Wrong token");
  const clerk = come("/staff", transport, { token: "staff", name: "Clara" });
  assert.deepEqual(await hears(clerk, "room"), ["staff"]);

  // One leaves in good order, one is still there when the chat ends.
  for (const one of [ann, stranger, clerk]) one.disconnect();
  passed++;
}
chat.kill("SIGTERM");
const [code] = await once(chat, "exit");
assert.equal(code, 0);
passed++;

// Without npm's client it says what it did not find, and its page takes the client from elsewhere.
const bare = spawn(path.resolve(process.argv[2]), ["0", "examples/chat", "/nowhere/socket.io.min.js"], { cwd: path.dirname(import.meta.dirname) });
const [[says], [bareLine]] = await Promise.all([bare.stderr, bare.stdout].map((stream) => once(createInterface({ input: stream }), "line")));
assert.match(says, /^no \/nowhere\/socket.io.min.js: pages load it from cdn.jsdelivr.net .*npm/);
assert.match(await (await fetch(/http:\S+/.exec(bareLine)[0])).text(), /<script src="https:\/\/cdn.jsdelivr.net/);
bare.kill("SIGTERM");
assert.deepEqual(await once(bare, "exit"), [0, null]);
passed++;
clearTimeout(patience);
console.log(`chat: ${passed} passed, 0 failed`);
