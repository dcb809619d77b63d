// Starts and stops scenario hosts (HOST.md) and reads what they print.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { within } from "./raw.mjs";

// However this program ends, its hosts end with it.
const running = new Set();
process.on("exit", () => { for (const child of running) child.kill("SIGKILL"); });

export class Host {
  #seen = [];
  #waiting = [];

  static async start(command, options = {}) {
    const host = new Host();
    const [program, ...args] = command;
    host.child = spawn(program, [...args, JSON.stringify(options)], { stdio: ["ignore", "pipe", "inherit"] });
    running.add(host.child);
    host.exited = new Promise((resolve) => host.child.once("close", (code, signal) => {
      running.delete(host.child);
      resolve({ code, signal });
    }));
    createInterface({ input: host.child.stdout }).on("line", (line) => host.#line(line));
    const line = await Promise.race([
      host.line((text) => text.startsWith("listening on ")),
      host.exited.then(({ code, signal }) => { throw new Error(`host ended before listening: ${code ?? signal}`); }),
    ]);
    host.port = Number(line.slice("listening on ".length));
    host.url = `${process.env.INTEROP_TLS ? "https" : "http"}://127.0.0.1:${host.port}`;
    return host;
  }

  #line(text) {
    const waiting = this.#waiting.findIndex(({ wanted }) => wanted(text));
    if (waiting >= 0) this.#waiting.splice(waiting, 1)[0].resolve(text);
    else this.#seen.push(text);
  }

  /** The first printed line that `wanted` accepts, past or future. A line is handed out once. */
  line(wanted, what = "a line from the host") {
    const at = this.#seen.findIndex(wanted);
    if (at >= 0) return Promise.resolve(this.#seen.splice(at, 1)[0]);
    return within(new Promise((resolve) => this.#waiting.push({ wanted, resolve })), what);
  }

  /** The next log entry with these fields. */
  async log(fields) {
    const wanted = (text) => {
      if (!text.startsWith("log ")) return false;
      const entry = JSON.parse(text.slice(4));
      return Object.entries(fields).every(([key, value]) => entry[key] === value);
    };
    return JSON.parse((await this.line(wanted, "log " + JSON.stringify(fields))).slice(4));
  }

  /** Why and with which rooms this socket went. */
  async left(sid) {
    const { reason, rooms } = await this.log({ what: "disconnect", sid });
    return { reason, rooms };
  }

  async stop() {
    this.child.kill();
    await this.exited;
  }
}
