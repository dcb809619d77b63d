"""Between Python's values and Socket.IO's: JSON text with placeholders, and the bytes that stand for them. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

_NONE: tuple[bytes, ...] = ()


class Codec:
    """Encodes and decodes arguments, by the standard library's ``json`` or a module with the same ``dumps`` and ``loads``."""

    def __init__(self, module: Any = None) -> None:
        self._dumps = module.dumps if module else partial(json.dumps, allow_nan=False)
        self._loads = (module or json).loads
        self._plain = _encoder() if module is None else self._custom

    def _custom(self, value: Any) -> str:
        text = self._dumps(value, separators=(",", ":"))
        return text.decode() if isinstance(text, bytes) else str(text)

    def encode(self, args: Sequence[Any]) -> tuple[bytes, Sequence[bytes]]:
        """JSON text, and the binary values in the order of their placeholders."""
        try:
            return self._plain(args).encode(), _NONE
        except UnicodeEncodeError:  # a lone surrogate, which only an escape can carry
            return self._dumps(args, separators=(",", ":")).encode(), _NONE
        except TypeError:
            found: list[bytes] = []

            def place(value: Any) -> Any:
                if isinstance(value, (bytes, bytearray, memoryview)):
                    found.append(bytes(value))
                    return {"_placeholder": True, "num": len(found) - 1}
                raise TypeError(f"{type(value).__name__} is neither JSON nor binary")

            text = self._dumps(args, separators=(",", ":"), default=place)
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
