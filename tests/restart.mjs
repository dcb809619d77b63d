// Stock clients over restarts under load: the server ends while it emits, and another one goes on where it was. Each client hears every
// number from its first to the last, once and in order. Takes the path of the host, `storm_host`, and how many clients (500).
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(new URL("./interop/package.json", import.meta.url));
const { io } = require("socket.io-client");
const [path, count = "500"] = process.argv.slice(2);
const RESTARTS = 3;
/** Milliseconds between two numbers, so that all clients together hear 10,000 in a second. */
const PULSE = Math.max(20, Math.round(count / 10));
const folder = mkdtempSync(join(tmpdir(), "roomcast-restart-"));
let running;

/** Starts a host; with a port, in the place of the one before. */
async function host(port = "0") {
    const words = [port, `pulse=${PULSE}`, "recovery=1", `kept=${join(folder, "kept")}`];
    running = spawn(path, words, { stdio: ["ignore", "pipe", "inherit"] });
    let imported = 0;
    for await (const line of createInterface({ input: running.stdout })) {
        const [what, value] = [line.split(" ")[0], line.split(/[ :]/).pop()];
        if (what === "listening") {
            return { port: value, imported };
        }
        imported = Number(value);
    }
}

/** A client, with what it hears. */
function client(url, transports) {
    const socket = io(url, { forceNew: true, transports, reconnectionDelay: 50, reconnectionDelayMax: 500 });
    const it = { socket, heard: [], recovered: 0, renewed: 0, waiting: [] };
    socket.on("connect", () => (socket.recovered ? it.recovered++ : it.renewed++));
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

try {
    let { port } = await host();
    const url = `http://127.0.0.1:${port}`;
    const ways = [["websocket"], ["polling"], ["polling", "websocket"]];
    const clients = [];
    // So many at a time, as they would come.
    for (let at = 0; at < Number(count); at++) {
        const it = client(url, ways[at % (Number(count) > 1000 ? 1 : 3)]);
        clients.push(it);
        if (at % 100 === 99) {
            await once(it.socket, "connect");
        }
    }
    const operator = client(url, ["websocket"]);
    const all = [...clients, operator];
    await Promise.all(all.map((it) => heard(it, 1)));
    for (let restart = 0; restart < RESTARTS; restart++) {
        const ended = once(running, "exit");
        operator.socket.emit("hand_over");
        assert.deepEqual(await ended, [0, null]);
        const most = Math.max(...all.map((it) => it.heard.at(-1)));
        const { imported } = await host(port);
        assert.equal(imported, all.length);
        await Promise.all(all.map((it) => heard(it, most + 5)));
    }
    const lasts = all.map((it) => once(it.socket, "last"));
    operator.socket.emit("stop_pulse");
    for (const [at, [last]] of (await Promise.all(lasts)).entries()) {
        const { heard, recovered, renewed } = all[at];
        assert.deepEqual({ recovered, renewed }, { recovered: RESTARTS, renewed: 1 }, `client ${at}`);
        const due = Array.from({ length: last - heard[0] + 1 }, (_, nth) => heard[0] + nth);
        assert.deepEqual(heard, due, `client ${at}`);
    }
    const messages = all.reduce((sum, it) => sum + it.heard.length, 0);
    all.forEach((it) => it.socket.close());
    console.log(`${all.length} clients over ${RESTARTS} restarts: ${messages} messages, none lost, none twice`);
} finally {
    running.kill();
    rmSync(folder, { recursive: true });
}
