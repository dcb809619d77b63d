"""The configuration of a broker, from fields by name. It must not know what a field does."""

from __future__ import annotations

from typing import Any

from .._ffi import ffi
from .._lent import lend, lend_all
from .._native import check, lib
from .given import lend_pairs

#: Fields of roomcast_config that follow from others, or take a function in C.
_NOT_GIVEN = {"struct_size", "log", "log_data", "id_generator", "id_generator_data", "cors_origin_count", "header_count",
              "trusted_proxy_count"}


def configuration(values: dict[str, Any], kept: list[Any]) -> Any:
    config = ffi.new("roomcast_config *")
    check(lib.roomcast_config_init(config, ffi.sizeof("roomcast_config")))
    kept.append(config)
    known = {name for name, _ in ffi.typeof("roomcast_config").fields} - _NOT_GIVEN
    for name, value in values.items():
        if name not in known:
            raise TypeError(f"{name!r} is not a field of roomcast_config")
        try:
            _set(config, name, value, kept)
        except TypeError as error:
            raise TypeError(f"{name}={value!r}: {error}") from None
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{name}={value!r}: {error}") from None
    return config


def _set(config: Any, name: str, value: Any, kept: list[Any]) -> None:
    if name in ("cors_origins", "headers", "trusted_proxies"):
        if not isinstance(value, (list, tuple)):
            raise TypeError("a list is required")
        if name == "headers":
            config.headers, config.header_count = lend_pairs(value, kept), len(value)
        elif name == "trusted_proxies":
            config.trusted_proxies, config.trusted_proxy_count = lend_all(value, kept), len(value)
        else:
            config.cors_origins, config.cors_origin_count = lend_all(value, kept), len(value)
    elif isinstance(value, (str, bytes)):
        setattr(config, name, lend(value, kept))
    elif int(value) != value:
        raise ValueError("it is a whole number")
    else:
        setattr(config, name, int(value))
