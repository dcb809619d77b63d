// Takes the first server in each language and the first client out of the README, as a newcomer would, and lets them talk.
// node tests/readme.mjs TARGET_DIR
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import path from "node:path";

const root = path.dirname(import.meta.dirname);
const target = path.resolve(process.argv[2] ?? path.join(root, "target"));
const readme = readFileSync(path.join(root, "README.md"), "utf8");
const snippet = (language) => new RegExp("^```" + language + "\\b.*\\n([^]*?)^```", "m").exec(readme)[1];

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, "127.0.0.1", () => { const { port } = probe.address(); probe.close(() => resolve(port)); });
});
const own = (text) => text.replaceAll("3000", String(port));

const dir = path.join(target, "readme");
rmSync(dir, { recursive: true, force: true });
mkdirSync(path.join(dir, "src"), { recursive: true });
writeFileSync(path.join(dir, "Cargo.toml"), `[package]
name = "newcomer"
version = "0.0.0"
edition = "2024"
[dependencies]
roomcast = { path = ${JSON.stringify(root)} }
[workspace]
`);
copyFileSync(path.join(root, "Cargo.lock"), path.join(dir, "Cargo.lock"));
writeFileSync(path.join(dir, "src/main.rs"), own(snippet("rust")));
writeFileSync(path.join(dir, "client.mjs"), own(snippet("js")));
symlinkSync(path.join(root, "tests/interop/node_modules"), path.join(dir, "node_modules"));
writeFileSync(path.join(dir, "server.c"), own(snippet("c")));
writeFileSync(path.join(dir, "server.py"), own(snippet("python")));
// Offline: the library is built by then, and its lock file names what is here. A registry that does not answer is no fault of ours.
execFileSync("cargo", ["build", "--quiet", "--offline", "--target-dir", target], { cwd: dir, stdio: ["ignore", 1, 2] });
const release = path.join(target, "release");
execFileSync(process.env.CC ?? "cc", ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", path.join(root, "include"), "server.c", "-o", "server",
  "-L", release, "-lroomcast", `-Wl,-rpath,${release}`], { cwd: dir, stdio: ["ignore", 1, 2] });

const children = [];
const start = (...command) => {
  const child = spawn(...command, { cwd: dir, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return [child, createInterface({ input: child.stdout })[Symbol.asyncIterator]()];
};
const client = () => start("node", ["client.mjs"])[1];
const expect = async (lines, wanted) => {
  const { value } = await lines.next();
  if (value !== wanted) throw new Error(`expected ${wanted}, got ${value}`);
};
// Until somebody listens there, or the server has ended.
const listening = async (server) => {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`);
    const socket = connect(port, "127.0.0.1");
    const up = await new Promise((resolve) => socket.on("connect", () => resolve(true)).on("error", () => resolve(false)));
    socket.destroy();
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const patience = setTimeout(() => { console.error("readme: nothing happens"); children.forEach((child) => child.kill()); process.exit(1); }, 60_000);
const servers = [[path.join(target, "debug/newcomer")], [path.join(dir, "server")], [path.join(root, "bindings/python/.venv/bin/python"), ["server.py"]]];
let passed = 0;
try {
  for (const command of servers) {
    const [server] = start(...command);
    await listening(server);
    const first = client();
    await expect(first, "ok");
    await expect(client(), "ok");
    await expect(first, "hello");
    const ended = new Promise((resolve) => server.once("exit", resolve));
    children.splice(0).forEach((child) => child.kill("SIGKILL"));
    await ended;
    passed++;
  }
  console.log(`readme: its servers and its clients understand each other: ${passed} passed, 0 failed`);
} finally {
  clearTimeout(patience);
  children.forEach((child) => child.kill());
}
