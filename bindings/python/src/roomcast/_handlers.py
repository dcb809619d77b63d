"""Which function, or which object, an event goes to. It must not call one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional, Union

from ._callables import Handler
from .namespace import BaseServerNamespace


class Handlers:
    """What is registered, by namespace and event."""

    def __init__(self, reserved: Sequence[str], namespaces: Union[str, Sequence[str]]) -> None:
        #: Events that no catch-all takes.
        self._reserved = reserved
        #: Namespaces that are served without a handler; or "*", all.
        self._namespaces = namespaces
        self.functions: dict[str, dict[str, Handler]] = {}
        self.objects: dict[str, BaseServerNamespace] = {}

    def register(self, namespace: str, event: str, handler: Handler) -> None:
        """Has a function handle an event, in place of the one before."""
        self.functions.setdefault(namespace, {})[event] = handler

    def serves(self, namespace: str) -> bool:
        """Whether a client may ask for it."""
        return (namespace in self.functions or namespace in self.objects or self._namespaces == "*"
                or namespace in self._namespaces)

    def function_for(self, event: str, namespace: str, args: tuple[Any, ...]) -> tuple[Optional[Handler], tuple[Any, ...]]:
        """The function for an event: its own, the namespace's catch-all, the event's in any namespace, the catch-all of all."""
        common = event not in self._reserved
        if own := self.functions.get(namespace):
            if event in own:
                return own[event], args
            if common and "*" in own:
                return own["*"], (event, *args)
        if anywhere := self.functions.get("*"):
            if event in anywhere:
                return anywhere[event], (namespace, *args)
            if common and "*" in anywhere:
                return anywhere["*"], (event, namespace, *args)
        return None, args

    def object_for(self, namespace: str, args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """The namespace object for an event that no function takes."""
        if namespace in self.objects:
            return self.objects[namespace], args
        if "*" in self.objects:
            return self.objects["*"], (namespace, *args)
        return None, args
