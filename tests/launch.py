#!/usr/bin/env python3
"""Starts a program with listening sockets by systemd's protocol, and starts it anew when it ends, with the same sockets. It must know
nothing of the program.

    launch.py TIMES NAME=PORT|PATH,... COMMAND...

It prints nothing; ends with the program's last status, and passes SIGTERM on to it.
"""

import os
import signal
import socket
import sys


def bound(where: str) -> socket.socket:
    if where.isdigit():
        return socket.create_server(("127.0.0.1", int(where)), backlog=4096)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(where)
    listener.listen(4096)
    return listener


def main() -> int:
    times, wanted, command = int(sys.argv[1]), [one.split("=", 1) for one in sys.argv[2].split(",")], sys.argv[3:]
    # Out of the way of the numbers that they will have.
    sockets = [os.dup2(bound(where).detach(), 100 + at) for at, (_, where) in enumerate(wanted)]
    status = 0
    for _ in range(times):
        child = os.fork()
        if child == 0:
            for at, fd in enumerate(sockets):
                os.dup2(fd, 3 + at)
                os.close(fd)
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)),
                              LISTEN_FDNAMES=":".join(name for name, _ in wanted))
            os.execvp(command[0], command)
        signal.signal(signal.SIGTERM, lambda *_, child=child: os.kill(child, signal.SIGTERM))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != 0:
            break
    return status


sys.exit(main())
