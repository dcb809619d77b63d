"""Where a broker listens: addresses, with and without TLS, Unix sockets, descriptors. It must not wait for anybody, nor read a file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any, Optional, Union

from .._arguments import texts, unfit
from .._ffi import ffi
from .._lent import lend, lending
from .._native import check, lib


@contextlib.contextmanager
def _named(where: str) -> Iterator[None]:
    """What the system refuses says where, as Python names a file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), where) from None


def _check_address(host: str, port: int) -> None:
    texts(host=host)
    _check_port(port)


def _check_fd(fd: int) -> None:
    if not isinstance(fd, int):
        raise unfit("fd", fd, "a descriptor's number")


def _check_port(port: int) -> None:
    if not isinstance(port, int) or not 0 <= port < 65536:
        raise ValueError(f"port={port!r}: it is a number from 0 to 65535")


def _listen_options(flags: int, backlog: int, mode: int = 0) -> Any:
    size = ffi.sizeof("roomcast_listen_options")
    return ffi.new("roomcast_listen_options *", {"struct_size": size, "flags": flags, "backlog": backlog, "mode": mode})


def _flags(v6_only: Optional[bool], reuse_port: bool, one_acceptor: bool, proxy_protocol: bool) -> int:
    return int(lib.ROOMCAST_LISTEN_PROXY_PROTOCOL * bool(proxy_protocol) | lib.ROOMCAST_LISTEN_REUSE_PORT * bool(reuse_port)
               | lib.ROOMCAST_LISTEN_ONE_ACCEPTOR * bool(one_acceptor)
               | (0 if v6_only is None else lib.ROOMCAST_LISTEN_V6_ONLY if v6_only else lib.ROOMCAST_LISTEN_BOTH))


def _tls(identities: Sequence[tuple[bytes, bytes]], client_authorities: bytes, require_clients: bool, kept: list[Any]) -> Any:
    """What is shown; `kept` is what it lends."""
    def lent(data: bytes) -> dict[str, Any]:
        kept.append(ffi.from_buffer(data))
        return {"ptr": kept[-1], "len": len(data)}

    kept.append(ffi.new("roomcast_identity[]", [{"chain": lent(chain), "key": lent(key)} for chain, key in identities]))
    return ffi.new("roomcast_tls *", {
        "struct_size": ffi.sizeof("roomcast_tls"), "flags": lib.ROOMCAST_TLS_REQUIRE_CLIENTS * bool(require_clients),
        "identities": kept[-1], "identity_count": len(identities), "client_authorities": lent(client_authorities)})


def _request(method: str, target: str, headers: Sequence[tuple[str, Union[str, bytes]]], rest: bytes, peer: str, kept: list[Any]) -> Any:
    """A request whose head was parsed; `kept` is what it lends. Values are bytes, as Latin-1 if they are texts: so WSGI has them."""
    def value(of: Union[str, bytes]) -> bytes:
        return of.encode("latin-1") if isinstance(of, str) else of

    pairs = ffi.new("roomcast_pair[]", [{"name": lend(name, kept), "value": lend(value(of), kept)} for name, of in headers])
    kept.append(pairs)
    return ffi.new("roomcast_request *", {
        "struct_size": ffi.sizeof("roomcast_request"), "method": lend(method, kept), "target": lend(target, kept), "headers": pairs,
        "header_count": len(headers), "rest": lend(rest, kept), "peer": lend(peer, kept)})


class Adopting:
    """Connections that somebody else has accepted, by a broker or its remote."""

    def _adopts(self, fd: int, prefix: bytes, peer: str) -> int:
        raise NotImplementedError

    def _adopts_request(self, fd: int, request: Any) -> int:
        raise NotImplementedError

    def adopt(self, fd: int, prefix: bytes = b"", peer: str = "") -> None:
        """Goes on with a connection that the program has accepted: a stream socket of TCP or a Unix socket.

        The descriptor is the broker's then, and closed by it: of a ``socket`` give ``fileno()``, and ``detach()`` it behind that. If
        this raises, it stays yours. Not for what is over TLS in the program.

        :param prefix: what the program has read of it, mostly the head of a request.
        :param peer: where it comes from (``"192.0.2.1:40332"``, ``"unix:"``), where that is not its other end.
        """
        with _named(f"fd:{fd}"):
            check(self._adopts(fd, prefix, peer))

    def adopt_request(self, fd: int, method: str, target: str, headers: Sequence[tuple[str, Union[str, bytes]]] = (),
                      rest: bytes = b"", peer: str = "") -> None:
        """The same with a request whose head the program has parsed: the broker answers it, and goes on with the connection.

        :param target: the path with its query, as it came.
        :param rest: what was read behind the head: the body, or a part of it, and what came behind that.
        """
        kept: list[Any] = []
        request = _request(method, target, headers, rest, peer, kept)
        with _named(f"fd:{fd}"):
            check(self._adopts_request(fd, request))


class Listening(Adopting):
    """What a broker listens on, what it goes on with, and what it hands back."""

    @lending
    def reopen(self) -> None:
        """Takes connections by :meth:`adopt` again after :meth:`close`, though the broker listens nowhere. To listen does the same."""
        check(lib.roomcast_reopen(self._broker))

    @lending
    def set_hand_back(self, on: bool) -> None:
        """Has connections handed back from now on, by FOREIGN, or not: as the field ``hand_back`` has it from the beginning."""
        check(lib.roomcast_set_hand_back(self._broker, bool(on)))

    @lending
    def take_descriptor(self, fd: int) -> None:
        """Makes the descriptor of a FOREIGN event, its ``context``, the program's, until the next :meth:`poll`, which closes it otherwise.

        It is a stream socket in non-blocking mode: ``socket.socket(fileno=fd)``. GONE if it was taken before.
        """
        check(lib.roomcast_take_descriptor(self._broker, fd))

    @lending
    def _adopts(self, fd: int, prefix: bytes, peer: str) -> int:
        name = peer.encode()
        return int(lib.roomcast_adopt(self._broker, fd, prefix, len(prefix), name, len(name)))

    @lending
    def _adopts_request(self, fd: int, request: Any) -> int:
        return int(lib.roomcast_adopt_request(self._broker, fd, request))

    _broker: Any

    @lending
    def listen(self, host: str, port: int, *, backlog: int = 0, v6_only: Optional[bool] = None, reuse_port: bool = False,
               one_acceptor: bool = False, proxy_protocol: bool = False) -> int:
        """Listens on an address. Port 0 takes a free one. Returns the port.

        :param backlog: how many connections the kernel holds before they are accepted; 0 is 4,096.
        :param v6_only: whether an address of IPv6 takes clients of IPv6 alone; ``None``: as the system has it.
        :param reuse_port: lets other processes listen on the same port that want it, too.
        :param one_acceptor: with ``loops`` one of them accepts, and deals the connections to all in turn; without it the kernel
            spreads them by chance.
        :param proxy_protocol: each connection begins with the header of the PROXY protocol, by which a proxy (HAProxy, nginx's
            ``proxy_protocol on``, a cloud's network balancer) says whose it is; what begins otherwise is closed, and counted. Nobody but
            the proxy may reach the port.
        """
        _check_address(host, port)
        bound, name = ffi.new("uint16_t *"), host.encode()
        flags = _flags(v6_only, reuse_port, one_acceptor, proxy_protocol)
        with _named(f"{host}:{port}"):
            check(lib.roomcast_listen_with(self._broker, name, len(name), port, _listen_options(flags, backlog), bound))
        return int(bound[0])

    @lending
    def listen_tls(self, host: str, port: int, identities: Sequence[tuple[bytes, bytes]], *, client_authorities: bytes = b"",
                   require_clients: bool = False, backlog: int = 0, v6_only: Optional[bool] = None, reuse_port: bool = False,
                   one_acceptor: bool = False, proxy_protocol: bool = False) -> int:
        """Listens on an address over TLS: for ``wss://`` and ``https://``. Returns the port.

        :param identities: certificates, each with those that lead to its authority behind it, and their keys, as PEM. A client gets the
            first that is for the name it asks for, else the very first.
        :param client_authorities: asks clients for certificates for which one of these, as PEM, speaks: ``certificate`` of their
            :class:`Handshake`.
        :param require_clients: whoever has none is not let in.

        The others are those of :meth:`listen`.
        """
        _check_address(host, port)
        kept: list[Any] = []
        shown = _tls(identities, client_authorities, require_clients, kept)
        bound, name = ffi.new("uint16_t *"), host.encode()
        options = _listen_options(_flags(v6_only, reuse_port, one_acceptor, proxy_protocol), backlog)
        with _named(f"{host}:{port}"):
            check(lib.roomcast_listen_tls(self._broker, name, len(name), port, shown, options, bound))
        return int(bound[0])

    @lending
    def instrument(self, *, namespace: str = "/admin", login: Optional[tuple[str, str]] = None, decides: bool = False,
                   production: bool = False, read_only: bool = False, server_id: str = "", stats_interval: float = 2.0) -> None:
        """Lets the page of Socket.IO's admin interface look at the broker and act on it.

        :param login: the name and the password of whoever may look. Without it everybody may; with ``decides`` you do, by the
            CONNECT_REQUEST events of the namespace.
        :param production: the page is told figures alone.
        :param read_only: the page may look, and not act.
        :param server_id: what this server is called; by default as its machine.
        :param stats_interval: the seconds between two tellings of the figures.
        """
        if not 0.001 <= stats_interval <= 4_000_000:
            raise ValueError(f"stats_interval={stats_interval!r}: it is a number of seconds, from 0.001")
        kept: list[Any] = []
        username, password = login or ("", "")
        auth = lib.ROOMCAST_ADMIN_AUTH_HOST if decides else lib.ROOMCAST_ADMIN_AUTH_LOGIN if login else lib.ROOMCAST_ADMIN_AUTH_NOBODY
        options = ffi.new("roomcast_admin_options *", {
            "struct_size": ffi.sizeof("roomcast_admin_options"), "auth": auth, "stats_interval": round(stats_interval * 1000),
            "flags": lib.ROOMCAST_ADMIN_PRODUCTION * bool(production) | lib.ROOMCAST_ADMIN_READ_ONLY * bool(read_only),
            "username": lend(username, kept), "password": lend(password, kept), "ns": lend(namespace, kept),
            "server_id": lend(server_id, kept)})
        check(lib.roomcast_instrument(self._broker, options))

    @lending
    def set_tls(self, port: int, identities: Sequence[tuple[bytes, bytes]], *, client_authorities: bytes = b"",
                require_clients: bool = False) -> None:
        """Shows something else from now on, on a port that is listened on over TLS: new certificates, mostly. Nobody is disconnected."""
        _check_port(port)
        kept: list[Any] = []
        check(lib.roomcast_set_tls(self._broker, port, _tls(identities, client_authorities, require_clients, kept)))

    @lending
    def listen_unix(self, path: Union[str, bytes, os.PathLike[Any]], *, mode: int = 0, backlog: int = 0,
                    keep_stale: bool = False, proxy_protocol: bool = False) -> None:
        """Listens on a Unix socket: for a proxy on the same machine, or other local programs.

        A socket at this path on which nobody listens any more is replaced; the broker's own is removed when it closes. On Linux
        a path that begins with a NUL is an abstract name. The peers' address is ``unix:``, by which ``trusted_proxies`` names
        them.

        :param mode: who may connect, as the file's mode (``0o660``); 0: what the umask leaves.
        :param backlog: as of :meth:`listen`.
        :param keep_stale: what is at the path is an error, whatever it is.
        :param proxy_protocol: as of :meth:`listen`.
        """
        name = os.fsencode(path)
        flags = lib.ROOMCAST_LISTEN_KEEP_STALE * bool(keep_stale) | lib.ROOMCAST_LISTEN_PROXY_PROTOCOL * bool(proxy_protocol)
        options = _listen_options(flags, backlog, mode)
        with _named(os.fsdecode(path)):
            check(lib.roomcast_listen_unix(self._broker, name, len(name), options))

    @lending
    def listen_fd(self, fd: int, *, proxy_protocol: bool = False) -> None:
        """Goes on with a stream socket that listens already, of TCP or a Unix socket: systemd's begin with 3.

        The descriptor is the broker's then, and closed with it: of a ``socket`` give ``detach()``. If this raises, it stays
        yours.

        :param proxy_protocol: as of :meth:`listen`.
        """
        _check_fd(fd)
        options = _listen_options(lib.ROOMCAST_LISTEN_PROXY_PROTOCOL * bool(proxy_protocol), 0)
        with _named(f"fd:{fd}"):
            check(lib.roomcast_listen_fd_with(self._broker, fd, options))

    @lending
    def stop_listening(self) -> None:
        """Accepts nobody any more; whoever is connected stays. For a process that another one replaces, with which it shares a socket
        by :meth:`listen_fd`: it stops, then lets its clients go by :meth:`drain`. Where nobody else has the socket, clients that wait
        to be accepted are reset.
        """
        check(lib.roomcast_stop_listening(self._broker))
