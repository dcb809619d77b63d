"""What leaves: emits and acknowledgements in the order of the calls, and the questions whose answers are to come. It must not wake a loop."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Optional, Union

from . import raw
from ._arguments import duration, functions, texts
from ._callables import Handler
from ._clients import Client, Clients
from ._codec import Codec, as_args
from ._log import Log
from ._names import Rooms, as_event, as_whom
from ._spaces import Spaces

#: Emits that wait for the end of the turn, at most; then the caller hands them over itself.
_WAITING_EMITS = 256


class Answers:
    """Waits for acknowledgements of one emit. ``ended`` hears when no more will come, and whether the time was up."""

    __slots__ = ("callback", "ended")

    def __init__(self, callback: Handler, ended: Optional[Callable[[bool], None]]) -> None:
        self.callback, self.ended = callback, ended


def emit_flags(ignore_queue: bool, compress: bool = True) -> int:
    """An emit's options, as the broker has them."""
    return (raw.LOCAL if ignore_queue else 0) | (0 if compress else raw.UNCOMPRESSED)


class Outbox:
    """Emits are queued, and handed over before anything that changes who gets them: whoever does that calls :meth:`commit` first."""

    def __init__(self, broker: raw.Broker, lock: AbstractContextManager[Any], log: Log, codec: Codec, spaces: Spaces, clients: Clients) -> None:
        self.broker, self.lock, self._log, self._clients = broker, lock, log, clients
        # What each emit needs, one step away.
        self._talkative, self._encode, self._find = log.talkative, codec.encode, spaces.find
        #: Emits, as packed records, and acknowledgements, in the order of the calls.
        self.queue: deque[Union[bytes, tuple[int, int, bytes, Any]]] = deque()
        self._committing = False
        #: The questions, by the numbers that their answers carry.
        self.answers: dict[int, Answers] = {}

    def emit(self, event: str, data: Any, to: Rooms, room: Rooms, skip_sid: Any, namespace: Optional[str], flags: int) -> bool:
        """Queues an emit. True if many were waiting."""
        if self.broker.forked:
            raise self.broker.taken()
        name, whom = as_event(event), as_whom(to, room)
        if self._talkative:
            self._log.note('emitting event "%s" to %s [%s]', event, "all" if whom is None else to or room, namespace or "/")
        ns = self._find(namespace or "/")
        if ns is None:
            texts(namespace=namespace)
            return False
        args, attachments = self._encode(as_args(data))
        record = raw.pack(ns, name, args, whom, self._skipped(skip_sid), None, (), attachments, flags=flags)
        self.queue.append(record)
        if len(self.queue) < _WAITING_EMITS:
            return False
        with self.lock:
            # A signal handler or a logging handler may come within a call that is under way: then that one's turn has it.
            if not self._committing and not self.broker.busy:
                self.commit()
        return True

    def _skipped(self, skip_sid: Any) -> list[bytes]:
        """The sids to leave out. What is no client's sid, such as None or a room, leaves nobody out."""
        if skip_sid is None:
            return []
        sids = [skip_sid] if isinstance(skip_sid, str) or not isinstance(skip_sid, Iterable) else skip_sid
        return [sid.encode() for sid in sids if isinstance(sid, str) and self._clients.is_sid(sid)]

    def ask(self, event: str, data: Any, to: Rooms, room: Rooms, skip_sid: Any, namespace: Optional[str], answers: Answers,
            flags: int, timeout: Optional[float] = None) -> bool:
        """Emits at once, as the answers have to find their callback; False if that is to nobody."""
        name, whom = as_event(event), as_whom(to, room)
        functions(callback=answers.callback)
        texts(namespace=namespace or "/")
        if timeout is not None:
            duration("timeout", timeout)
        args, attachments = self._encode(as_args(data))
        with self.lock:
            ns = self._find(namespace or "/")
            if ns is None:
                return False
            self.commit()
            number = self.broker.emit_with_ack(ns, name, args, rooms=whom, except_rooms=self._skipped(skip_sid),
                                                attachments=attachments, timeout=timeout, flags=flags)
            if number:
                self.answers[number] = answers
            return number != 0

    def acknowledge(self, client: Client, ack: int, answer: Any) -> None:
        """Queues what a handler answers."""
        args, attachments = self._encode(as_args(answer))
        self.queue.append((client.socket, ack, args, attachments))

    def commit(self) -> None:
        """Hands over what was emitted and acknowledged, in the order of the calls. Under the lock."""
        if self._committing or self.broker.busy:
            raise self.broker.taken()
        queue = self.queue
        if not queue:
            return
        self._committing = True
        try:
            records: list[bytes] = []
            # As many as are there now: other threads may go on adding.
            for _ in range(len(queue)):
                item = queue.popleft()
                if isinstance(item, bytes):
                    records.append(item)
                    continue
                if records:
                    self.broker.emit_each(records, self._lost)
                    records = []
                try:
                    self.broker.ack(*item)
                except raw.Gone:
                    pass
                except Exception as error:
                    self._lost(error)
            if records:
                self.broker.emit_each(records, self._lost)
        finally:
            self._committing = False

    def _lost(self, error: Exception) -> None:
        if not isinstance(error, raw.Gone):
            self._log.say(logging.ERROR, "an emit failed: %s", error)
