"""Which process a broker and its remotes belong to: a fork's child has their memory, but shares their descriptors. It must not
call one."""

from __future__ import annotations

import os
import weakref
from typing import Any


class Owned:
    """What belongs to the process that made it."""

    def __init__(self) -> None:
        #: It was made by the process that forked this one, and every call raises RuntimeError.
        self.forked = False
        self._process = os.getpid()
        _all.add(self)

    def _others(self) -> RuntimeError:
        """What a call raises in a fork's child."""
        return RuntimeError(f"this belongs to process {self._process}, which forked this one: whoever serves makes one of its own, "
                            "after the fork")

    def _left(self) -> None:
        """This is a fork's child."""
        self.forked = True


_all: weakref.WeakSet[Any] = weakref.WeakSet()


def _forked() -> None:
    for owned in _all:
        owned._left()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
