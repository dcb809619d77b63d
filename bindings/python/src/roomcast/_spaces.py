"""The namespaces, by their names and by the broker's handles. It must not know who is in them, or what handles their events."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Optional, Union

from . import raw


class Spaces:
    """The broker's namespaces. All of them are guarded: whoever comes is asked about."""

    def __init__(self, broker: raw.Broker, lock: AbstractContextManager[Any], names: Union[str, Iterable[str]], *, recovery: bool,
                 ask_again: bool) -> None:
        self._broker, self._lock, self._recovery, self._ask_again = broker, lock, recovery, ask_again
        #: Clients bring those to life that they ask for.
        self._any = names == "*"
        self._handles: dict[str, int] = {}
        self._names: dict[int, str] = {}
        if self._any:
            broker.add_pattern("/*", guarded=True, recovery=recovery, ask_again=ask_again)
        # "/" is there in any case.
        for name in ["/", *(() if self._any else names)]:
            self.open(name)

    def open(self, name: str) -> None:
        """Makes a namespace, if it is none for all of them."""
        if name != "*":
            with self._lock:
                self._handles[name] = self._broker.add_namespace(name, guarded=True, recovery=self._recovery, ask_again=self._ask_again)

    def find(self, name: str) -> Optional[int]:
        """A namespace's handle, if it is there."""
        ns = self._handles.get(name)
        if ns is None and self._any:
            with self._lock:
                ns = self._broker.find_namespace(name)
            if ns is not None:
                self._handles[name] = ns
        return ns

    def name(self, ns: int) -> str:
        """A handle's namespace."""
        name = self._names.get(ns)
        if name is None:
            name = self._names[ns] = self._broker.namespace_name(ns)
        return name

    def removed(self, ns: int, name: str) -> None:
        """Forgets one that its last client has left."""
        self._names.pop(ns, None)
        if self._handles.get(name) == ns:
            del self._handles[name]
