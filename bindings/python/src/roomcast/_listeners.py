"""Where a server listens, and with which certificates. It must not know what comes in there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Optional

from . import raw
from ._arguments import unfit

#: Seconds in which those who were accepted last ask, before a drain sends all away.
LAST_COMERS = 1.0


class Listeners:
    """The broker's listeners, and the files of those over TLS."""

    def __init__(self, broker: raw.Broker, lock: AbstractContextManager[Any]) -> None:
        self._broker, self._lock = broker, lock
        #: The files of what is listened on over TLS, by the port.
        self._certificates: dict[int, tuple[str, Optional[str]]] = {}

    def listen(self, host: str, port: int, uds: Optional[str], fd: Optional[int], certfile: Optional[str],
               keyfile: Optional[str], proxied: bool) -> int:
        """Listens on a Unix socket, a descriptor, or an address. Returns the port, if there is one."""
        if uds is not None and fd is not None:
            raise ValueError(f"uds={uds!r} and fd={fd!r}: a call listens at one place")
        if certfile is None and keyfile is not None:
            raise ValueError(f"keyfile={keyfile!r}: it is the key of a certfile, and there is none")
        if certfile is not None and (uds is not None or fd is not None):
            raise ValueError(f"certfile={certfile!r}: it is for an address, and neither for a Unix socket (uds) nor for a descriptor (fd)")
        if uds is not None and not isinstance(uds, (str, bytes, os.PathLike)):
            raise unfit("uds", uds, "a path")
        with self._lock, _identified(certfile, keyfile):
            if uds is not None:
                self._broker.listen_unix(uds, proxy_protocol=proxied)
            elif fd is not None:
                self._broker.listen_fd(fd, proxy_protocol=proxied)
            elif certfile is not None:
                bound = self._broker.listen_tls(host, port, [_identity(certfile, keyfile)], proxy_protocol=proxied)
                self._certificates[bound] = (certfile, keyfile)
                return bound
            else:
                return self._broker.listen(host, port, proxy_protocol=proxied)
        return 0

    def reload(self) -> None:
        """Reads the files again, for those who come from now on."""
        for port, (certfile, keyfile) in list(self._certificates.items()):
            identity = _identity(certfile, keyfile)
            with self._lock, _identified(certfile, keyfile):
                self._broker.set_tls(port, [identity])

    def leave(self) -> None:
        """Accepts nobody any more: who waits in a socket that another process has, too, is left to that one."""
        with self._lock:
            self._broker.stop_listening()
            self.closed()

    def closed(self) -> None:
        """Forgets the listeners of a broker that is closed."""
        self._certificates.clear()

    def listen_aloud(self, listen: Callable[..., int], host: str, port: int, uds: Optional[str], fd: Optional[int], more: dict[str, Any]) -> None:
        """Has the server listen, by its own method, and says on standard error where."""
        port = listen(host, port, **more) if uds is None and fd is None else listen(uds=uds, fd=fd, **more)
        if uds is not None:
            where = f"unix:{uds}"
        elif fd is not None:
            where = f"descriptor {fd}"
        else:
            scheme = "https" if port in self._certificates else "http"
            where = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
        print(f"roomcast listens on {where} (Ctrl-C ends it)", file=sys.stderr, flush=True)


def only_given(**options: Any) -> dict[str, Any]:
    """Those that are given: whoever has a `listen` of his own may know nothing of them."""
    return {name: value for name, value in options.items() if value is not None and value is not False}


def _identity(certfile: str, keyfile: Optional[str]) -> tuple[bytes, bytes]:
    identity = _read("certfile", certfile)
    return identity, identity if keyfile is None else _read("keyfile", keyfile)


def _read(name: str, path: str) -> bytes:
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise unfit(name, path, "a file's path")
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise OSError(error.errno, f"{name}: {error.strerror}", path) from None


@contextmanager
def _identified(certfile: Optional[str], keyfile: Optional[str]) -> Iterator[None]:
    """What the library does not take as a certificate with its key says which files they are of."""
    try:
        yield
    except raw.RoomcastError as error:
        _, shown, why = str(error).partition(": tls.")
        if shown:
            error.args = (f"certfile={certfile!r}, keyfile={keyfile!r}: {why.partition(': ')[2]}",)
        raise
