#!/usr/bin/env python3
"""Runs the fan-out benchmark: every server in turn, in interleaved repetitions, each group of cells on a fresh server.

The server has one processor and the load client another. What is measured is written down at once, so that an interrupted
run goes on where it stopped. Standard library only.
"""

import argparse
import dataclasses
import datetime
import json
import os
import platform
import random
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import charts
import report
from plan import COUNTED, PLANS, Group
from servers import BUILD, CLIENT, HERE, SERVERS, build_certificate, build_client, output

RESULTS = HERE.parent / "results"


def pinned(cores: list[int]) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, cores)


def free_port() -> int:
    """A port below those that the kernel gives to clients: there, thousands wait for the end of their connections."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, max(lowest, 10_100))
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
                return port
            except OSError:
                continue


class Running:
    """A started server, accepting connections on its own port."""

    def __init__(self, name: str, kind: str, cores: list[int], log) -> None:
        own = self.port = free_port()
        commands = [SERVERS[name].words(own, kind)]
        if SERVERS[name].front:
            self.port = free_port()
            commands.append(SERVERS[name].fronted(self.port, own))
        self.commands = commands
        self.processes = [subprocess.Popen(command, preexec_fn=pinned(cores), stdout=log, stderr=log,
                                           cwd=HERE, env={**os.environ, "NODE_ENV": "production"}) for command in commands]

    def __enter__(self) -> "Running":
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                time.sleep(0.3)  # what it does first after its start is not what is measured
                return self
            except OSError:
                if any(process.poll() is not None for process in self.processes) or time.monotonic() > deadline:
                    self.__exit__()
                    raise RuntimeError(f"{shlex.join(self.commands[-1])} does not accept connections") from None
                time.sleep(0.05)

    def __exit__(self, *_) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def client_command(name: str, group: Group, options, port: int, pids: list[int], syscalls: bool) -> list[str]:
    protocol = "polling" if group.kind == "polling" else SERVERS[name].protocol
    command = [str(CLIENT), "--server", f"127.0.0.1:{port}", "--protocol", protocol, "--pid", ",".join(map(str, pids)),
               "--connections", str(group.connections), "--sources", "4", "--label", name,
               "--drain", str(options.drain)]
    if group.kind in ("arena", "relayed"):
        # Every step of a handshake waits for the server's next frame.
        command += ["--arena", "--opening", "500"]
    if group.kind == "deflate":
        command += ["--compressed"] if name.startswith("bare") else ["--deflate"]
    if group.kind == "tls" and not SERVERS[name].plain:
        command.append("--tls")
    if syscalls:
        command.append("--syscalls")
    for cell in group.cells:
        command += ["--cell", cell.spelled(options.seconds)]
    return command


def measure(name: str, group: Group, options, log, syscalls: bool) -> list[dict]:
    """One server start and one client run: the client's report lines; the last one says why it failed, if it did."""
    try:
        with Running(name, group.kind, options.server_cores, log) as running:
            command = client_command(name, group, options, running.port, [process.pid for process in running.processes], syscalls)
            done = subprocess.run(command, preexec_fn=pinned(options.client_cores), capture_output=True, text=True)
    except RuntimeError as error:
        return [{"kind": "failure", "label": name, "why": str(error)}]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode:
        lines.append({"kind": "failure", "label": name, "why": done.stderr.strip()[:500]})
    return lines


def suits(name: str, group: Group) -> bool:
    return SERVERS[name].suits(group.kind) and (not group.servers or name in group.servers)


def passes(options) -> Iterator[tuple[int, Group, str, bool]]:
    """Every run, in order: servers take turns within a group, groups within a repetition."""
    for repetition in range(options.repetitions):
        for group in PLANS[options.plan]:
            yield from ((repetition, group, name, False) for name in options.servers if suits(name, group))
        if options.syscalls and repetition == 0:
            yield from ((options.repetitions, COUNTED, name, True) for name in options.servers if suits(name, COUNTED))


def collect(options, journal: Path, begun: dict) -> list[dict]:
    """All report lines, each with its repetition and group. What the journal has is not run again."""
    lines = resumed(journal, begun)
    done = {(line["repetition"], line["group"], line["label"]) for line in lines}
    failed = {(line["group"], line["label"]) for line in lines if line["kind"] == "failure"}
    deadline = time.monotonic() + options.budget * 60
    todo = list(passes(options))
    with open(BUILD / "servers.log", "w") as log, open(journal, "a") as out:
        for number, (repetition, group, name, counting) in enumerate(todo, 1):
            # What has failed once fails again, and takes its time to do so.
            if (repetition, group.name, name) in done or (group.name, name) in failed:
                continue
            if time.monotonic() > deadline:
                print(f"the {options.budget} minutes are over; {len(todo) - number + 1} runs are left out",
                      file=sys.stderr)
                break
            print(f"{number}/{len(todo)}: {group.name}, {name}", file=sys.stderr)
            for line in measure(name, group, options, log, counting):
                if line["kind"] == "failure":
                    failed.add((group.name, name))
                    print(f"  failed: {line['why']}", file=sys.stderr)
                line |= {"repetition": repetition, "group": group.name, "counting": counting}
                lines.append(line)
                out.write(json.dumps(line) + "\n")
            out.flush()
    return lines


def resumed(journal: Path, begun: dict) -> list[dict]:
    """The lines of an interrupted run of the same kind; else a new journal."""
    if journal.exists():
        first, *lines = [json.loads(line) for line in journal.read_text().splitlines()]
        if first == begun:
            print(f"going on with {len(lines)} lines of {journal}", file=sys.stderr)
            return lines
    journal.write_text(json.dumps(begun) + "\n")
    return []


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


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plan", choices=PLANS, default="full", help="what is measured, see plan.py (full)")
    parser.add_argument("--servers", type=lambda text: text.split(","), default=list(SERVERS),
                        help=f"of {','.join(SERVERS)} (all)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each cell (1)")
    parser.add_argument("--repetitions", type=int, default=3, help="(3)")
    parser.add_argument("--budget", type=float, default=45, help="minutes after which no run is begun (45)")
    parser.add_argument("--drain", type=float, default=45, help="seconds after which a silent server has failed (45)")
    parser.add_argument("--syscalls", action="store_true", help="one more pass that counts system calls, with perf")
    parser.add_argument("--server-cores", type=numbers, default=[0], help="(0)")
    parser.add_argument("--client-cores", type=numbers, default=[1], help="(1)")
    parser.add_argument("--name", default="fanout", help="of the files in benches/results (fanout)")
    parser.add_argument("--report", action="store_true", help="only write the tables and charts again, from the summary")
    options = parser.parse_args()
    unknown = set(options.servers) - set(SERVERS)
    if unknown:
        parser.error(f"unknown servers: {', '.join(sorted(unknown))}")
    return options


def write(name: str) -> None:
    """The tables and the charts, from nothing but the summary."""
    summary = json.loads((RESULTS / f"{name}.json").read_text())
    text = report.markdown(summary, name)
    (RESULTS / f"{name}.md").write_text(text)
    for chart, picture in charts.all_of(summary).items():
        (RESULTS / f"{name}-{chart}.svg").write_text(picture)
    print(text)


def main() -> None:
    options = parse()
    if options.report:
        return write(options.name)
    BUILD.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(exist_ok=True)
    build_client()
    build_certificate()
    for prepare in dict.fromkeys(SERVERS[name].prepare for name in options.servers):
        prepare()
    machine = describe(options)
    journal = BUILD / f"{options.name}.jsonl"
    begun = {"options": vars(options), "versions": machine["versions"]}
    lines = collect(options, journal, json.loads(json.dumps(begun)))
    titles = {name: SERVERS[name].title for name in options.servers}
    groups = [dataclasses.asdict(group) for group in PLANS[options.plan]]
    document = {"machine": machine, "options": vars(options), "titles": titles, "groups": groups, "runs": lines}
    (RESULTS / f"{options.name}.json").write_text(report.digest(document))
    journal.rename(journal.with_suffix(".runs.jsonl"))
    write(options.name)


if __name__ == "__main__":
    main()
