"""The broker in an asyncio event loop: its descriptor, its turns, the tasks that these begin, and their end. It must not know what an event
means.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Optional

from . import raw
from ._listeners import LAST_COMERS
from ._log import Log
from ._outbox import Outbox

#: Events taken in one turn, before the loop's other work has its turn.
_BATCH = 512
#: Seconds between two looks at what tasks are for; more where a look takes long.
_LOOK = 1.0


class Driver:
    """Has the broker take its turns in one event loop at a time, and in the thread of that loop."""

    def __init__(self, outbox: Outbox, log: Log, happened: Callable[[raw.Event], None], closed: Callable[[], None]) -> None:
        self._outbox, self._broker, self._log = outbox, outbox.broker, log
        #: Takes an event; hears that the broker is closed.
        self._happened, self._closed = happened, closed
        self.loop: Optional[asyncio.AbstractEventLoop] = None
        self._thread = 0
        #: The next turn that nothing else brings about, and when it is: uvloop's handles do not always tell.
        self._timer: Optional[asyncio.Handle] = None
        self._timer_at = 0.0
        #: A turn is under way, or will be.
        self.due = False
        #: Tasks that a turn began have yet to take their first steps.
        self._starting = False
        #: Tasks started so far.
        self._started = 0
        #: Set while it shuts down; told when the broker is closed.
        self.closing: Optional[asyncio.Event] = None
        self._ended: Optional[asyncio.Event] = None
        #: Set when nobody is left of those whom a drain sends away.
        self._emptied: Optional[asyncio.Event] = None
        self._shutting: Optional[asyncio.Task[None]] = None
        #: The task that serves.
        self._owner: Optional[asyncio.Task[Any]] = None
        #: Tasks that wait for the shutdown, and that it does not wait for.
        self._leaving: set[asyncio.Task[Any]] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        #: Those that are for something that may end before them, and what says whether it lasts.
        self._watched: dict[asyncio.Task[Any], Callable[[], bool]] = {}
        self._look: Optional[asyncio.Handle] = None
        #: Events that were taken and not handled yet: an exception such as KeyboardInterrupt may come between.
        self._events: Iterable[raw.Event] = ()

    # ---- its life ----

    def settle(self) -> asyncio.AbstractEventLoop:
        """The running event loop, in which it may serve; what was left of a closed one is forgotten. RuntimeError if it serves in another."""
        loop = asyncio.get_running_loop()
        if self._broker.forked:
            raise self._broker.taken()
        if self.loop is not loop:
            self._left_behind()
        return loop

    @contextlib.contextmanager
    def begun(self) -> Iterator[None]:
        """Its life as one task has it, from the beginning to the end. RuntimeError if another one has it: before anything is begun."""
        self.settle()
        if self._owner is not None and not self._owner.done() and not self._owner.get_loop().is_closed():
            raise RuntimeError("the server runs already")
        self._owner = task = asyncio.current_task()
        try:
            yield
        finally:
            if self._owner is task:
                self._owner = None

    def serve(self) -> bool:
        """Serves in the running event loop. False if it does already."""
        loop = self.settle()
        if self.loop is loop:
            return False
        self.loop = loop
        loop.add_reader(self._broker.fileno(), self._turn)
        self._turn()
        return True

    async def wait(self) -> None:
        """Waits for the end."""
        assert self._ended is not None
        await self._ended.wait()

    async def shutdown(self) -> None:
        """Ends it. Whoever calls it meanwhile waits for the same end; it goes on if its caller is cancelled."""
        if self.loop is None:
            return
        if self.loop is not asyncio.get_running_loop():
            self._left_behind()
            self.loop = asyncio.get_running_loop()
        caller = asyncio.current_task()
        if self._shutting is None or self._shutting.done():
            self._shutting = self.loop.create_task(self._shut())
        if caller is not None:
            self._leaving.add(caller)
        await asyncio.shield(self._shutting)

    async def drain(self, accept_nobody: Callable[[], None], send_away: Callable[[], None], timeout: float) -> None:
        """Ends it when nobody is left of those whom it sends away, or when it has been ended, or when the time is up."""
        if self.loop is not None:
            accept_nobody()
            self._emptied = asyncio.Event()
            waits = [asyncio.ensure_future(event.wait()) for event in (self._ended, self._emptied) if event is not None]
            try:
                await asyncio.wait(waits, timeout=LAST_COMERS, return_when=asyncio.FIRST_COMPLETED)
                if self.loop is not None and not self.closing:
                    send_away()
                    self.wake()
                    await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
        await self.shutdown()

    def nobody_is_left(self) -> None:
        """Hears that all are sent away."""
        if self._emptied is not None:
            self._emptied.set()

    async def _shut(self) -> None:
        loop, ended, closed = self.loop, self._ended, asyncio.Event()
        assert loop is not None and ended is not None
        self.closing = closed
        loop.remove_reader(self._broker.fileno())
        for timer in (self._timer, self._look):
            if timer:
                timer.cancel()
        try:
            self._dispatch()
            self._outbox.commit()
            # It waits for the clients to read, for a second at most. Not in the loop, and nobody else touches the broker.
            closing = loop.run_in_executor(None, self._broker.close, 1.0)
            while not closing.done():
                # Who cancels every task has cancelled this one as well; it would be no end to leave the broker half closed.
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([closing])
            closed.set()
            self._closed()
            closing.result()
            self._events = iter(self._broker.events())
            self._dispatch()
            self._log.tell()
            for task in self._watched.keys() - self._leaving:
                task.cancel()
            if running := self._tasks - self._leaving:
                await asyncio.wait(running, timeout=1.0)
        finally:
            self.loop = self._ended = self._timer = self._look = self.closing = None
            self._watched.clear()
            self._leaving.clear()
            ended.set()

    async def wait_closed(self) -> None:
        """Waits until the broker is closed, if it is about to be: nobody else touches it meanwhile."""
        if self.closing:
            await self.closing.wait()

    def _left_behind(self) -> None:
        """Leaves the event loop that it served in, if that has been closed."""
        if self.loop is not None and not self.loop.is_closed():
            raise RuntimeError("the server belongs to another event loop")
        self.loop = self._timer = self._look = self.closing = self._shutting = None
        self._thread, self._ended, self.due = threading.get_ident(), asyncio.Event(), False
        self._starting = False
        self._tasks.clear()
        self._watched.clear()
        self._leaving.clear()

    def end_with(self, error: BaseException) -> None:
        """Ends the event loop by what a handler raised."""
        assert self.loop is not None

        def end() -> None:
            raise error

        self.loop.call_soon(end)

    # ---- who calls ----

    def here(self) -> None:
        """Raises for a call from another thread, or one that comes too late."""
        if self._thread and threading.get_ident() != self._thread:
            raise RuntimeError("an AsyncServer belongs to the thread of its loop: from another one, call "
                               "asyncio.run_coroutine_threadsafe(server.emit(...), loop)")
        if self.closing:
            raise RuntimeError("the server is shutting down")

    def serves_here(self) -> bool:
        """Whether this is a call from the loop, and the server is not about to end."""
        try:
            return not self.closing and asyncio.get_running_loop() is self.loop
        except RuntimeError:
            return False

    # ---- turns ----

    def _turn(self) -> None:
        """One turn of the broker: send what was emitted, read, dispatch. When the descriptor is ready, or time is up."""
        if self.closing or self.loop is None or self._starting:
            return
        due, self.due = self.due, True  # what is emitted within the turn needs no sending of its own
        broker, outbox, began = self._broker, self._outbox, self._started
        try:
            self._dispatch()
            outbox.commit()
            broker.poll(0)
            self._events = iter(broker.events(_BATCH))
            self._dispatch()
            if self._log.lines:
                self._log.tell()
            if outbox.queue:
                outbox.commit()
                broker.flush()
        finally:
            self.due = due
            if self._started != began:
                # Their first steps run next, and what they emit goes out together behind them. A turn before that would tell the
                # broker that all is handled.
                self.due = self._starting = True
                self.loop.call_soon(self._send_started)
            elif not due:
                self._sleep()

    def _dispatch(self) -> None:
        for event in self._events:
            self._happened(event)

    def wake(self) -> None:
        """Has the queue sent when the tasks that are ready now have run."""
        if not self.due and self.loop is not None:
            self.due = True
            self.loop.call_soon(self._send)

    def _send_started(self) -> None:
        self._starting = False
        self._send()

    def _send(self) -> None:
        self.due = False
        if self.closing or self.loop is None:
            return
        self._outbox.commit()
        self._broker.flush()
        if not self._starting:
            self._sleep()

    def _sleep(self) -> None:
        """Sees to it that the next turn comes in time although the descriptor is silent."""
        timeout = self._broker.next_timeout()
        if timeout is None or self.loop is None:
            return
        when = self.loop.time() + timeout
        # One that comes too early costs a turn, so there is no need to put it off each time.
        if self._timer is None or when < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._timer_at = self.loop.call_at(when, self._timed_turn), when

    def _timed_turn(self) -> None:
        self._timer = None
        self._turn()

    # ---- tasks ----

    def task(self, work: Coroutine[Any, Any, Any], lasts: Optional[Callable[[], bool]] = None) -> asyncio.Task[Any]:
        """Runs what an event brought about; if that may end by itself, ``lasts`` says whether it has not, and the task is cancelled then."""
        self._started += 1
        task = _start(self.loop, self._held(work))
        if lasts is not None and not task.done():
            self._watched[task] = lasts
            if self._look is None and self.loop is not None:
                self._look = self.loop.call_later(_LOOK, self._look_at_watched)
        return task

    def _look_at_watched(self) -> None:
        """The broker says nothing of the end of a connection that is not open yet, so it is asked."""
        self._look = None
        if self.closing or self.loop is None:
            return
        began = self.loop.time()
        for task, lasts in list(self._watched.items()):
            if not lasts():
                # Once: what a handler does about that is its own affair.
                del self._watched[task]
                task.cancel()
        if self._watched:
            self._look = self.loop.call_later(max(_LOOK, 20 * (self.loop.time() - began)), self._look_at_watched)

    async def _held(self, work: Coroutine[Any, Any, Any]) -> None:
        """A task that nobody holds may be collected before it is done. A done callback would cost a turn of the loop."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await work
        finally:
            self._tasks.discard(task)
            self._watched.pop(task, None)


def _start(loop: Any, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task; where Python can, it begins at once, and a handler that never waits costs no turn of the loop."""
    if sys.version_info >= (3, 12):
        return asyncio.Task(work, loop=loop, eager_start=True)
    task: asyncio.Task[Any] = loop.create_task(work)
    return task
