"""What a function takes and what it gives, by its signature. It must not call it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

Handler = Callable[..., Any]


def takes(handler: Handler, count: int) -> bool:
    """Whether a function takes so many arguments."""
    try:
        inspect.signature(handler).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # a builtin that does not say
        return True
    return True


def fitting(handler: Handler, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments without the last one, for a handler that does not take it: an older signature."""
    return args if takes(handler, len(args)) or not takes(handler, len(args) - 1) else args[:-1]


def is_coroutine_function(handler: Handler) -> bool:
    """Whether to call it gives a coroutine."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))
