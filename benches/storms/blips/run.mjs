// Stock socket.io-client's that lose their connection for two seconds, over and over, while a room talks: what each of them got. It fails
// when one of roomcast's clients misses a message or gets one twice; of Node's socket.io, with recovery on too, it says what came.
//   node run.mjs STORM_HOST [--clients 1000] [--seconds 30] [--rate 5]
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import path from "node:path";
import { parseArgs } from "node:util";

const here = import.meta.dirname;
const { io } = createRequire(path.join(here, "../../../tests/interop/package.json"))("socket.io-client");
const { values: args, positionals: [host] } = parseArgs({ allowPositionals: true, options: {
  clients: { type: "string", default: "1000" }, seconds: { type: "string", default: "30" }, rate: { type: "string", default: "5" },
} });
if (!host) throw new Error("usage: node run.mjs STORM_HOST");
const [clients, seconds, rate] = [args.clients, args.seconds, args.rate].map(Number);
const WORKERS = 2;
const SERVERS = { roomcast: [host, "0", "recovery=1"], "Node socket.io": ["node", path.join(here, "node.mjs")] };
// What becomes of the old connection: the server hears of its end, or nobody tells it.
const DROPS = { "the server hears of it": "cut", "the server does not": "lost" };

const running = new Set();
process.on("exit", () => { for (const child of running) child.kill("SIGKILL"); });
const keep = (child) => {
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
};

async function blips(server, kind) {
  const [program, ...words] = SERVERS[server];
  const child = keep(spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] }));
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const port = Number(/:(\d+)$/.exec(line)[1]);
  const messages = seconds * rate;
  const workers = Array.from({ length: WORKERS }, (_, at) => keep(fork(path.join(here, "worker.mjs"), [
    JSON.stringify({ port, kind, messages, seed: at + 1, count: Math.floor((clients + at) / WORKERS) }),
  ])));
  const all = async (word) => {
    for (const worker of workers) if (word !== undefined) worker.send(word);
    return (await Promise.all(workers.map((worker) => once(worker, "message")))).map(([answer]) => answer);
  };
  await all();
  const talker = io(`http://127.0.0.1:${port}`, { transports: ["websocket"] });
  await once(talker, "connect");
  for (const worker of workers) worker.send("drop");
  const begin = performance.now();
  for (let n = 0; n < messages; n++) {
    await new Promise((resolve) => setTimeout(resolve, begin + (n * 1_000) / rate - performance.now()));
    talker.emit("pub", n);
  }
  const results = await all("stop");
  talker.close();
  for (const worker of workers) worker.kill();
  child.kill();
  const sum = (name) => results.reduce((total, result) => total + result[name], 0);
  return Object.fromEntries(Object.keys(results[0]).map((name) => [name, sum(name)]));
}

console.log(`\n### Drops of 2 s: ${clients} stock clients, ${rate} messages a second for ${seconds} s\n`);
console.log("| when a connection drops | server | drops | came back to their session | delivered, % | clients that missed none | messages doubled | out of order |");
console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const [drop, kind] of Object.entries(DROPS)) {
  for (const server of Object.keys(SERVERS)) {
    const got = await blips(server, kind);
    const due = clients * seconds * rate;
    console.log(`| ${drop} | ${server} | ${got.drops} | ${got.recovered} | ${((100 * got.delivered) / due).toFixed(2)} | ` +
      `${got.whole} | ${got.doubled} | ${got.disordered} |`);
    if (server === "roomcast" && (got.delivered !== due || got.doubled > 0 || got.disordered > 0)) process.exitCode = 1;
  }
}
