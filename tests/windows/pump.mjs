// The program with a message loop under wine, and stock clients over both transports: what they say comes to the others and is
// acknowledged, and so do the loop's own ticks, through the remote.   node tests/windows/pump.mjs WINE PROGRAM
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";

const root = path.dirname(path.dirname(import.meta.dirname));
const { io } = createRequire(path.join(root, "tests/interop/package.json"))("socket.io-client");
const child = spawn(process.argv[2], [process.argv[3], "0"], { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => child.kill("SIGKILL"));
// Whatever hangs fails here.
setTimeout(() => { throw new Error("nothing came within a minute"); }, 60_000).unref();

const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), once(child, "exit").then(() => { throw new Error("it ended"); })]);
const url = `http://127.0.0.1:${line.trim().match(/^listening on (\d+)$/)[1]}`;
for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
  const clients = [1, 2].map(() => io(url, { transports, forceNew: true, reconnection: false }));
  await Promise.all(clients.map((client) => once(client, "connect")));
  await Promise.all(clients.map((client) => once(client, "tick")));
  for (let n = 0; n < 20; n++) {
    const heard = once(clients[1], "said");
    assert.equal(await clients[0].timeout(20_000).emitWithAck("say", n), "ok");
    assert.deepEqual(await heard, [n]);
  }
  for (const client of clients) client.close();
}
console.log("the pump: 3 passed, 0 failed");
process.exit(0);
