"""Threads for handlers, kept for the next one, and bounded in number. It must not know what a job is for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from queue import SimpleQueue
from typing import Any

#: Idle threads that are kept.
_KEPT = 32

Job = tuple[Callable[..., None], tuple[Any, ...]]


class _Owner:
    """The jobs of one client. ``turns`` are those that run or are next, ``waiting`` the others."""

    __slots__ = ("jobs", "turns", "waiting")

    def __init__(self) -> None:
        self.jobs: deque[Job] = deque()
        self.turns = self.waiting = 0


class Workers:
    """Runs each job on a thread that does nothing else meanwhile, on at most ``most`` of them, a quarter for one owner; the
    rest waits. ``failed`` is told what a job raises; it must not raise itself.
    """

    def __init__(self, most: int, failed: Callable[[BaseException], None]) -> None:
        self._most, self._share, self._failed = most, max(1, most // 4), failed
        self._changed = threading.Condition(threading.Lock())
        self._owners: dict[Hashable, _Owner] = {}
        #: Whose turn it is next; for each a True in _turns. A False there ends a thread.
        self._next: deque[tuple[Hashable, _Owner]] = deque()
        self._turns: SimpleQueue[bool] = SimpleQueue()
        #: Jobs that are not done; turns that no thread is about to take; threads, and those of them that wait for a turn.
        self._undone = self._untaken = self._threads = self._idle = 0
        self._stopped = False

    def submit(self, owner: Hashable, job: Callable[..., None], *args: Any) -> None:
        """Runs ``job(*args)`` as soon as there is a thread for it. The jobs of an owner begin in their order."""
        with self._changed:
            self._undone += 1
            own = self._owners.get(owner)
            if own is None:
                own = self._owners[owner] = _Owner()
            own.jobs.append((job, args))
            if own.turns >= self._share:
                own.waiting += 1
                return
            own.turns += 1
            start = self._give_turn(owner, own)
        if start:
            self._start()

    def _give_turn(self, owner: Hashable, own: _Owner) -> bool:
        """Under the lock; True if a thread is to be started for it."""
        self._next.append((owner, own))
        self._turns.put(True)
        if self._idle:
            self._idle -= 1
        elif self._threads < self._most:
            self._threads += 1
            return True
        else:
            self._untaken += 1
        return False

    def _start(self) -> None:
        try:
            # They do not keep the process alive, as python-socketio's do not.
            threading.Thread(target=self._work, name="roomcast handler", daemon=True).start()
        except RuntimeError:  # the system has no more: one that runs takes it when it is done
            with self._changed:
                alone = self._threads == 1
                if not alone:
                    self._threads -= 1
                    self._untaken += 1
            if alone:
                self._work(keep=False)

    def _work(self, keep: bool = True) -> None:
        while self._turns.get():
            with self._changed:
                owner, own = self._next.popleft()
                job, args = own.jobs.popleft()
            try:
                job(*args)
            except BaseException as error:
                self._failed(error)
            del job, args
            with self._changed:
                if own.waiting:
                    own.waiting -= 1
                    self._next.append((owner, own))
                    self._turns.put(True)
                    self._untaken += 1
                else:
                    own.turns -= 1
                    if not own.turns:
                        del self._owners[owner]
                del owner, own
                self._undone -= 1
                if not self._undone:
                    self._changed.notify_all()
                if self._untaken:
                    self._untaken -= 1
                elif self._stopped or not keep or self._idle >= _KEPT:
                    self._threads -= 1
                    return
                else:
                    self._idle += 1

    def stop(self, patience: float) -> None:
        """Lets the idle threads go, and waits for the jobs that are left for at most so many seconds."""
        with self._changed:
            self._stopped = True
            for _ in range(self._idle):
                self._turns.put(False)
            self._threads -= self._idle
            self._idle = 0
            self._changed.wait_for(lambda: self._undone == 0, patience)
            self._stopped = False
