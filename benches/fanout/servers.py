"""The servers under test: how each is built, started, and what version it is. It must not measure."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = HERE / "peers"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target")).resolve()
ROOT_TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
# Programs that are built, and the single runs.
BUILD = ROOT_TARGET / "bench-fanout"
# What all show who speak TLS.
CERTIFICATE, KEY = BUILD / "cert.pem", BUILD / "key.pem"
CLIENT = TARGET / "release" / "fanout"
CC = os.environ.get("CC", "cc")
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
BUN = PEERS / "bun" / "node_modules" / "bun" / "bin" / "bun.exe"
PYTHON_PACKAGE = ROOT / "bindings" / "python"


def run(command: list, **options) -> None:
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr, **options)


def output(command: list) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout.strip()


def cargo(manifest: Path, target: Path, *words: str) -> None:
    run(["cargo", "build", "--release", "--quiet", *words, "--manifest-path", manifest],
        env={**os.environ, "CARGO_TARGET_DIR": str(target)})


def build_client() -> None:
    cargo(HERE / "Cargo.toml", TARGET, "--locked")


def build_bare() -> None:
    run([CC, "-O2", "-std=gnu11", "-Wall", "-Wextra", "-o", BUILD / "bare", HERE / "bare" / "bare.c"])


def build_bare_ring() -> None:
    run([CC, "-O2", "-std=gnu11", "-Wall", "-Wextra", "-DRING", "-o", BUILD / "bare-ring", HERE / "bare" / "bare.c", "-luring"])


def build_roomcast() -> None:
    cargo(ROOT / "Cargo.toml", ROOT_TARGET, "--features", "tls", "--example", "fanout")


def build_roomcast_c() -> None:
    """The C host is linked with the static library that `make lib` makes."""
    run(["make", "--silent", "-C", ROOT, "lib"])
    run([CC, "-O2", "-std=gnu11", "-Wall", "-Wextra", f"-I{ROOT / 'include'}", "-o", BUILD / "fanout-c",
         HERE / "hosts" / "fanout.c", ROOT_TARGET / "release" / "libroomcast.a", "-lpthread", "-ldl", "-lm"])


def build_certificate() -> None:
    if not CERTIFICATE.exists():
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "365", "-subj", "/CN=localhost",
             "-keyout", KEY, "-out", CERTIFICATE])


def build_behind_nginx() -> None:
    build_roomcast()
    if not NGINX:
        raise RuntimeError("nginx is not installed")


def virtual_environment(place: Path, *requirements: str | Path) -> None:
    if not (place / "bin" / "python").exists():
        run([sys.executable, "-m", "venv", place])
    run([place / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])


def build_roomcast_python() -> None:
    virtual_environment(BUILD / "venv", PYTHON_PACKAGE)


def build_node() -> None:
    install_node(PEERS / "node")


def build_bun() -> None:
    install_node(PEERS / "bun")
    # npm may leave a package's install script for later; this one puts the program where a placeholder is.
    if BUN.stat().st_size < 1_000_000:
        run(["node", "install.js"], cwd=PEERS / "bun" / "node_modules" / "bun")


def install_node(where: Path) -> None:
    lock, stamp = where / "package-lock.json", where / "node_modules" / ".package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        run(["npm", "ci", "--silent", "--no-fund", "--no-audit"], cwd=where)


def build_socketioxide() -> None:
    cargo(PEERS / "socketioxide" / "Cargo.toml", TARGET, "--locked")


def build_python() -> None:
    virtual_environment(PEERS / "python" / ".venv", "-r", PEERS / "python" / "requirements.txt")


def npm(where: str, package: str, runtime: list) -> Callable[[], str]:
    def version() -> str:
        manifest = json.loads((PEERS / where / "node_modules" / package / "package.json").read_text())
        return f"{package} {manifest['version']}, {Path(runtime[0]).stem} {output(runtime)}"
    return version


def commit() -> str:
    return "commit " + output(["git", "-C", ROOT, "describe", "--always", "--dirty"])


def nginx_version() -> str:
    return subprocess.run([NGINX, "-v"], check=True, capture_output=True, text=True).stderr.strip()


def compiler() -> str:
    return output([CC, "--version"]).splitlines()[0]


def crate() -> str:
    lock = (PEERS / "socketioxide" / "Cargo.lock").read_text().split("[[package]]")
    found = {name: part.split('version = "')[1].split('"')[0] for part in lock
             for name in ("socketioxide", "axum", "tokio") if f'name = "{name}"\n' in part}
    return ", ".join(f"{name} {version}" for name, version in found.items())


def wheels() -> str:
    pins = dict(line.split("==") for line in (PEERS / "python" / "requirements.txt").read_text().split())
    names = ("python-socketio", "uvicorn", "uvloop", "websockets")
    return ", ".join(f"{name} {pins[name]}" for name in names) + f", {output([sys.executable, '--version'])}"


@dataclasses.dataclass(frozen=True)
class Server:
    """A server under test. Its port comes last on its command line, but for how it is to serve."""

    title: str
    protocol: str  # socketio or raw, as the client's --protocol
    command: list[str | Path]  # PORT and MODE are filled in
    prepare: Callable[[], None]
    version: Callable[[], str]
    rooms: bool = True  # it has more than one room
    only: str | None = None  # the one kind of groups it is for
    plain: bool = False  # it does not speak TLS, nor do its clients
    front: Path | None = None  # the configuration of an nginx before it that does

    def words(self, port: int, kind: str) -> list[str]:
        words = [str(port) if word == "PORT" else str(word) for word in self.command]
        # A plain WebSocket server has no events by whose names it could tell what to do with a message.
        told = kind == "arena" or kind == "inbound" and self.protocol == "raw" or kind == "deflate" and "bare" not in self.title
        if kind == "tls" and not self.plain and not self.front:
            return words + [kind, str(CERTIFICATE), str(KEY)]
        return words + [kind] * told

    def fronted(self, port: int, backend: int) -> list[str] | None:
        """What to start before it, if anything."""
        if not self.front:
            return None
        filled = self.front.read_text()
        for name, value in (("LISTEN", port), ("BACKEND", backend), ("CERTIFICATE", CERTIFICATE), ("KEY", KEY)):
            filled = filled.replace(f" {name}", f" {value}").replace(f":{name}", f":{value}")
        (BUILD / "nginx.conf").write_text(filled)
        return [NGINX, "-p", str(BUILD), "-c", str(BUILD / "nginx.conf")]

    def suits(self, kind: str) -> bool:
        if self.only:
            return kind == self.only
        if kind in ("arena", "relayed", "inbound"):
            return self.rooms
        return kind != "polling" or self.protocol != "raw"


SERVERS = {
    "bare-each": Server("bare C loop, `send` each", "raw", [BUILD / "bare", "PORT", "each"], build_bare, compiler,
                        rooms=False),
    "bare-tick": Server("bare C loop, one send per tick", "raw", [BUILD / "bare", "PORT", "tick"], build_bare, compiler,
                        rooms=False),
    "bare-ring": Server("bare C loop, one send per tick, io_uring", "raw", [BUILD / "bare-ring", "PORT", "ring"],
                        build_bare_ring, compiler, rooms=False),
    "bare-inbound": Server("bare C loop that counts", "raw", [BUILD / "bare", "PORT"], build_bare, compiler,
                           rooms=False, only="inbound"),
    "roomcast": Server("roomcast, Rust", "socketio", [ROOT_TARGET / "release" / "examples" / "fanout", "PORT"],
                       build_roomcast, commit),
    "roomcast-plain": Server("roomcast without TLS", "socketio", [ROOT_TARGET / "release" / "examples" / "fanout", "PORT"],
                             build_roomcast, commit, only="tls", plain=True),
    "roomcast-nginx": Server("roomcast behind nginx", "socketio", [ROOT_TARGET / "release" / "examples" / "fanout", "PORT"],
                             build_behind_nginx, lambda: f"{commit()}, {nginx_version()}", only="tls", front=PEERS / "nginx" / "tls.conf"),
    "roomcast-c": Server("roomcast, C", "socketio", [BUILD / "fanout-c", "PORT"], build_roomcast_c, commit),
    "roomcast-python": Server("roomcast, Python", "socketio",
                              [BUILD / "venv" / "bin" / "python", HERE / "hosts" / "fanout.py", "PORT"],
                              build_roomcast_python, commit),
    "bun": Server("Bun, raw publish", "raw", [BUN, PEERS / "bun" / "raw.js", "PORT"], build_bun,
                  npm("bun", "bun", [BUN, "--version"])),
    "bun-engine": Server("socket.io on Bun's engine", "socketio", [BUN, PEERS / "bun" / "engine.js", "PORT"], build_bun,
                         npm("bun", "@socket.io/bun-engine", [BUN, "--version"])),
    "socketioxide": Server("socketioxide", "socketio", [TARGET / "release" / "fanout-socketioxide", "PORT"],
                           build_socketioxide, crate),
    "node": Server("Node socket.io", "socketio", ["node", PEERS / "node" / "socketio.js", "PORT"], build_node,
                   npm("node", "socket.io", ["node", "--version"])),
    "ws": Server("ws on Node", "raw", ["node", PEERS / "node" / "ws.js", "PORT"], build_node,
                 npm("node", "ws", ["node", "--version"])),
    "python": Server("python-socketio on uvicorn", "socketio",
                     [PEERS / "python" / ".venv" / "bin" / "python", PEERS / "python" / "app.py", "PORT"],
                     build_python, wheels),
}
# It needs liburing-dev.
if not Path("/usr/include/liburing.h").exists():
    del SERVERS["bare-ring"]
if not NGINX:
    del SERVERS["roomcast-nginx"]
# The Python host needs the package, which not every checkout has.
if not (HERE / "hosts" / "fanout.py").exists() or not PYTHON_PACKAGE.exists():
    del SERVERS["roomcast-python"]
