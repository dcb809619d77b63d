"""What C lends to Python, and Python to C: pieces of memory that are good for as long as a call runs. It must not know a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar, Union, cast

from ._ffi import ffi

_Method = TypeVar("_Method", bound=Callable[..., Any])


def lending(method: _Method) -> _Method:
    """A method that copies what the library lends until the next call: no other call may come between, such as a signal
    handler's. Its object has ``busy``, and says by ``taken()`` what it raises meanwhile."""
    @wraps(method)
    def alone(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.busy:
            raise self.taken()
        self.busy = True
        try:
            return method(self, *args, **kwargs)
        finally:
            self.busy = False

    return cast(_Method, alone)


def as_bytes(piece: Any) -> bytes:
    """A copy of what a roomcast_slice lends."""
    return bytes(ffi.buffer(piece.ptr, piece.len)) if piece.len else b""


def as_text(piece: Any) -> str:
    """The same of text."""
    return as_bytes(piece).decode()


def lend(value: Union[str, bytes], kept: list[Any]) -> dict[str, Any]:
    """A text or bytes for C; ``kept`` holds them for as long as the call runs."""
    lent = ffi.from_buffer(value.encode() if isinstance(value, str) else value)
    kept.append(lent)
    return {"ptr": lent, "len": len(lent)}


def lend_all(values: Sequence[Union[str, bytes]], kept: list[Any]) -> Any:
    """The same of several, as an array. One alone is a mistake: its letters would be taken for them."""
    if isinstance(values, (str, bytes)):
        raise TypeError(f"a list of names is wanted, not {values!r} alone")
    if not values:
        return ffi.NULL
    made = ffi.new("roomcast_slice[]", [lend(value, kept) for value in values])
    kept.append(made)
    return made
