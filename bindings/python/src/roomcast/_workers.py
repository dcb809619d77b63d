"""Threads for handlers, kept for the next one. As many as are busy at the same time: a handler may wait for another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Optional

#: Idle threads that are kept.
_KEPT = 32

Job = tuple[Callable[..., None], tuple[Any, ...]]


class Workers:
    """Runs each job on a thread that does nothing else meanwhile. ``failed`` is told what a job raises; it must not raise."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self._failed = failed
        self._jobs: SimpleQueue[Optional[Job]] = SimpleQueue()
        self._changed = threading.Condition()
        self._idle = 0
        self._busy = 0
        self._stopped = False

    def submit(self, job: Callable[..., None], *args: Any) -> None:
        """Runs ``job(*args)`` on a thread of its own."""
        with self._changed:
            self._busy += 1
            start = self._idle == 0
            if not start:
                self._idle -= 1
        self._jobs.put((job, args))
        if start:
            # They do not keep the process alive, as python-socketio's do not.
            threading.Thread(target=self._work, name="roomcast handler", daemon=True).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job[0](*job[1])
            except BaseException as error:
                self._failed(error)
            del job
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()
                if self._stopped or self._idle >= _KEPT:
                    return
                self._idle += 1

    def stop(self, patience: float) -> None:
        """Lets the idle threads go, and waits for the others for at most so many seconds."""
        with self._changed:
            self._stopped = True
            for _ in range(self._idle):
                self._jobs.put(None)
            self._idle = 0
            self._changed.wait_for(lambda: self._busy == 0, patience)
            self._stopped = False
