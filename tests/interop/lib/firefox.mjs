// Firefox without a driver: its own WebDriver BiDi, as far as pages that run an expression need it. It must not know what is tested.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import WebSocket from "ws";
import { within } from "./raw.mjs";

export class Firefox {
  #process;
  #profile;
  #socket;
  #last = 0;
  #waiting = new Map();

  static async launch(binary) {
    const self = new Firefox();
    self.#profile = mkdtempSync(join(tmpdir(), "firefox-"));
    self.#process = spawn(binary, ["--headless", "--no-remote", "--profile", self.#profile, "--remote-debugging-port", "0"], {
      stdio: ["ignore", "ignore", "pipe"],
      // A home of its own as well: what it finds of others there is no matter of a test.
      env: { ...process.env, HOME: self.#profile },
    });
    const address = new Promise((resolve, reject) => {
      let said = "";
      self.#process.stderr.on("data", (data) => {
        said += data;
        const found = /WebDriver BiDi listening on (ws:\S+)/.exec(said);
        if (found) resolve(found[1]);
      });
      self.#process.once("exit", () => reject(new Error(`Firefox ended: ${said}`)));
    });
    self.#socket = new WebSocket(`${await within(address, "Firefox", 60_000)}/session`);
    await within(new Promise((resolve, reject) => self.#socket.once("open", resolve).once("error", reject)), "Firefox's answer");
    self.#socket.on("message", (data) => {
      const { id, result, error, message } = JSON.parse(data);
      const waiting = self.#waiting.get(id);
      self.#waiting.delete(id);
      if (error) waiting?.reject(new Error(`Firefox: ${error}: ${message}`));
      else waiting?.resolve(result);
    });
    await self.#command("session.new", { capabilities: {} });
    return self;
  }

  /** A tab, with `evaluate` for an expression, whose promise is waited for and whose value is JSON; as Playwright's pages have it. */
  async newPage() {
    const { context } = await this.#command("browsingContext.create", { type: "tab" });
    return {
      evaluate: async (expression) => {
        const { type, result, exceptionDetails } = await this.#command("script.evaluate", {
          expression: `(async () => JSON.stringify(await (${expression})))()`, target: { context }, awaitPromise: true,
        });
        if (type === "exception") throw new Error(`Firefox: ${exceptionDetails.text}`);
        return result.value === undefined ? undefined : JSON.parse(result.value);
      },
    };
  }

  async close() {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#command("browser.close", {}).catch(() => {});
    await within(ended, "Firefox's end", 30_000).catch(() => this.#process.kill("SIGKILL"));
    rmSync(this.#profile, { recursive: true, force: true });
  }

  #command(method, params) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
