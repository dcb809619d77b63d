// Stock clients and a parser of Prometheus' own, at a server that drains, lets in so many a second, and tells its figures.
// Takes the path of the host, `storm_host`, and of a Python that has prometheus_client.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("./interop/package.json", import.meta.url));
const { io } = require("socket.io-client");
const [path, python] = process.argv.slice(2);
const hosts = [];

async function host(...limits) {
    const child = spawn(path, ["0", ...limits], { stdio: ["ignore", "pipe", "inherit"] });
    hosts.push(child);
    const lines = createInterface({ input: child.stdout });
    const [line] = await once(lines, "line");
    return { url: "http://" + line.split(" ").pop(), lines };
}

function client(url, options = {}) {
    return io(url, { forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100, ...options });
}

/** The figures, by name and labels. */
async function metrics(url) {
    const response = await fetch(url + "/metrics");
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    const text = await response.text();
    const parsed = spawnSync(python, [new URL("metrics.py", import.meta.url).pathname], { input: text, encoding: "utf8" });
    assert.equal(parsed.status, 0, parsed.stderr);
    return JSON.parse(parsed.stdout);
}

/** A deploy: the old server drains while the new one is up; the clients find the new one by themselves. */
async function drain() {
    for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
        const old = await host();
        const operator = client(old.url, { transports: ["websocket"], reconnection: false });
        const clients = Array.from({ length: 5 }, () => client(old.url, { transports }));
        await Promise.all([operator, ...clients].map((socket) => once(socket, "connect")));
        if (transports.length === 2) {
            const upgraded = ({ io }) => io.engine.transport.name === "websocket" || once(io.engine, "upgrade");
            await Promise.all(clients.map(upgraded));
        }
        const next = await host();
        const ends = clients.map(async (socket) => {
            const [reason, details] = await once(socket, "disconnect");
            // What a balancer does: whoever comes now is sent to the new server.
            socket.io.uri = next.url;
            const connected = once(socket, "connect");
            return { reason, details, connected };
        });
        const drained = once(old.lines, "line");
        operator.emit("drain", 50, "deploy");
        for (const { reason, details, connected } of await Promise.all(ends)) {
            // Not "io server disconnect", after which a client stays away.
            assert.equal(reason, "transport close");
            if (transports.at(-1) === "websocket") {
                assert.equal(details.context.code, 1012);
                assert.equal(details.context.reason, "deploy");
            }
            await connected;
        }
        assert.equal((await drained)[0], "drained");
        const health = await fetch(old.url + "/health");
        assert.equal(health.status, 503);
        assert.equal((await health.json()).status, "draining");
        const figures = await metrics(old.url);
        assert.equal(figures["roomcast_draining"], 1);
        assert.equal(figures["roomcast_drained_total"], 6);
        assert.equal(figures["roomcast_connections"], 0);
        assert.equal((await metrics(next.url))["roomcast_sockets"], 5);
        clients.forEach((socket) => socket.close());
    }
}

/** More clients than are let in at once: they come again by themselves, and all are in at last. */
async function rate() {
    const { url } = await host("max_handshakes_per_second=20");
    const clients = Array.from({ length: 60 }, (_, at) =>
        client(url, { transports: [["websocket"], ["polling"]][at % 2] }));
    let refused = 0;
    for (const socket of clients) {
        socket.on("connect_error", () => refused++);
    }
    await Promise.all(clients.map((socket) => socket.connected || once(socket, "connect")));
    const figures = await metrics(url);
    assert.equal(figures["roomcast_sockets"], 60);
    assert.ok(refused >= 1 && figures["roomcast_handshakes_over_rate_total"] >= refused);
    clients.forEach((socket) => socket.close());
}

/** What the figures say is what happened. */
async function figures() {
    const { url } = await host();
    const before = await metrics(url);
    const [a, b] = [client(url, { transports: ["websocket"] }), client(url, { transports: ["websocket"] })];
    await Promise.all([once(a, "connect"), once(b, "connect")]);
    await a.emitWithAck("join");
    await b.emitWithAck("join");
    const heard = once(b, "msg");
    a.emit("pub", "hello");
    await heard;
    const after = await metrics(url);
    const grown = (name) => after[name] - before[name];
    assert.equal(after["roomcast_connections"], 2);
    assert.equal(after["roomcast_rooms"], 1);
    assert.equal(grown("roomcast_connections_opened_total"), 2);
    assert.equal(grown("roomcast_messages_in_total"), 3);
    assert.equal(grown("roomcast_emits_total"), 1);
    assert.equal(grown("roomcast_deliveries_total"), 3);
    assert.equal(after['roomcast_messages_dropped_total{cause="volatile"}'], 0);
    assert.ok(grown("roomcast_flush_seconds_count") >= 5);
    assert.ok(grown("roomcast_step_seconds_count") >= grown("roomcast_flush_seconds_count") / 2);
    assert.ok(after["roomcast_step_seconds_sum"] > before["roomcast_step_seconds_sum"]);
    const post = await fetch(url + "/metrics", { method: "POST" });
    assert.equal(post.status, 405);
    a.close();
    b.close();
}

try {
    await figures();
    await rate();
    await drain();
    console.log("overload: a drain, an admission rate and metrics, seen by stock clients and Prometheus' parser");
} finally {
    hosts.forEach((child) => child.kill());
}
process.exit(0);
