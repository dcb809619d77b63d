"""Orders and emits packed for a batch, as roomcast_orders_packed and roomcast_emit_packed take them. It must not know which orders there
are."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Optional, Union

from .._native import lib
from .given import RELIABLE

_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")
_EMIT = struct.Struct("<IBBHQQIIIIII")
_PADDING = [b"\0" * size for size in range(8)]
_NONE = _U32.pack(0xFFFF_FFFF)


class Packed(bytes):
    """An argument that is packed already."""


#: What an order may be given: a handle or a number, a flag, a text, a text that is left out, a list, a target or a message.
Argument = Union[int, bool, str, bytes, None, Packed, Sequence[Union[str, bytes, int]]]


def _packed(argument: Argument) -> bytes:
    if isinstance(argument, Packed):
        return argument
    if argument is None:
        return _NONE
    if isinstance(argument, bool):
        return _U32.pack(argument)
    if isinstance(argument, int):
        return _U64.pack(argument)
    if isinstance(argument, str):
        argument = argument.encode()
    if isinstance(argument, bytes):
        return _U32.pack(len(argument)) + argument
    return _U32.pack(len(argument)) + b"".join(map(_packed, argument))


def target(ns: int, *, rooms: Optional[Sequence[str]] = None, sockets: Optional[Sequence[int]] = None,
           except_rooms: Sequence[str] = (), except_sockets: Sequence[int] = ()) -> Packed:
    """Whom an order is about: the union of ``rooms`` and ``sockets``, or the whole namespace if both are None, without the
    excepted. Empty lists are nobody."""
    everybody = lib.ROOMCAST_TARGET_ALL if rooms is None and sockets is None else 0
    lists: tuple[Sequence[Union[str, int]], ...] = (rooms or (), sockets or (), except_rooms, except_sockets)
    return Packed(_U64.pack(ns) + _U32.pack(everybody) + b"".join(map(_packed, lists)))


def message(name: str, args: Union[str, bytes] = b"[]", attachments: Sequence[bytes] = (),
            delivery: int = RELIABLE, key: int = 0, flags: int = 0) -> Packed:
    """What an order emits: ``args`` is the JSON array of the arguments, ``flags`` a sum of flags such as ``raw.LOCAL``."""
    return Packed(_packed(name) + _packed(args) + _packed(attachments) + _U32.pack(delivery) + _U32.pack(flags) + _U64.pack(key))


def order(call: str, *arguments: Argument) -> bytes:
    """One order, for :meth:`Broker.orders`: the name of a call, and its arguments in their order. roomcast.h names the calls at
    roomcast_orders_packed; ``order("join", socket, "lobby")``, ``order("emit", target(ns, rooms=["lobby"]), message("hello"))``.
    """
    record = b"".join((_packed(call), *map(_packed, arguments)))
    padding = -(4 + len(record)) % 8
    return _U32.pack(4 + len(record) + padding) + record + bytes(padding)


def pack(ns: int, name: bytes, args: bytes, rooms: Optional[Sequence[bytes]] = None, except_rooms: Sequence[bytes] = (),
         sockets: Optional[Sequence[int]] = None, except_sockets: Sequence[int] = (), attachments: Sequence[bytes] = (),
         delivery: int = RELIABLE, key: int = 0, flags: int = 0) -> bytes:
    """Packs one emit, for :meth:`Broker.emit_many`. Texts are UTF-8.

    It reaches the union of ``rooms`` and ``sockets``, or the whole namespace if both are None, without the excepted. Empty
    lists are nobody. A socket's id is a room of its own. ``args`` is the JSON array of the arguments, with
    ``{"_placeholder":true,"num":N}`` where attachment N belongs, ``flags`` a sum of flags such as ``raw.LOCAL``.
    """
    everybody = rooms is None and sockets is None
    rooms, sockets = rooms or (), sockets or ()
    parts = [name, args]
    size = 48 + len(name) + len(args)
    for part in (*rooms, *except_rooms, *attachments) if attachments else (*rooms, *except_rooms):
        parts += _U32.pack(len(part)), part
        size += 4 + len(part)
    if sockets or except_sockets:
        count = len(sockets) + len(except_sockets)
        parts.insert(0, struct.pack(f"<{count}Q", *sockets, *except_sockets))
        size += 8 * count
    padding = -size % 8
    return b"".join((_EMIT.pack(size + padding, delivery, everybody + 2 * flags, len(attachments), ns, key, len(name), len(args), len(rooms),
                                len(sockets), len(except_rooms), len(except_sockets)), *parts, _PADDING[padding]))
