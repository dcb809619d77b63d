"""Arguments as a program gave them: one that cannot be used is refused by its name, with its value. It must not know what one is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Milliseconds that the library's clocks hold.
_LONGEST = 2**31 - 1


def unfit(name: str, value: Any, wanted: str) -> TypeError:
    """What to raise for a value of a kind that cannot be used."""
    return TypeError(f"{name}={value!r}: it is {wanted}")


def texts(**given: Any) -> None:
    """Raises for what is no text."""
    for name, value in given.items():
        if not isinstance(value, str):
            raise unfit(name, value, "a str")


def functions(**given: Any) -> None:
    """Raises for what cannot be called."""
    for name, value in given.items():
        if not callable(value):
            raise unfit(name, value, "a function")


def mappings(**given: Any) -> None:
    """Raises for what is no dict."""
    for name, value in given.items():
        if not isinstance(value, Mapping):
            raise unfit(name, value, "a dict")


def whole(name: str, value: Any, least: int = 0, most: int = 2**64 - 1) -> int:
    """A whole number of this range."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise unfit(name, value, "a whole number")
    if not least <= value <= most:
        raise ValueError(f"{name}={value!r}: it is {least} to {most}" if most < 2**64 - 1 else f"{name}={value!r}: it is {least} or more")
    return value


def duration(name: str, value: Any, shown: Any = None) -> None:
    """Raises for what is no number of seconds; ``shown`` is what it was a part of."""
    shown = value if shown is None else shown
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise unfit(name, shown, "a number of seconds")
    if value != value:
        raise ValueError(f"{name}={shown!r}: it is a number of seconds")


def milliseconds(name: str, seconds: Any, least: float = 0.001, shown: Any = None) -> int:
    """A number of seconds, as the library counts them."""
    duration(name, seconds, shown)
    if not least <= seconds <= _LONGEST / 1000:
        raise ValueError(f"{name}={seconds if shown is None else shown!r}: it is {least} to {_LONGEST / 1000} seconds")
    return int(round(seconds * 1000))


def pace(per_second: Any, reason: Any, timeout: Any) -> None:
    """Raises for what is no drain."""
    whole("per_second", per_second, 1, 2**32 - 1)
    texts(reason=reason)
    if len(reason.encode()) > 123:
        raise ValueError(f"reason={reason!r}: it is 123 bytes at most")
    milliseconds("timeout", timeout, 0)
