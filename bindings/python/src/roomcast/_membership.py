"""Who is in which room, and in the namespace at all, as the program orders it; the cluster hears of clients that are not here. It must not
call a handler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional, Union

from . import raw
from ._clients import Client, Clients
from ._log import Log
from ._names import as_key, as_room
from ._outbox import Outbox
from ._spaces import Spaces


class Membership:
    """Rooms, and the end of a client's connection to a namespace."""

    def __init__(self, outbox: Outbox, clients: Clients, spaces: Spaces, log: Log, wake: Callable[[], None]) -> None:
        self._outbox, self._broker, self._lock = outbox, outbox.broker, outbox.lock
        self._clients, self._spaces, self._log = clients, spaces, log
        #: Has the loop take a turn, for what goes to the cluster.
        self._wake = wake

    def enter(self, sid: str, room: Any, namespace: Optional[str]) -> None:
        """Puts a client into a room."""
        client, name = self._clients.member(sid, namespace), as_key(room)
        if client is None and self._clients.clustered:
            return self._elsewhere(namespace, lambda ns: self._broker.sockets_join(ns, [name], rooms=[as_key(sid)]))
        if client is None:
            raise ValueError("sid is not connected to requested namespace")
        if name != sid and self._clients.connected(name, namespace):
            raise ValueError("cannot enter a sid room")
        self._log.note("%s is entering room %s [%s]", sid, room, client.namespace)
        with self._lock:
            self._outbox.commit()
            try:
                self._broker.join(client.socket, name)
            except raw.Gone:
                return

    def leave(self, sid: str, room: Any, namespace: Optional[str]) -> None:
        """Takes a client out of a room."""
        client, name = self._clients.member(sid, namespace), as_key(room)
        if client is None and self._clients.clustered:
            return self._elsewhere(namespace, lambda ns: self._broker.sockets_leave(ns, [name], rooms=[as_key(sid)]))
        if client is None or name == sid:
            return
        self._log.note("%s is leaving room %s [%s]", sid, room, client.namespace)
        with self._lock:
            self._outbox.commit()
            try:
                self._broker.leave(client.socket, name)
            except raw.Gone:
                return

    def close(self, room: Any, namespace: Optional[str]) -> None:
        """Takes everybody out of a room."""
        name, space = as_key(room), namespace or "/"
        if self._clients.connected(name, space):
            raise ValueError("cannot close a sid room")
        self._log.note("room %s is closing [%s]", room, space)
        with self._lock:
            ns = self._spaces.find(space)
            self._outbox.commit()
            if ns is not None:
                self._broker.sockets_leave(ns, [name], rooms=[name])
        if self._clients.clustered:
            self._wake()

    def rooms(self, sid: str, namespace: Optional[str]) -> list[Union[str, int]]:
        """A client's rooms; when it is gone, those that it was in."""
        client = self._clients.connected(sid, namespace)
        if client is None:
            return []
        names = client.rooms
        if names is None:
            with self._lock:
                self._outbox.commit()
                try:
                    names = self._broker.rooms_of(client.socket)
                except raw.Gone:
                    return []
        return [as_room(name) for name in names]

    def end(self, sid: str, namespace: Optional[str], ignore_queue: bool) -> Optional[Client]:
        """Disconnects a client; None if it is not connected. One who is away does not come back."""
        client = self._clients.member(sid, namespace)
        if client is None:
            if self._clients.clustered and not ignore_queue:
                self._elsewhere(namespace, lambda ns: self._broker.disconnect_sockets(ns, rooms=[as_key(sid)]))
            return None
        with self._lock:
            if self._clients.is_away(client):
                self._outbox.commit()
                try:
                    self._broker.disconnect(client.socket)
                except raw.Gone:
                    pass
                return None
            if not client.accepted or client.ended:
                return None
            self._log.note("Disconnecting %s [%s]", sid, client.namespace)
            self._outbox.commit()
            try:
                rooms = self._broker.rooms_of(client.socket)
                self._broker.disconnect(client.socket)
            except raw.Gone:
                return None
            client.rooms, client.ended = rooms, True
        return client

    def _elsewhere(self, namespace: Optional[str], order: Callable[[int], object]) -> None:
        """Orders something for a client of another node."""
        with self._lock:
            ns = self._spaces.find(namespace or "/")
            self._outbox.commit()
            if ns is not None:
                order(ns)
        self._wake()
