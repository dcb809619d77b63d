"""SIGTERM, by which an init system or a container asks a program to end. It must not take it from a program that deals with it itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_sigterm(end: Callable[[], object]) -> Iterator[None]:
    """Has SIGTERM call ``end`` for as long as it lasts, if nobody has said what is to become of it; in a program's main thread alone."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def asked(*_: object) -> None:
        end()

    signal.signal(signal.SIGTERM, asked)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is asked:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
