#!/usr/bin/env python3
"""Runs the fan-out benchmark: every server in turn, in interleaved repetitions, each cell on fresh servers.

The server has one processor and the load client another. Figures are medians over the repetitions; a ratio
is the median of the ratios to the bare loop of the same repetition. Runs that the machine disturbed are
marked and kept. Standard library only.
"""

import argparse
import dataclasses
import datetime
import json
import os
import platform
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULTS = HERE.parent / "results"
BUILD = HERE / "build"
PEERS = HERE / "peers"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target"))
CLIENT = TARGET / "release" / "fanout"

# Above these shares of the machine, or this spread of the repetitions, a figure is marked.
STOLEN, OTHERS, SPREAD = 0.01, 0.05, 0.25


def build_client() -> None:
    run(["cargo", "build", "--release", "--quiet", "--manifest-path", HERE / "Cargo.toml"],
        env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)})


def build_bare() -> None:
    BUILD.mkdir(exist_ok=True)
    run([os.environ.get("CC", "cc"), "-O2", "-std=gnu11", "-Wall", "-Wextra", "-o", BUILD / "bare",
         HERE / "bare" / "bare.c"])


def build_node() -> None:
    if not (PEERS / "node" / "node_modules").exists():
        run(["npm", "ci", "--silent", "--no-fund", "--no-audit"], cwd=PEERS / "node")


def build_roomcast() -> None:
    run(["cargo", "build", "--release", "--quiet", "--example", "fanout", "--manifest-path", ROOT / "Cargo.toml"],
        env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)})


def node_version(package: str) -> Callable[[], str]:
    def version() -> str:
        manifest = json.loads((PEERS / "node" / "node_modules" / package / "package.json").read_text())
        return f"{package} {manifest['version']}, node {output(['node', '--version'])}"
    return version


@dataclasses.dataclass(frozen=True)
class Server:
    """A server under test: its port comes last on its command line."""

    title: str
    protocol: str  # socketio or raw, as the client's --protocol
    command: list[str | Path]
    prepare: Callable[[], None]
    version: Callable[[], str]


SERVERS = {
    "bare-each": Server("bare C loop, `send` each", "raw", [BUILD / "bare", "each"], build_bare,
                        lambda: output([os.environ.get("CC", "cc"), "--version"]).splitlines()[0]),
    "bare-tick": Server("bare C loop, one send per tick", "raw", [BUILD / "bare", "tick"], build_bare,
                        lambda: output([os.environ.get("CC", "cc"), "--version"]).splitlines()[0]),
    "roomcast": Server("roomcast", "socketio", [TARGET / "release" / "examples" / "fanout"], build_roomcast,
                       lambda: output(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])),
    "node": Server("Node socket.io", "socketio", ["node", PEERS / "node" / "socketio.js"], build_node,
                   node_version("socket.io")),
}


def baseline(window: int) -> str:
    """The bare loop that stands for the limit: joining pays only when there is something to join."""
    return "bare-each" if window == 1 else "bare-tick"


def run(command: list, **options) -> None:
    subprocess.run([str(word) for word in command], check=True, **options)


def output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def pinned(cores: list[int]) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, cores)


class Running:
    """A started server, accepting connections on its own port."""

    def __init__(self, server: Server, cores: list[int], log) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.command = [str(word) for word in (*server.command, self.port)]
        self.process = subprocess.Popen(self.command, preexec_fn=pinned(cores), stdout=log, stderr=log)

    def __enter__(self) -> "Running":
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                time.sleep(0.3)  # what it does first after its start is not what is measured
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise RuntimeError(f"{shlex.join(self.command)} does not accept connections") from None
                time.sleep(0.05)

    def __exit__(self, *_) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def cells(options) -> list[dict]:
    return [{"size": size, "window": window, "publishers": publishers}
            for publishers in options.publishers for size in options.sizes for window in options.windows]


def measure(name: str, connections: int, options, log, syscalls: bool = False) -> tuple[list[dict], str | None]:
    """One server start and one client run: the client's report lines, and why it failed, if it did."""
    server = SERVERS[name]
    with Running(server, options.server_cores, log) as running:
        command = [str(CLIENT), "--server", f"127.0.0.1:{running.port}", "--protocol", server.protocol,
                   "--pid", str(running.process.pid), "--connections", str(connections), "--label", name]
        if syscalls:
            command.append("--syscalls")
        for cell in cells(options):
            shape = ",".join(f"{key}={value}" for key, value in cell.items())
            command += ["--cell", f"{shape},seconds={options.seconds}"]
        done = subprocess.run(command, preexec_fn=pinned(options.client_cores), capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines, done.stderr.strip() if done.returncode else None


def disturbed(line: dict) -> bool:
    machine = line["machine"]
    return machine["stolen"] > STOLEN or machine["others"] > OTHERS


def collect(options) -> list[dict]:
    """All report lines, each with its repetition; a failed run adds a line that says why."""
    lines: list[dict] = []
    with open(BUILD / "servers.log", "w") as log:
        passes = [(repetition, False) for repetition in range(options.repetitions)]
        if options.syscalls:
            passes.append((options.repetitions, True))
        for repetition, syscalls in passes:
            for connections in options.connections:
                for name in options.servers:
                    print(f"{repetition + 1}/{len(passes)}: {connections} clients, {name}", file=sys.stderr)
                    got, failure = measure(name, connections, options, log, syscalls)
                    if failure:
                        print(f"  failed: {failure}", file=sys.stderr)
                        got.append({"kind": "failure", "label": name, "connections": connections, "why": failure})
                    lines += [{**line, "repetition": repetition, "counting": syscalls} for line in got]
    return lines


@dataclasses.dataclass(frozen=True)
class Column:
    connections: int
    size: int
    window: int
    publishers: int

    def title(self, alone: bool) -> str:
        size = f"{self.size // 1024} KB" if self.size % 1024 == 0 else f"{self.size} B"
        publishers = "" if alone else f", {self.publishers} publishers"
        return f"{self.connections:,}, {size}, {self.window}{publishers}"

    def of(self, lines: list[dict], name: str, counting: bool = False) -> list[dict]:
        wanted = {"kind": "cell", "label": name, "counting": counting, **dataclasses.asdict(self)}
        return [line for line in lines if wanted.items() <= line.items()]


def cost(line: dict) -> float:
    return line["server_cpu"]["ns_per_delivery"]


def summary(lines: list[dict], name: str, column: Column) -> dict | None:
    """Medians of one server in one cell, with what makes them doubtful."""
    runs = column.of(lines, name)
    if not runs:
        return None
    bare = {line["repetition"]: cost(line) for line in column.of(lines, baseline(column.window))}
    ratios = [cost(line) / bare[line["repetition"]] for line in runs if line["repetition"] in bare]
    costs = [cost(line) for line in runs]
    middle = statistics.median(costs)
    spread = (max(costs) - min(costs)) / middle
    counted = column.of(lines, name, counting=True)

    def median(*path: str) -> float:
        values = []
        for line in runs:
            for key in path:
                line = line[key]
            values.append(line)
        return statistics.median(values)

    return {
        "server": name, **dataclasses.asdict(column), "runs": len(runs),
        "ns_per_delivery": middle,
        "user_ns": median("server_cpu", "user_ns"), "system_ns": median("server_cpu", "system_ns"),
        "ratio_to_bare": round(statistics.median(ratios), 3) if ratios else None,
        "deliveries_per_s": median("deliveries_per_s"),
        "latency_us": {key: median("latency_us", key) for key in ("p50", "p99", "p99.9")},
        "client_busy": median("client_busy"),
        "syscalls_per_delivery": counted[0]["syscalls_per_delivery"] if counted else None,
        "spread": round(spread, 3), "disturbed_runs": sum(map(disturbed, runs)),
        "noisy": spread > SPREAD or any(map(disturbed, runs)),
    }


def figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def table(head: list[str], rows: list[list[str]]) -> str:
    text = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in text) + "\n"


def markdown(lines: list[dict], columns: list[Column], machine: dict, options) -> str:
    names = options.servers
    sums = {(name, column): summary(lines, name, column) for name in names for column in columns}
    alone = options.publishers == [1]
    titles = [column.title(alone) for column in columns]

    def grid(show: Callable[[dict], str]) -> str:
        rows = []
        for name in names:
            got = [sums[name, column] for column in columns]
            rows.append([SERVERS[name].title] + [show(one) if one else "fails" for one in got])
        return table(["server"] + titles, rows)

    def costs(one: dict) -> str:
        ratio = "" if one["ratio_to_bare"] is None else f" ({one['ratio_to_bare']:.2f})"
        return figure(one["ns_per_delivery"]) + ratio + ("\\*" if one["noisy"] else "")

    def latency(one: dict) -> str:
        return " / ".join(figure(one["latency_us"][key] / 1e3) for key in ("p50", "p99", "p99.9"))

    memory = []
    for name in names:
        row = [SERVERS[name].title]
        for connections in options.connections:
            runs = [line for line in lines if line["kind"] == "connect" and not line["counting"]
                    and line["label"] == name and line["connections"] == connections]
            row += [f"{statistics.median(read(line) for line in runs):,.{digits}f}" if runs else "fails"
                    for read, digits in ((lambda line: line["memory_per_connection"]["anonymous"] / 1024, 1),
                                         (lambda line: line["connects_per_s"], 0))]
        memory.append(row)
    heads = [f"{count:,}: {what}" for count in options.connections for what in ("KiB", "connects/s")]

    parts = [
        "# Fan-out\n",
        "One room; everybody but the sender receives. Columns: clients, payload, messages in flight. Medians of "
        f"{options.repetitions} interleaved repetitions of {options.seconds:g} s. \\*: the repetitions differ by "
        f"more than {SPREAD:.0%} of their median, or the hypervisor took more than {STOLEN:.0%} or other processes "
        f"more than {OTHERS:.0%} of the machine during one of them.\n",
        f"{machine['processor']}, {machine['processors']} processors, Linux {machine['kernel']}, {machine['date']}. "
        "Server and client each on a processor of its own.\n",
        "## Server CPU per delivery\n",
        "Nanoseconds of the server process, user and system; in parentheses the ratio to the bare loop of the same "
        "repetition (`send` each for one in flight, else one send per tick).\n",
        grid(costs),
        "## Of which in user space, ns\n", grid(lambda one: figure(one["user_ns"])),
        "## Latency, ms: p50 / p99 / p99.9\n", grid(latency),
        "## Deliveries per second\n", grid(lambda one: figure(one["deliveries_per_s"])),
    ]
    if options.syscalls:
        parts += ["## System calls per delivery\n", grid(lambda one: figure(one["syscalls_per_delivery"]))]
    parts += [
        "## Memory per idle connection, and connects per second\n",
        "Growth of the server's resident anonymous memory from one connection that has come and gone to all of "
        "them connected, joined and idle, divided by their number. Kernel buffers are not in it.\n",
        table(["server"] + heads, memory),
        "## Versions\n",
        "\n".join(f"- {SERVERS[name].title}: {version}" for name, version in machine["versions"].items()) + "\n",
        f"Run with `{machine['command']}`.\n",
    ]
    return "\n".join(parts)


def describe(options) -> dict:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return {
        "processor": model, "processors": os.cpu_count(),
        "kernel": platform.release().split("-")[0],
        "date": datetime.date.today().isoformat(),
        "rustc": output(["rustc", "--version"]),
        "versions": {name: SERVERS[name].version() for name in options.servers},
        "command": shlex.join(["benches/fanout/run.py", *sys.argv[1:]]),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", type=lambda text: text.split(","), default=list(SERVERS),
                        help=f"of {', '.join(SERVERS)}; in this order (all)")
    parser.add_argument("--connections", type=numbers, default=[100, 1000, 5000], help="(100,1000,5000)")
    parser.add_argument("--sizes", type=numbers, default=[64, 1024], help="payload bytes (64,1024)")
    parser.add_argument("--windows", type=numbers, default=[1, 64], help="messages in flight (1,64)")
    parser.add_argument("--publishers", type=numbers, default=[1], help="(1)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each cell (2)")
    parser.add_argument("--repetitions", type=int, default=5, help="(5)")
    parser.add_argument("--syscalls", action="store_true", help="one more pass that counts system calls, with perf")
    parser.add_argument("--server-cores", type=numbers, default=[0], help="(0)")
    parser.add_argument("--client-cores", type=numbers, default=[1], help="(1)")
    parser.add_argument("--name", default="fanout", help="of the files in benches/results (fanout)")
    options = parser.parse_args()
    unknown = set(options.servers) - set(SERVERS)
    if unknown:
        parser.error(f"unknown servers: {', '.join(sorted(unknown))}")
    return options


def main() -> None:
    options = parse()
    build_client()
    BUILD.mkdir(exist_ok=True)
    for prepare in {SERVERS[name].prepare for name in options.servers}:
        prepare()
    machine = describe(options)
    lines = collect(options)
    columns = [Column(connections, **cell) for connections in options.connections for cell in cells(options)]
    sums = [summary(lines, name, column) for name in options.servers for column in columns]
    text = markdown(lines, columns, machine, options)
    RESULTS.mkdir(exist_ok=True)
    document = {"machine": machine, "options": vars(options), "summary": list(filter(None, sums)), "runs": lines}
    (RESULTS / f"{options.name}.json").write_text(json.dumps(document, indent=1) + "\n")
    (RESULTS / f"{options.name}.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
