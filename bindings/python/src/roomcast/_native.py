"""The C library, loaded, and its errors. It must not know what a call is for."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

from ._ffi import ffi

_FILE = next(Path(__file__).parent.glob("_library.*"))

#: Every function and constant of roomcast.h. A call lets go of the GIL.
lib: Any = ffi.dlopen(str(_FILE))

if lib.roomcast_abi_version() != lib.ROOMCAST_ABI_VERSION:
    raise ImportError(f"{_FILE} has another ABI version than the header this package was built with")

#: The same library for the few calls that are made all the time and are short. They keep the GIL: to let go of it costs up
#: to a switch interval (5 ms) to get it back whenever another thread computes.
held: Any = ctypes.PyDLL(str(_FILE))
held.roomcast_poll.argtypes = [ctypes.c_void_p, ctypes.c_int32]
held.roomcast_flush.argtypes = [ctypes.c_void_p]
held.roomcast_next_timeout.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
held.roomcast_events_packed.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p]
held.roomcast_emit_packed.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]
held.roomcast_remote_wake.argtypes = [ctypes.c_void_p]
held.roomcast_ack.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_char_p, ctypes.c_size_t,
                              ctypes.c_void_p, ctypes.c_size_t]

_CODES = {getattr(lib, name): name for name in dir(lib) if name.startswith("ROOMCAST_ERROR_")}


class RoomcastError(Exception):
    """A call of the library failed.

    ``status`` is the negative number, ``code`` its name in ``roomcast.h``, for example ``"ROOMCAST_ERROR_GONE"``. What
    the operating system refused is an :class:`OSError` instead.
    """

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class Gone(RoomcastError):
    """The handle names nothing that lives: the socket left, the namespace was removed. The one error to expect."""


def failure(status: int) -> Exception:
    """What went wrong in the last call of this thread."""
    text = ffi.new("char[256]")
    lib.roomcast_last_error(text, 256)
    said = ffi.string(text).decode("utf-8", "replace")
    if status < lib.ROOMCAST_ERROR_SYSTEM:
        return OSError(lib.ROOMCAST_ERROR_SYSTEM - status, said or os.strerror(lib.ROOMCAST_ERROR_SYSTEM - status))
    kind = Gone if status == lib.ROOMCAST_ERROR_GONE else RoomcastError
    return kind(status, _CODES.get(status, "unknown"), said)


def check(status: int) -> None:
    """Raises what a status says."""
    if status:
        raise failure(status)
