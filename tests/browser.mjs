// Starts the example chat on a free port and sends two tabs of Chromium into it.   node tests/browser.mjs CHAT_BINARY
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import path from "node:path";

const chat = spawn(path.resolve(process.argv[2]), ["0"], { stdio: ["ignore", "pipe", "inherit"] });
const lines = createInterface({ input: chat.stdout });
lines.on("line", (line) => {
  const url = /^listening on (http:\S+)/.exec(line)?.[1];
  if (!url) return;
  const tabs = spawn("node", [path.join(import.meta.dirname, "interop/chromium.mjs"), url], { stdio: ["ignore", "inherit", "inherit"] });
  tabs.once("close", (code) => {
    process.exitCode = code ?? 1;
    chat.kill();
    // A sanitizer has its say at the end.
    chat.once("exit", (status, signal) => {
      if (status !== 0 && signal !== "SIGTERM") process.exitCode = 1;
    });
  });
});
