// Stock clients over restarts under load: the server ends while it emits, and another one goes on where it was. Each client is due every
// number from its first to the last. It fails when one of roomcast's clients misses a number, gets one twice or loses its session; of
// Node's socket.io, with recovery on too, it says what came.
//   node run.mjs STORM_HOST [--clients 1000] [--restarts 3] [--only roomcast]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const here = import.meta.dirname;
const { io } = createRequire(path.join(here, "../../../tests/interop/package.json"))("socket.io-client");
const { values: args, positionals: [program] } = parseArgs({ allowPositionals: true, options: {
    clients: { type: "string", default: "1000" }, restarts: { type: "string", default: "3" }, only: { type: "string" },
} });
if (!program) throw new Error("usage: node run.mjs STORM_HOST");
const [count, restarts] = [args.clients, args.restarts].map(Number);
/** Milliseconds between two numbers, so that all clients together hear 10,000 in a second. */
const PULSE = Math.max(20, Math.round(count / 10));
const folder = mkdtempSync(path.join(tmpdir(), "roomcast-restart-"));
const SERVERS = {
    roomcast: (port) => [program, port, `pulse=${PULSE}`, "recovery=1", `kept=${path.join(folder, "kept")}`],
    "Node's socket.io": (port) => ["node", path.join(here, "node.mjs"), port, String(PULSE), path.join(folder, "number")],
};
let running;

/** Starts a server; with a port, in the place of the one before. */
async function start(server, port = "0") {
    const [command, ...words] = SERVERS[server](port);
    running = spawn(command, words, { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: running.stdout })) {
        const listening = /^listening on .*:(\d+)$/.exec(line);
        if (listening) return listening[1];
    }
    throw new Error(`${server} does not listen`);
}

/** A client, with what it hears. */
function client(url, transports) {
    const socket = io(url, { forceNew: true, transports, reconnectionDelay: 50, reconnectionDelayMax: 500 });
    const it = { socket, last: transports.at(-1), heard: [], recovered: 0, waiting: [] };
    socket.on("connect", () => { it.recovered += socket.recovered; });
    socket.on("pulse", (number) => {
        it.heard.push(number);
        it.waiting = it.waiting.filter(([least, done]) => number < least || done());
    });
    return it;
}

/** Until a client has heard a number, or a later one. */
function heard(it, least) {
    return it.heard.at(-1) >= least || new Promise((done) => it.waiting.push([least, done]));
}

/**
 * Until a client has its last transport. One whose WebSocket ends while it pauses its polling for it learns of nothing but its ping
 * timeout, after 45 s, whichever server that was.
 */
function upgraded({ socket: { io: { engine } }, last }) {
    return engine.transport.name === last || once(engine, "upgrade");
}

async function run(server) {
    const port = await start(server);
    const url = `http://127.0.0.1:${port}`;
    // A thousand polls at a time are what this process can do.
    const ways = count > 1_000 ? [["websocket"]] : [["websocket"], ["polling"], ["polling", "websocket"]];
    const all = [];
    // So many at a time, as they would come.
    for (let at = 0; at < count; at++) {
        all.push(client(url, ways[at % ways.length]));
        if (at % 100 === 99) await once(all.at(-1).socket, "connect");
    }
    const operator = client(url, ["websocket"]);
    all.push(operator);
    await Promise.all(all.map((it) => heard(it, 1)));
    await Promise.all(all.map(upgraded));
    for (let restart = 0; restart < restarts; restart++) {
        const ended = once(running, "exit");
        operator.socket.emit("hand_over");
        const [code] = await ended;
        if (code !== 0) throw new Error(`${server} ended with ${code}`);
        const most = Math.max(...all.map((it) => it.heard.at(-1)));
        await start(server, port);
        await Promise.all(all.map((it) => heard(it, most + 5)));
        await Promise.all(all.map(upgraded));
    }
    const lasts = all.map((it) => once(it.socket, "last"));
    operator.socket.emit("stop_pulse");
    const sum = { due: 0, delivered: 0, doubled: 0, disordered: 0, whole: 0, recovered: 0, clients: all.length };
    for (const [at, [last]] of (await Promise.all(lasts)).entries()) {
        const { heard, recovered } = all[at];
        const due = last - heard[0] + 1;
        const delivered = new Set(heard).size;
        sum.due += due;
        sum.delivered += delivered;
        sum.doubled += heard.length - delivered;
        sum.disordered += heard.filter((number, nth) => nth > 0 && number < heard[nth - 1]).length;
        sum.whole += delivered === due;
        sum.recovered += recovered;
    }
    all.forEach((it) => it.socket.close());
    running.kill();
    return sum;
}

try {
    console.log(`\n### A restart under load, ${restarts} times: ${count + 1} stock clients, a number each ${PULSE} ms\n`);
    console.log("| server | restarts of a client | came back to their session | due | delivered, % | missed in a restart | clients that missed none | doubled | out of order |");
    console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (const server of Object.keys(SERVERS).filter((name) => [undefined, name].includes(args.only))) {
        const got = await run(server);
        const came = got.clients * restarts;
        console.log(`| ${server} | ${came} | ${got.recovered} | ${got.due} | ${((100 * got.delivered) / got.due).toFixed(2)} | ` +
            `${((got.due - got.delivered) / came).toFixed(1)} | ${got.whole} | ${got.doubled} | ${got.disordered} |`);
        const lost = got.delivered !== got.due || got.doubled > 0 || got.disordered > 0 || got.recovered !== came;
        if (server === "roomcast" && lost) process.exitCode = 1;
    }
} finally {
    running?.kill();
    rmSync(folder, { recursive: true });
}
