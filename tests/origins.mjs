// Pages of other origins in Chromium, with `check_origin`: who is named may connect, who is not may not, over each transport.
//   node tests/origins.mjs INTEROP_HOST_BINARY
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import path from "node:path";

const interop = createRequire(path.join(import.meta.dirname, "interop/package.json"));
const { chromium } = interop("playwright-core");
const script = path.join(path.dirname(interop.resolve("socket.io-client/package.json")), "dist/socket.io.js");

// Pages of whatever origin: each name below localhost is this machine for a browser.
const pages = createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html><title>a page</title>"));
pages.listen(0, "127.0.0.1");
await once(pages, "listening");
const from = (name) => `http://${name}:${pages.address().port}`;

const options = { checkOrigin: true, cors: { origin: [from("named.localhost"), `http://*.family.localhost:${pages.address().port}`] } };
const host = spawn(path.resolve(process.argv[2]), [JSON.stringify(options)], { stdio: ["ignore", "pipe", "inherit"] });
const [line] = await once(createInterface({ input: host.stdout }), "line");
const port = /^listening on (\d+)/.exec(line)[1];
const server = `http://127.0.0.1:${port}`;

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/** What comes of a connection from a page of this origin, and the statuses of its requests that were answered. */
async function connect(origin, transport) {
  const page = await browser.newPage();
  await page.goto(origin);
  await page.addScriptTag({ path: script });
  // What a page may not read is not told to it, but to a debugger.
  const statuses = [];
  const network = await page.context().newCDPSession(page);
  network.on("Network.responseReceivedExtraInfo", ({ statusCode }) => statuses.push(statusCode));
  await network.send("Network.enable");
  const outcome = await page.evaluate(([url, transport]) => new Promise((resolve) => {
    const socket = globalThis.io(url, { transports: [transport], reconnection: false });
    socket.on("connect", () => resolve("connected"));
    socket.on("connect_error", (error) => resolve(`refused: ${error.message}`));
  }), [server, transport]);
  await page.close();
  return [outcome, statuses];
}

const CASES = [
  ["the server's own", `${server}/socket.io/?EIO=4&transport=polling`, true],
  ["named in the list", from("named.localhost"), true],
  ["meant by a pattern", from("a.family.localhost"), true],
  ["deeper below it", from("a.b.family.localhost"), true],
  ["the pattern's own name", from("family.localhost"), false],
  ["a name that only looks alike", from("named.localhost.evil.localhost"), false],
  ["another port of the same host", from("127.0.0.1"), false],
];

let passed = 0;
let failed = 0;
for (const transport of ["polling", "websocket"]) {
  for (const [name, origin, allowed] of CASES) {
    try {
      const [outcome, statuses] = await connect(origin, transport);
      if (allowed) assert.equal(outcome, "connected");
      else assert.match(outcome, /^refused/);
      // Over polling, too, it is the server that refuses, and not only the browser that hides its answer.
      if (!allowed && transport === "polling") assert.deepEqual(statuses, [403]);
      passed++;
      console.log(`passed  origins ${transport} / ${name}`);
    } catch (error) {
      failed++;
      console.log(`failed  origins ${transport} / ${name}\n        ${error.stack}`);
    }
  }
}
await browser.close();
host.kill();
pages.close();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
