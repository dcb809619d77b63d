"""Targets, messages and pairs as C takes them: Python lends them for as long as a call runs. It must not know a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Optional, Union

from .._ffi import ffi
from .._lent import lend, lend_all
from .._native import lib

RELIABLE: Final[int] = lib.ROOMCAST_RELIABLE
VOLATILE: Final[int] = lib.ROOMCAST_VOLATILE
LATEST: Final[int] = lib.ROOMCAST_LATEST
DROP_OLDEST: Final[int] = lib.ROOMCAST_DROP_OLDEST

#: A text, or its UTF-8.
Text = Union[str, bytes]


def as_utf8(text: Text) -> bytes:
    """A text's bytes."""
    return text.encode() if isinstance(text, str) else text


def lend_target(ns: int, rooms: Optional[Sequence[Text]], except_rooms: Sequence[Text], sockets: Optional[Sequence[int]],
                except_sockets: Sequence[int], kept: list[Any]) -> Any:
    """Whom an emit reaches: everybody in the namespace, if neither ``rooms`` nor ``sockets`` are given."""
    target = ffi.new("roomcast_target *", {"struct_size": ffi.sizeof("roomcast_target"), "ns": ns})
    if rooms is None and sockets is None:
        target.flags = lib.ROOMCAST_TARGET_ALL
    rooms, sockets = rooms or (), sockets or ()
    target.rooms, target.room_count = lend_all(rooms, kept), len(rooms)
    target.except_rooms, target.except_room_count = lend_all(except_rooms, kept), len(except_rooms)
    numbers, others = ffi.new("roomcast_socket[]", list(sockets)), ffi.new("roomcast_socket[]", list(except_sockets))
    target.sockets, target.socket_count = numbers, len(sockets)
    target.except_sockets, target.except_socket_count = others, len(except_sockets)
    kept += numbers, others
    return target


def lend_message(name: Text, args: Text, attachments: Sequence[bytes], delivery: int, key: int, flags: int,
                 kept: list[Any]) -> Any:
    """What an emit says."""
    message = ffi.new("roomcast_message *", {"struct_size": ffi.sizeof("roomcast_message"), "delivery": delivery, "key": key,
                                             "flags": flags})
    held_name, held_args = ffi.from_buffer("char[]", as_utf8(name)), ffi.from_buffer("char[]", as_utf8(args))
    message.name, message.name_len = held_name, len(held_name)
    message.args, message.args_len = held_args, len(held_args)
    message.attachments, message.attachment_count = lend_all(attachments, kept), len(attachments)
    kept += held_name, held_args
    return message


def lend_pairs(values: Sequence[tuple[str, str]], kept: list[Any]) -> Any:
    """Headers: names and values."""
    if not values:
        return ffi.NULL
    made = ffi.new("roomcast_pair[]", [{"name": lend(name, kept), "value": lend(value, kept)} for name, value in values])
    kept.append(made)
    return made


def counted(count: Any) -> Optional[int]:
    """A number that the library may not know yet."""
    return None if count[0] == 2 ** (8 * ffi.sizeof("size_t")) - 1 else int(count[0])
