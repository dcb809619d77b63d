"""What the library says in words, and JSON's strings. It must not need a broker."""

from __future__ import annotations

from typing import Any

from .._ffi import ffi
from .._native import check, lib


def status_text(status: int) -> str:
    """What an error's number means."""
    return str(ffi.string(lib.roomcast_status_text(status)).decode())


def json_escape(text: str) -> bytes:
    """A text as a JSON string, with its quotes."""
    return _converted(lib.roomcast_json_escape, text.encode())


def json_unescape(string: bytes) -> str:
    """The text of a JSON string, given with its quotes."""
    return _converted(lib.roomcast_json_unescape, string).decode()


def _converted(convert: Any, given: bytes) -> bytes:
    room = 6 * len(given) + 2
    out, written = ffi.new("char[]", room), ffi.new("size_t *")
    check(convert(given, len(given), out, room, written))
    return bytes(ffi.buffer(out, written[0]))


def version() -> str:
    """The version of the library."""
    return str(ffi.string(lib.roomcast_version()).decode())
