"""How a server ends with its program: by signals, and by sys.exit in a handler."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from host import PATIENCE, Raw

HERE = Path(__file__).parent

SERVING = """
import signal, roomcast
# A shell's background job has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
sio = roomcast.{kind}()
@sio.event
{define} hello(sid):
    print("hello", flush=True)
@sio.event
def disconnect(sid, reason):
    print(reason, flush=True)
{run}
"""

THREADS = {"kind": "Server", "define": "def", "run": 'print(sio.listen(port=0), flush=True)\nsio.run()\nprint("end")'}

ASYNCIO = {"kind": "AsyncServer", "define": "async def", "run": """
class Own(roomcast.AsyncServer):
    def listen(self, host, port):
        return super().listen(host, port)
sio.__class__ = Own
sio.run("127.0.0.1", 0)
print("end")
"""}

IN_A_LOOP = {"kind": "AsyncServer", "define": "async def", "run": """
import asyncio
async def main():
    print(sio.listen(port=0), flush=True)
    await sio.serve()
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("end")
"""}


SIGTERM_TOO = [(how, asked) for how in (THREADS, ASYNCIO) for asked in (signal.SIGINT, signal.SIGTERM)] + [(IN_A_LOOP, signal.SIGINT)]


@pytest.mark.parametrize(("how", "asked"), SIGTERM_TOO, ids=["threads", "threads, SIGTERM", "asyncio", "asyncio, SIGTERM", "asyncio.run"])
def test_a_signal_ends_it_in_good_order(how: dict[str, str], asked: signal.Signals) -> None:
    program = subprocess.Popen([sys.executable, "-c", SERVING.format(**how)], cwd=HERE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    assert program.stdout and program.stderr
    # Who gives `run` an address is told on standard error.
    told = program.stderr if how is ASYNCIO else program.stdout
    client = Raw(int(told.readline().rpartition(":")[2].split()[0]))
    client.send('42["hello"]')
    assert program.stdout.readline() == "hello\n"
    program.send_signal(asked)
    with pytest.raises(EOFError):
        client.text()
    out, err = program.communicate(timeout=PATIENCE)
    assert (out, err, program.returncode) == ("server shutting down\nend\n", "", 0)
    client.close()


@pytest.mark.parametrize("kind", ["Server", "AsyncServer"])
def test_sigterm_is_the_programs_own_if_it_says_so(kind: str) -> None:
    program = subprocess.Popen([sys.executable, "-c", f"""
import signal, roomcast
signal.signal(signal.SIGTERM, lambda *_: print("mine", flush=True))
sio = roomcast.{kind}()
sio.run("127.0.0.1", 0)
assert callable(signal.getsignal(signal.SIGTERM))
"""], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert program.stdout and program.stderr and "listens" in program.stderr.readline()
    program.send_signal(signal.SIGTERM)
    assert program.stdout.readline() == "mine\n"
    program.send_signal(signal.SIGINT)
    assert program.communicate(timeout=PATIENCE) == ("", "") and program.returncode == 0


@pytest.mark.parametrize("kind", ["Server", "AsyncServer"])
def test_sigterm_is_as_before_when_it_has_ended(kind: str) -> None:
    program = subprocess.Popen([sys.executable, "-c", f"""
import os, signal, threading, time, roomcast
sio = roomcast.{kind}()
def ask():
    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
for _ in range(2):
    threading.Thread(target=ask).start()
    sio.run("127.0.0.1", 0)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
print("end")
"""], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert program.communicate(timeout=PATIENCE)[0] == "end\n" and program.returncode == 0


EXITS = """
def leaves(sid):
    sys.exit(3)
async def leaves_later(sid):
    await asyncio.sleep(0)
    sys.exit(3)
sio = roomcast.{kind}(async_handlers={async_handlers})
sio.on("leave", leaves{later})
sio.on("disconnect", lambda sid, reason: print(reason + "\\n", end="", flush=True))
def listen(host=None, port=0):
    port = roomcast.{kind}.listen(sio, host="127.0.0.1", port=port)
    print(port, flush=True)
    return port
sio.listen = listen
sio.run("127.0.0.1", 0)
"""


@pytest.mark.parametrize("async_handlers", [True, False])
@pytest.mark.parametrize(("kind", "later"), [("Server", ""), ("AsyncServer", ""), ("AsyncServer", "_later")])
def test_sys_exit_in_a_handler_ends_the_program_in_good_order(kind: str, later: str, async_handlers: bool) -> None:
    text = "import asyncio, sys, roomcast\n" + EXITS.format(kind=kind, later=later, async_handlers=async_handlers)
    program = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert program.stdout
    port = int(program.stdout.readline())
    clients = [Raw(port) for _ in range(2)]
    clients[0].send('42["leave"]')
    for client in clients:
        with pytest.raises(EOFError):
            client.text()
    out, err = program.communicate(timeout=PATIENCE)
    assert (out, program.returncode) == ("server shutting down\n" * 2, 3)
    assert err == f"roomcast listens on http://127.0.0.1:{port} (Ctrl-C ends it)\n"
    for client in clients:
        client.close()


LATE = """
import ctypes, functools, roomcast.server
told = []
class Late:
    \"\"\"Gets SIGINT within the call, after Python has looked for signals and before it sleeps.\"\"\"
    def __init__(self):
        self.real = poll()
        self.register = self.real.register
    def poll(self, timeout):
        steps = [functools.partial(self.real.poll, timeout)]
        if told:
            steps.insert(0, functools.partial(ctypes.PyDLL(None)["raise"], signal.SIGINT))
        return list(map(functools.partial.__call__, steps))[-1]
poll, roomcast.server.select.poll = roomcast.server.select.poll, Late
@sio.event
def late(sid):
    told.append(sid)
    print("late", flush=True)
print(sio.listen(port=0), flush=True)
sio.run()
print("end", signal.set_wakeup_fd(-1))
"""


def test_ctrl_c_is_not_slept_over() -> None:
    program = subprocess.Popen([sys.executable, "-c", SERVING.format(**{**THREADS, "run": LATE})], cwd=HERE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert program.stdout
    client = Raw(int(program.stdout.readline()))
    client.send('42["late"]')
    assert program.stdout.readline() == "late\n"
    client.send('42["one more turn"]')
    with pytest.raises(EOFError):
        client.text()
    out, err = program.communicate(timeout=PATIENCE)
    assert (out, err, program.returncode) == ("server shutting down\nend -1\n", "", 0)
    client.close()
