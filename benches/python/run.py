#!/usr/bin/env python3
"""What the Python package costs, beside python-socketio on uvicorn in the same run. Standard library only.

    benches/python/run.py [fanout] [hosted] [drain] [emit] [echo]      # all of them; writes benches/results/python.md

Server and client have a processor each. Figures are medians over the repetitions, ratios medians of the ratios within
one. The package is built, and everything installed, into benches/python/build by the Python that runs this.
"""

import argparse
import json
import os
import platform
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = HERE / "build"
PYTHON = BUILD / "bin" / "python"
FANOUT = HERE.parent / "fanout"
CLIENT = FANOUT / "target" / "release" / "fanout"
REFERENCE = "python-socketio"
SERVERS = [REFERENCE, "roomcast-asyncio", "roomcast-uvloop", "roomcast-threads", "roomcast-raw"]
#: The same server on a port of its own, and behind others' ports.
HOSTED = [REFERENCE, "roomcast-asyncio", "roomcast-app", "roomcast-asgi", "roomcast-asgi-uvloop", "roomcast-threads", "roomcast-wsgi"]
#: A loop in C with nothing but the system calls: one send for each client, as messages come or once a round.
BARE = ["bare-each", "bare-tick"]


def prepare() -> None:
    subprocess.run(["cargo", "build", "--release", "--quiet", "--manifest-path", FANOUT / "Cargo.toml", "--target-dir",
                    FANOUT / "target"], check=True)
    (FANOUT / "build").mkdir(exist_ok=True)
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-std=gnu11", "-o", FANOUT / "build" / "bare", FANOUT / "bare" / "bare.c"],
                   check=True)
    if not PYTHON.exists():
        venv.create(BUILD, with_pip=True)
        pip("-r", str(ROOT / "bindings/python/tests/requirements.txt"))
    pip("--force-reinstall", "--no-deps", str(ROOT / "bindings/python"))


def pip(*what: str) -> None:
    subprocess.run([PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", *what], check=True)


def free_port() -> int:
    """A port below those that the kernel gives to clients: there, thousands wait for the end of their connections."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port := random.randrange(10_000, 30_000)))
                return port
            except OSError:
                pass


class Running:
    """A server on the first processor."""

    def __init__(self, name: str, **environment: str) -> None:
        self.port = free_port()
        port = str(self.port)
        command = [FANOUT / "build" / "bare", port, name[5:]] if name in BARE else [PYTHON, HERE / "servers.py", name, port]
        self.process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL,
                                        preexec_fn=lambda: os.sched_setaffinity(0, CORES[:1]))
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *args: object) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


CORES = sorted(os.sched_getaffinity(0))


def elsewhere() -> None:
    os.sched_setaffinity(0, CORES[-1:])


# ---- fan-out: one room, everybody but the sender receives ----

def deliveries(options: argparse.Namespace, names: list[str]) -> dict[tuple[int, int], dict[str, list[float]]]:
    """What a broadcast costs, in nanoseconds of the server's processor: by the connections and the messages in flight, for each server."""
    cells = [(connections, window) for connections in options.connections for window in (1, 64)]
    costs: dict[tuple[int, int], dict[str, list[float]]] = {cell: {name: [] for name in names} for cell in cells}
    for _ in range(options.repetitions):
        for connections in options.connections:
            for name in names:
                with Running(name) as server:
                    command = [CLIENT, "--server", f"127.0.0.1:{server.port}", "--pid", str(server.process.pid),
                               "--connections", str(connections), "--opening", "16", "--protocol",
                               "raw" if name in BARE else "socketio"]
                    for window in (1, 64):
                        command += ["--cell", f"size=64,window={window},seconds={options.seconds},warmup=0.5"]
                    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=elsewhere)
                    for line in map(json.loads, done.stdout.splitlines()):
                        if line["kind"] == "cell":
                            cost = line["server_cpu"]["ns_per_delivery"] * (connections - 1)
                            costs[connections, line["window"]][name].append(cost)
                    print(name, connections, done.stderr.strip() or "ok", file=sys.stderr)
    return costs


def hosted(options: argparse.Namespace) -> str:
    costs = deliveries(options, HOSTED)
    rows = []
    for name in HOSTED:
        took = [costs[cell][name] and statistics.median(costs[cell][name]) / (cell[0] - 1) / 1e3 for cell in costs]
        rows.append([name] + [f"{value:.1f}" if value else "fails" for value in took])
    return ("CPU microseconds of the server for one delivery (user and system time, all threads): on a port of its own, with an application "
            "on its port (`run(app=)`), as `ASGIApp` on uvicorn, and as `WSGIApp` on werkzeug.\n\n"
            + table(["server"] + [f"{connections:,} clients, {window} in flight" for connections, window in costs], rows))


def fanout(options: argparse.Namespace) -> str:
    costs = deliveries(options, SERVERS + BARE)
    cells = list(costs)
    head = ["server"] + [f"{connections:,} clients, {window} in flight" for connections, window in cells]
    rows = []
    for name in SERVERS + BARE:
        row = [name]
        for cell in cells:
            got, base = costs[cell][name], costs[cell][REFERENCE]
            if not got:
                row.append("fails")
                continue
            ratio = statistics.median(theirs / ours for theirs, ours in zip(base, got)) if base else None
            row.append(f"{1e9 / statistics.median(got):,.0f}" + (f" ({ratio:.1f})" if ratio else ""))
        rows.append(row)
    return ("Broadcasts per CPU second of the server (user and system time, all threads); in parentheses, how many times "
            "those of python-socketio on uvicorn. The two bare loops, in C, make the system calls and nothing else.\n\n" + table(head, rows))


# ---- drain: events taken in batches at the raw level ----

FLOOD = """
import sys
sys.path.insert(0, {tests!r})
from host import Raw
client = Raw({port})
block = b"".join(client.frame('42["position","' + "x" * 64 + '"]') for _ in range(1000))
while True:
    client.socket.sendall(block)
"""

DRAIN = """
import json, os, subprocess, sys, time
os.sched_setaffinity(0, {cores[0]})
from roomcast import raw
broker = raw.Broker()
port = broker.listen("127.0.0.1", 0)
os.sched_setaffinity(0, {cores[1]})
flood = subprocess.Popen([sys.executable, "-c", {flood!r}.replace("PORT", str(port))])
os.sched_setaffinity(0, {cores[0]})
clock, end = time.thread_time_ns, time.monotonic() + {seconds}
def iterated():
    batch = broker.drain({batch})
    for kind, flags, code, socket, ns, ack, name, start, stop, parts, tag, context in batch:
        pass
    return len(batch)
def taken():
    batch = broker.drain({batch})
    names, data = batch.names, batch.data
    for kind, flags, code, socket, ns, ack, name, start, stop, parts, tag, context in batch:
        names[name], data[start:stop]
    return len(batch)
def tuples():
    events = broker.events({batch})
    for kind, socket, ns, ack, code, name, data, parts, flags, tag, context in events:
        pass
    return len(events)
ways = [iterated, taken, tuples]
got, polls, drained, turn = [[] for _ in ways], 0, 0, 0
while time.monotonic() < end or min(map(len, got)) < 100:
    begin = clock()
    broker.poll(0.01)
    polls += clock() - begin
    while True:
        turn = (turn + 1) % len(ways)
        way = ways[turn]
        begin = clock()
        count = way()
        took = clock() - begin
        if not count:
            break
        drained += count
        if count == {batch}:
            got[turn].append(took / count)
flood.kill()
print(json.dumps([sorted(took)[len(took) // part] for took in got for part in (2, 10)] + [polls / drained]))
"""


def drain(options: argparse.Namespace) -> str:
    rows = []
    for batch in (1, 64, 256):
        runs = []
        for _ in range(options.repetitions):
            flood = FLOOD.format(tests=str(ROOT / "bindings/python/tests"), port="PORT")
            program = DRAIN.format(cores=[CORES[:1], CORES[-1:]], flood=flood, batch=batch, seconds=options.seconds)
            runs.append(json.loads(subprocess.run([PYTHON, "-c", program], check=True, capture_output=True, text=True).stdout))
        rows.append([str(batch)] + [f"{statistics.median(column):,.0f}" for column in zip(*runs)])
    return ("CPU nanoseconds for an event of 70 bytes, the call and freeing included (median and tenth percentile over the "
            "batches): drained and iterated, the same with its name and data taken, and as a tuple of `events`. Then what the "
            "poll before it costs, reading from the kernel included.\n\n"
            + table(["events in a batch", "`drain`", "p10", "name and data", "p10", "`events`", "p10", "poll"], rows))


# ---- emit: what a broadcast costs the thread that calls it ----

READERS = """
import select, sys
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
sys.path.insert(0, {tests!r})
from host import Raw
poller, clients = select.epoll(), {{}}
for _ in range({members}):
    client = Raw(PORT)
    client.send('42["join"]')
    clients[client.socket.fileno()] = client.socket
    poller.register(client.socket, select.EPOLLIN)
while True:
    for fd, _ in poller.poll():
        clients[fd].recv(1 << 20)
"""

EMIT = """
import asyncio, json, os, statistics, subprocess, sys, threading, time
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
import roomcast
kind, members, burst, readers, TEXT, took = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], "x" * 64, []
clock, here, full = time.thread_time_ns, 0, threading.Event()
def joined():
    global here
    here += 1
    if here == members:
        full.set()
def start(port):
    os.sched_setaffinity(0, {cores[1]})
    started = subprocess.Popen([sys.executable, "-c", readers.replace("PORT", str(port))])
    os.sched_setaffinity(0, {cores[0]})
    return started
if kind == "asyncio":
    async def main():
        sio = roomcast.AsyncServer()
        @sio.event
        async def join(sid):
            await sio.enter_room(sid, "r")
            joined()
        started = start(sio.listen(port=0))
        while not full.is_set():
            await asyncio.sleep(0.01)
        for _ in range(500):
            begin = clock()
            for _ in range(burst):
                await sio.emit("msg", TEXT, room="r")
            took.append((clock() - begin) / burst)
            await asyncio.sleep(0.001)
        started.kill()
    asyncio.run(main())
else:
    sio = roomcast.Server()
    @sio.event
    def join(sid):
        sio.enter_room(sid, "r")
        joined()
    started = start(sio.listen(port=0))
    threading.Thread(target=sio.run, daemon=True).start()
    full.wait()
    for _ in range(500):
        begin = clock()
        for _ in range(burst):
            sio.emit("msg", TEXT, room="r")
        took.append((clock() - begin) / burst)
        time.sleep(0.001)
    started.kill()
took.sort()
print(json.dumps([took[len(took) // 10] / 1e3, took[len(took) // 2] / 1e3, statistics.mean(took) / 1e3]))
"""


def emit(options: argparse.Namespace) -> str:
    rows = []
    program = EMIT.format(cores=[CORES[:1], CORES[-1:]])
    for kind in ("asyncio", "threads"):
        for members in (10, 1000):
            readers = READERS.format(tests=str(ROOT / "bindings/python/tests"), members=members)
            for burst in (1, 16):
                command = [PYTHON, "-c", program, kind, str(members), str(burst), readers]
                runs = [json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                        for _ in range(options.repetitions)]
                rows.append([kind, f"{members:,}", str(burst)] + [f"{min(column):.1f}" for column in zip(*runs)])
    return ("CPU microseconds of the calling thread for one `emit` of 64 bytes to a room, so many in a turn of the loop; the "
            "sends are left to the turn that follows. The lowest of the repetitions.\n\n"
            + table(["server", "members", "emits in a turn", "p10", "median", "mean"], rows))


# ---- echo: how long an answer takes while another thread computes ----

ECHO = """
import json, sys, time
sys.path.insert(0, {tests!r})
from host import Raw
client, took = Raw({port}), []
for number in range({count}):
    begin = time.perf_counter()
    client.send('42%d["echo",1]' % number)
    while not client.text().startswith("43"):
        pass
    took.append((time.perf_counter() - begin) * 1e3)
took.sort()
print(json.dumps([took[len(took) // 2], took[len(took) * 99 // 100]]))
"""


def echo(options: argparse.Namespace) -> str:
    rows = []
    for name in SERVERS[:-1]:
        row = [name]
        for environment, count in (({}, 3000), ({"BUSY": "1"}, 500), ({"BUSY": "1", "SWITCH": "0.0005"}, 1000)):
            runs = []
            for _ in range(options.repetitions):
                with Running(name, **environment) as server:
                    program = ECHO.format(tests=str(ROOT / "bindings/python/tests"), port=server.port, count=count)
                    done = subprocess.run([PYTHON, "-c", program], check=True, capture_output=True, text=True, preexec_fn=elsewhere)
                    runs.append(json.loads(done.stdout))
            row.append(" / ".join(f"{statistics.median(column):.2f}" for column in zip(*runs)))
        rows.append(row)
    return ("Milliseconds from an event to its acknowledgement, one client, p50 / p99. *Busy*: another thread of the server "
            "computes in pure Python all the time, on the same processor.\n\n"
            + table(["server", "idle", "busy", "busy, `sys.setswitchinterval(0.0005)`"], rows))


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def main() -> None:
    parts = {"fanout": fanout, "hosted": hosted, "drain": drain, "emit": emit, "echo": echo}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*parts, []], default=[])
    parser.add_argument("--connections", type=lambda text: [int(word) for word in text.split(",")], default=[10, 100, 1000])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    prepare()
    version = subprocess.run([PYTHON, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True).stdout
    wanted = ("python-socketio", "uvicorn", "uvloop", "websockets", "cffi")
    versions = ", ".join(line.replace("==", " ") for line in version.splitlines() if line.split("==")[0] in wanted)
    text = f"Python {platform.python_version()}, {versions}.\n"
    for name in options.parts or parts:
        text += f"\n### {name}\n\n" + parts[name](options)
        print(text, file=sys.stderr)
    (HERE.parent / "results").mkdir(exist_ok=True)
    (HERE.parent / "results" / "python.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
