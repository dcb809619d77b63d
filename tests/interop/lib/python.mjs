// python-socketio's clients: a Python that has them, in a folder of its own beside this one.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import path from "node:path";

const here = path.join(import.meta.dirname, "..");

/** The path of that Python, which is installed if it is not there, or has what was asked for once. */
export function installPython() {
  const program = path.join(here, ".venv/bin/python");
  const [wanted, installed] = ["requirements.txt", ".venv/installed"].map((name) => path.join(here, name));
  const read = (file) => existsSync(file) ? readFileSync(file, "utf8") : "";
  if (read(wanted) !== read(installed)) {
    execFileSync("python3", ["-m", "venv", ".venv"], { cwd: here, stdio: ["ignore", 2, 2] });
    execFileSync(program, ["-m", "pip", "install", "--quiet", "-r", "requirements.txt"], { cwd: here, stdio: ["ignore", 2, 2] });
    copyFileSync(wanted, installed);
  }
  return program;
}

// By itself it installs it: `node lib/python.mjs`.
if (process.argv[1] === import.meta.filename) installPython();
