// Starts a Redis of its own on a Unix socket, and asks it things. It must not leave anything behind.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createClient } from "redis";
import { within } from "../lib/raw.mjs";

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
    this.child = spawn("redis-server", ["--port", "0", "--unixsocket", this.path, "--save", "", "--dir", this.home, ...this.options],
      { stdio: ["ignore", "pipe", "inherit"] });
    this.exited = new Promise((resolve) => this.child.once("close", resolve));
    let said = "";
    await within(new Promise((resolve, reject) => {
      this.child.stdout.on("data", (text) => {
        said += text;
        if (said.includes("eady to accept connections")) resolve();
      });
      this.child.once("close", () => reject(new Error(`redis-server ended: ${said}`)));
    }), "redis-server");
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

/** Whether there is one. */
export function hasRedis() {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
