// Takes the C programs and nginx's configuration out of docs/EMBEDDING.md, and the programs of docs/RUST.md, compiles and runs them
// as they stand there, and lets the README's client talk to each, over both transports, straight and through the proxy. The program that
// hands its sockets over is tests/deploys.mjs'.
// node tests/embedding.mjs TARGET_DIR
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { WAYS, blocks, cc, children, converse, folder, freePort, io, listening, program, proxy, root, start, stop, target } from "./programs.mjs";

const dir = folder("embedding");

// ---- The programs of docs/RUST.md, built before the clock runs ----
const rust = path.join(dir, "rust");
const ports = [];
mkdirSync(path.join(rust, "src/bin"), { recursive: true });
const manifest = readFileSync(path.join(root, "tests/rust_page/Cargo.toml"), "utf8");
writeFileSync(path.join(rust, "Cargo.toml"), manifest.replace('path = "../.."', `path = ${JSON.stringify(root)}`));
copyFileSync(path.join(root, "tests/rust_page/Cargo.lock"), path.join(rust, "Cargo.lock"));
for (const [at, text] of blocks("rust", "docs/RUST.md").entries()) {
  ports[at] = [await freePort(), await freePort()];
  writeFileSync(path.join(rust, `src/bin/program${at}.rs`), text.replaceAll("3000", String(ports[at][0])).replaceAll("8080", String(ports[at][1])));
}
if (ports.length !== 3) throw new Error(`${ports.length} programs in docs/RUST.md`);
execFileSync("cargo", ["build", "--quiet", "--locked", "--target-dir", target], { cwd: rust, stdio: ["ignore", 1, 2] });

let passed = 0;
const patience = setTimeout(() => {
  console.error("embedding: nothing happens");
  children.forEach((child) => child.kill());
  process.exit(1);
}, 60_000);
try {
  const whole = (text) => /^int main\(/m.test(text);
  const programs = blocks("c").filter((text) => whole(text) && !text.includes("LISTEN_FDS"));
  if (programs.length !== 3) throw new Error(`${programs.length} programs in docs/EMBEDDING.md`);
  // What is no program is a part of one: it compiles.
  for (const [at, text] of blocks("c").filter((text) => !whole(text)).entries()) {
    const part = path.join(dir, `part${at}.c`);
    writeFileSync(part, `#include <errno.h>\n#include <roomcast.h>\n#include <signal.h>\n#include <string.h>\n${text}`);
    cc(["-Wno-unused-function", "-fsyntax-only", part]);
    passed++;
  }
  for (const [at, text] of programs.entries()) {
    const port = await freePort();
    const server = await start(program(dir, `loop${at}`, text.replaceAll("3000", String(port))), []);
    await listening(port, server);
    for (const transports of WAYS) await converse(port, transports);
    passed++;

    if (at === 0) {
      const nginx = await proxy(dir, blocks("nginx")[0].replaceAll("3000", String(port)));
      for (const transports of WAYS) await converse(nginx.front, transports);
      passed++;
      await stop(nginx.child);
    }
    await stop(server);
  }

  for (const [at, [port, web]] of ports.entries()) {
    const server = await start(path.join(target, `debug/program${at}`), []);
    await listening(port, server);
    for (const transports of WAYS) await converse(port, transports);
    const client = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true, reconnection: false });
    await once(client, "connect");
    if (at === 2) {
      if ((await client.emitWithAck("say", "I am in")) !== "ok") throw new Error("no acknowledgement");
      const heard = once(client, "said");
      const say = (body) => fetch(`http://127.0.0.1:${web}/say`, { method: "POST", body });
      if ((await say('["from axum"]')).status !== 204 || (await heard)[0] !== "from axum") throw new Error("axum is not heard");
    }
    // It ends by itself, with status 0, and not before its clients know.
    const told = once(client, "disconnect"), exit = once(server, "exit");
    children.delete(server);
    server.kill("SIGTERM");
    await told;
    const [code, killed] = await exit;
    if (code !== 0) throw new Error(`program ${at} of docs/RUST.md ended with ${code ?? killed}`);
    passed++;
  }
  console.log(`docs/EMBEDDING.md and docs/RUST.md, their programs and its proxy: ${passed} passed, 0 failed`);
} finally {
  clearTimeout(patience);
  children.forEach((child) => child.kill());
}
