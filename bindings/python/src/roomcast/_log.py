"""What a server logs, outside of the broker's calls, and whatever a logger does. It must not decide what a fault means."""

from __future__ import annotations

import logging
import traceback
from collections import deque
from typing import Optional, Union

from . import raw
from ._arguments import unfit

#: What python-socketio's constructor takes: True for a logger that shows what happens, or one of the program's own.
Wanted = Union[bool, logging.Logger]

_DEFAULT_LOGGER = logging.getLogger("roomcast.server")


class Log:
    """The server's logger and the broker's. Any thread may call it."""

    def __init__(self, logger: Wanted, engineio_logger: Optional[Wanted]) -> None:
        self.logger = _logger("logger", logger)
        #: What happens is logged as well, and not only faults. It is asked at the beginning, and once.
        self.talkative = self.logger.isEnabledFor(logging.INFO)
        self._engine = self.logger if engineio_logger is None else _logger("engineio_logger", engineio_logger)
        #: Lines of the broker's log. They are logged when its call is over: a logging handler may call the server.
        self.lines: deque[tuple[int, str]] = deque()

    def hear(self, level: int, line: str) -> None:
        """Keeps a line of the broker's, which is within a call."""
        self.lines.append((level, line))

    def tell(self) -> None:
        """Logs the broker's lines, outside of its calls and of the lock."""
        for _ in range(len(self.lines)):
            level, line = self.lines.popleft()
            self._write(self._engine, _level(level), line)

    def note(self, text: str, *args: object) -> None:
        """Logs what happens, for a logger that wants to know."""
        if self.talkative:
            self._write(self.logger, logging.INFO, text, *args)

    def say(self, level: int, text: str, *args: object, error: Optional[BaseException] = None) -> None:
        """Logs what somebody has to know."""
        self._write(self.logger, level, text, *args, error=error)

    def cluster(self, kind: int, name: str, context: int) -> None:
        """Logs what has become of the cluster, if the event says that."""
        if kind == raw.CLUSTER_DOWN:
            self.say(logging.WARNING, "the cluster is down: %s", name)
        elif kind == raw.CLUSTER_REFUSED:
            self.say(logging.ERROR, "Redis does not allow %s", name)
        elif kind == raw.CLUSTER_UP:
            self.note("the cluster is up, after %d ms", context)

    def _write(self, logger: logging.Logger, level: int, text: str, *args: object, error: Optional[BaseException] = None) -> None:
        """Logs; what a logger's own code raises is printed, as logging does with its handlers', and breaks nothing."""
        try:
            logger.log(level, text, *args, exc_info=error)
        except Exception:
            traceback.print_exc()


def _level(level: int) -> int:
    return {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO}.get(level, logging.DEBUG)


def _logger(name: str, wanted: Wanted) -> logging.Logger:
    if not isinstance(wanted, bool):
        # It may be an adapter.
        if not callable(getattr(wanted, "log", None)) or not callable(getattr(wanted, "isEnabledFor", None)):
            raise unfit(name, wanted, "True, False or a logging.Logger")
        return wanted
    if wanted and _DEFAULT_LOGGER.level == logging.NOTSET:
        _DEFAULT_LOGGER.setLevel(logging.INFO)
        if not _DEFAULT_LOGGER.hasHandlers():
            _DEFAULT_LOGGER.addHandler(logging.StreamHandler())
    return _DEFAULT_LOGGER
