// Starts a program for a test, behind the command that the variable UNDER names, such as valgrind. It must not judge how it ends.
import { spawn } from "node:child_process";
import path from "node:path";

const root = path.dirname(import.meta.dirname);
const under = process.env.UNDER?.split(" ").filter(Boolean) ?? [];

/** Its standard output is the test's to read. */
export function start(program, ...args) {
  const [command, ...rest] = [...under, path.resolve(program), ...args];
  return spawn(command, rest, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
}
