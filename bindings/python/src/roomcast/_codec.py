"""Between Python's values and Socket.IO's: JSON text with placeholders, and the bytes that stand for them. No I/O."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Optional

from ._arguments import unfit

_NONE: tuple[bytes, ...] = ()


class Codec:
    """Encodes and decodes arguments, by the standard library's ``json`` or a module with the same ``dumps`` and ``loads``."""

    def __init__(self, module: Any = None) -> None:
        if module and not (hasattr(module, "dumps") and hasattr(module, "loads")):
            raise unfit("json", module, "a module with dumps and loads")
        self._dumps = module.dumps if module else partial(json.dumps, allow_nan=False, default=_refuse)
        self._loads = (module or json).loads
        self._plain: Optional[Callable[[Any], str]] = _encoder() if module is None else None

    def encode(self, args: Sequence[Any]) -> tuple[bytes, Sequence[bytes]]:
        """JSON text, and the binary values in the order of their placeholders. NaN and the infinities are null, as on Node."""
        if self._plain is not None:
            try:
                return self._plain(args).encode(), _NONE
            # Binary; NaN or an infinity; a lone surrogate, which only an escape can carry.
            except (TypeError, ValueError):
                pass
        # Another module is never shown binary: it might write it in a way of its own.
        found: list[bytes] = []
        text = self._dumps(_plainly(args, found), separators=(",", ":"))
        return text if isinstance(text, bytes) else text.encode(), found

    def decode(self, data: bytes, parts: Sequence[bytes]) -> Any:
        """A value, with its binary parts in their places."""
        value = self._loads(data.decode())
        return _fill(value, parts) if parts else value


def _encoder() -> Callable[[Any], str]:
    """The standard library's encoder, made once. JSONEncoder makes a new one for each value, which costs more than to use it."""
    encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        make: Any = getattr(json.encoder, "c_make_encoder")
        escape: Any = getattr(json.encoder, "encode_basestring")
        encode = make(None, encoder.default, escape, None, ":", ",", False, False, False)
        if "".join(encode(["é", {"a": (1, None)}], 0)) == '["é",{"a":[1,null]}]':
            return lambda value: "".join(encode(value, 0))
    except (AttributeError, TypeError):  # not CPython, or another one than we know
        pass
    return encoder.encode


def _refuse(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} is neither JSON nor binary")


def _plainly(value: Any, found: list[bytes]) -> Any:
    """The value with placeholders for what is binary, which goes to ``found``, and without numbers that JSON has not."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        found.append(bytes(value))
        return {"_placeholder": True, "num": len(found) - 1}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [_plainly(item, found) for item in value]
    if isinstance(value, dict):
        return {json.dumps(key) if isinstance(key, float) and not math.isfinite(key) else key: _plainly(item, found)
                for key, item in value.items()}
    return value


def _fill(value: Any, parts: Sequence[bytes]) -> Any:
    if isinstance(value, list):
        return [_fill(item, parts) for item in value]
    if isinstance(value, dict):
        if value.get("_placeholder") is True and isinstance(value.get("num"), int):
            return parts[value["num"]]
        return {key: _fill(item, parts) for key, item in value.items()}
    return value


def as_args(data: Any) -> list[Any]:
    """What python-socketio makes of the data of an emit, or of a handler's answer: a tuple is several arguments."""
    if isinstance(data, tuple):
        return list(data)
    return [] if data is None else [data]


def as_answer(args: tuple[Any, ...]) -> Any:
    """What ``call`` returns for an acknowledgement: None, a value, or a tuple of several."""
    return args if len(args) > 1 else args[0] if args else None
