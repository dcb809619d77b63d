// Starts a Redis of its own on a Unix socket, and asks it things. It must not leave anything behind.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createClient } from "redis";
import { certify } from "../lib/certify.mjs";
import { within } from "../lib/raw.mjs";

/** The program: Redis, or what speaks as it does. */
const SERVER = process.env.REDIS_SERVER ?? "redis-server";

const running = new Set();
process.on("exit", () => { for (const redis of running) redis.kill(); });

export class Redis {
  static async start(...options) {
    const redis = new Redis();
    redis.home = mkdtempSync(path.join(tmpdir(), "roomcast-redis-"));
    redis.path = path.join(redis.home, "socket");
    redis.url = `unix://${redis.path}`;
    redis.options = options;
    running.add(redis);
    await redis.run();
    return redis;
  }

  /** Runs it, for the first time or anew, with nothing in it. */
  async run() {
    this.child = spawn(SERVER, ["--port", "0", "--unixsocket", this.path, "--save", "", "--dir", this.home, ...this.options],
      { stdio: ["ignore", "pipe", "inherit"] });
    this.exited = new Promise((resolve) => this.child.once("close", resolve));
    let said = "";
    await within(new Promise((resolve, reject) => {
      this.child.stdout.on("data", (text) => {
        said += text;
        if (said.includes("eady to accept connections")) resolve();
      });
      this.child.once("close", () => reject(new Error(`${SERVER} ended: ${said}`)));
    }), SERVER);
    this.client = await this.connect();
  }

  async connect() {
    const client = createClient({ socket: { path: this.path, reconnectStrategy: () => 20 } });
    // It is told again by whatever is asked next.
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  /** It goes without a word. */
  async crash() {
    this.client.destroy();
    this.child.kill("SIGKILL");
    await this.exited;
  }

  kill() {
    this.child.kill("SIGKILL");
    rmSync(this.home, { recursive: true, force: true });
    running.delete(this);
  }

  async stop() {
    this.client.destroy();
    this.child.kill("SIGKILL");
    await this.exited;
    this.kill();
  }
}

/** An address on which nobody listens yet. */
export async function free() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Certificates in a folder of their own, and what a Redis is told that is reached by them at a port. */
export function certificates() {
  const folder = mkdtempSync(path.join(tmpdir(), "roomcast-tls-"));
  certify(folder);
  const at = (file) => path.join(folder, file);
  return {
    at,
    options: (port) => ["--tls-port", String(port), "--tls-cert-file", at("own.crt"), "--tls-key-file", at("own.key"),
      "--tls-ca-cert-file", at("ca.crt"), "--tls-auth-clients", "no"],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A Redis that is reached over TLS; `tls` is for Node's client, `secured` a URL for whoever trusts the authority of this file. */
export async function overTls() {
  const [{ at, options, remove }, port] = [certificates(), await free()];
  const redis = await Redis.start(...options(port));
  redis.tls = { port, ca: readFileSync(at("ca.crt"), "utf8") };
  redis.secured = (file) => `rediss://127.0.0.1:${port}?ssl_ca_certs=${at(file)}`;
  const { kill } = redis;
  redis.kill = () => { kill.call(redis); remove(); };
  return redis;
}

/** A Redis, a replica of it, and a sentinel that watches both; `url` asks the sentinel. */
export class Watched {
  static async start() {
    const [master, replica, sentinel] = [await free(), await free(), await free()];
    const it = new Watched();
    it.master = await Redis.start("--port", String(master));
    it.replica = await Redis.start("--port", String(replica), "--replicaof", `127.0.0.1 ${master}`);
    const conf = path.join(it.master.home, "sentinel.conf");
    writeFileSync(conf, [`port ${sentinel}`, `sentinel monitor mine 127.0.0.1 ${master} 1`, "sentinel down-after-milliseconds mine 300",
      "sentinel failover-timeout mine 2000", ""].join("\n"));
    it.sentinel = spawn(SERVER, [conf, "--sentinel"], { stdio: "ignore" });
    const asks = createClient({ socket: { port: sentinel, reconnectStrategy: () => 20 } });
    asks.on("error", () => {});
    await asks.connect();
    const known = async () => (await asks.sendCommand(["SENTINEL", "REPLICAS", "mine"])).length;
    await within((async () => { while (await known() === 0) await new Promise((resolve) => setTimeout(resolve, 50)); })(), "a sentinel that knows the replica");
    asks.destroy();
    it.url = `redis+sentinel://127.0.0.1:${sentinel}/0/mine`;
    return it;
  }

  async stop() {
    this.sentinel.kill("SIGKILL");
    await this.replica.stop();
    this.master.kill();
  }
}

/** Whether there is one. */
export function hasRedis() {
  try {
    execFileSync(SERVER, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
