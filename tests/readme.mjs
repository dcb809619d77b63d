// Takes the first server and the first client out of the README, as a newcomer would, and lets them talk.
// node tests/readme.mjs TARGET_DIR
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import path from "node:path";

const root = path.dirname(import.meta.dirname);
const target = path.resolve(process.argv[2] ?? path.join(root, "target"));
const readme = readFileSync(path.join(root, "README.md"), "utf8");
const snippet = (language) => new RegExp("^```" + language + "\\b.*\\n([^]*?)^```", "m").exec(readme)[1];

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, "127.0.0.1", () => { const { port } = probe.address(); probe.close(() => resolve(port)); });
});
const own = (text) => text.replaceAll("127.0.0.1:3000", `127.0.0.1:${port}`);

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
execFileSync("cargo", ["build", "--quiet", "--target-dir", target], { cwd: dir, stdio: ["ignore", 1, 2] });

const children = [];
const start = (...command) => {
  const child = spawn(...command, { cwd: dir, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
};
const expect = async (lines, wanted) => {
  const { value } = await lines.next();
  if (value !== wanted) throw new Error(`expected ${wanted}, got ${value}`);
};
const patience = setTimeout(() => { console.error("readme: nothing happens"); children.forEach((child) => child.kill()); process.exit(1); }, 20_000);
try {
  const server = start(path.join(target, "debug/newcomer"));
  await expect(server, `listening on http://127.0.0.1:${port}`);
  const first = start("node", ["client.mjs"]);
  await expect(first, "ok");
  await expect(start("node", ["client.mjs"]), "ok");
  await expect(first, "hello");
  console.log("readme: its server and its clients understand each other: 1 passed, 0 failed");
} finally {
  clearTimeout(patience);
  children.forEach((child) => child.kill());
}
