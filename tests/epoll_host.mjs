// The host with its own epoll loop: its timer and its datagrams reach clients, over both transports, and clients reach it.
// node tests/epoll_host.mjs BINARY
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { start } from "./under.mjs";

const { io } = createRequire(path.join(import.meta.dirname, "interop/package.json"))("socket.io-client");
const host = start(process.argv[2], "0");
const patience = setTimeout(() => { console.error("epoll_host: nothing happens"); host.kill("SIGKILL"); process.exit(1); }, 30_000);
const [line] = await once(createInterface({ input: host.stdout }), "line");
const [, url, udp] = /^listening on (\S+), and for datagrams on (\d+)$/.exec(line);

let passed = 0;
const datagrams = createSocket("udp4");
for (const transports of [["websocket"], ["polling"]]) {
  const client = io(url, { transports, forceNew: true, reconnection: false });
  await once(client, "connect");
  const [first] = await once(client, "beat"), [second] = await once(client, "beat");
  assert.ok(second > first, "the timer goes on");
  assert.deepEqual(await client.emitWithAck("anything", { it: "comes back" }), { it: "comes back" });
  const text = 'a "quoted"\n\u0001 datagram: ü';
  const heard = once(client, "datagram");
  datagrams.send(text, Number(udp), "127.0.0.1");
  assert.deepEqual(await heard, [text]);
  // What is not text is refused, and nothing else suffers.
  datagrams.send(Buffer.from([0xff, 0xfe]), Number(udp), "127.0.0.1");
  await once(client, "beat");
  client.disconnect();
  passed++;
}
datagrams.close();
host.kill("SIGTERM");
const [code] = await once(host, "exit");
assert.equal(code, 0);
passed++;
clearTimeout(patience);
console.log(`epoll_host: ${passed} passed, 0 failed`);
