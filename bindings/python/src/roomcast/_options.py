"""What python-socketio's constructor takes, as roomcast's configuration. No I/O."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypedDict, Union

from ._arguments import mappings, milliseconds, texts, unfit, whole
from ._managers import AsyncClusterManager, ClusterManager
from ._native import RoomcastError, lib
from .raw import Handshake

#: The cluster that a server is a node of.
Manager = Union[str, ClusterManager, AsyncClusterManager, None]

#: What is taken and does nothing: the reason stands in the README's table.
_IGNORED = {"monitor_clients"}
_GREEN = {"eventlet", "gevent", "gevent_uwsgi"}
#: What is not to be set: who needs it, and how else.
_UNANSWERED = {"guard_handshakes": "on_handshake asks for it", **dict.fromkeys(("engine_only", "hand_back"), "no handler would answer; roomcast.raw has it")}
#: Which option a field follows from, where they are not the same.
_OPTIONS = {"max_payload": "max_http_buffer_size", "path": "socketio_path", "polling": "transports", "cors_origins": "cors_allowed_origins",
            "recovery_window": "connection_state_recovery"}
#: The same by what the fields' names begin with, where an option has several.
_PARTS = {"cookie": "cookie", "cluster": "client_manager"}


class Options(TypedDict, total=False):
    """Engine.IO's options, as keywords. Times are seconds."""

    async_mode: Union[str, None]
    #: 25; a tuple's second number is added to the timeout.
    ping_interval: Union[float, tuple[float, float]]
    #: 20.
    ping_timeout: float
    #: Bytes of one message, at most.
    max_http_buffer_size: int
    allow_upgrades: bool
    #: Clients of Socket.IO 1 and 2 are let in too.
    allow_eio3: bool
    #: Both, if it is None or left out.
    transports: Union[Literal["polling", "websocket"], Sequence[str], None]
    #: A name, or a dict with ``name``, ``path``, ``httponly``, ``samesite``, ``secure``, ``max_age``, ``domain``, ``partitioned``.
    cookie: Union[str, Mapping[str, Any], None]
    #: An origin, a list of them, or ``"*"``; an empty list takes every page.
    cors_allowed_origins: Union[str, Sequence[str], None]
    cors_credentials: bool
    #: Clients that come back are told what they have missed: ``True``, or a dict with ``max_disconnection_duration``, 120 seconds, and
    #: ``skip_middlewares``, True: with False their connect handlers decide before that.
    connection_state_recovery: Union[bool, Mapping[str, Any], None]
    #: Answers to polls are compressed for clients that take it: True.
    http_compression: bool
    #: Messages over WebSocket are compressed for clients that offer it (permessage-deflate): False.
    per_message_deflate: bool
    #: Bytes of the shortest answer, or message, that is: 1024.
    compression_threshold: int
    #: Taken, and does nothing.
    monitor_clients: bool


def fields_of(client_manager: Manager, serializer: str, socketio_path: str, options: Mapping[str, Any],
              config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of roomcast_config for a server; raises for what cannot be had here."""
    if isinstance(client_manager, str):
        client_manager = ClusterManager(client_manager)
    if not (client_manager is None or isinstance(client_manager, (ClusterManager, AsyncClusterManager))):
        raise ValueError("client_manager: it is the URL of a Redis, such as 'redis://127.0.0.1:6379', or a ClusterManager or RedisManager of roomcast's")
    if not isinstance(serializer, str) or serializer not in ("default", "msgpack"):
        raise ValueError(f"serializer={serializer!r}: roomcast speaks Socket.IO's default encoding, and msgpack")
    texts(socketio_path=socketio_path)
    mappings(config=config)
    path = socketio_path.strip("/")
    # Whoever changes something has the loop take a turn, so the descriptor need not say it.
    fields = {**configuration(options), "path": f"/{path}/" if path else "/", "quiet_descriptor": 1, "msgpack": int(serializer == "msgpack"),
              **(client_manager.configuration() if client_manager is not None else {}), **config}
    for name, why in _UNANSWERED.items():
        if fields.get(name):
            raise ValueError(f"{name}: {why}")
    return fields


@contextmanager
def named(given: Mapping[str, Any], fields: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[None]:
    """What the library refuses is named by the option that it follows from, and shown as it was given there."""
    try:
        yield
    except (RoomcastError, TypeError, ValueError) as error:
        for field, value in fields.items():
            # A part of an option says which; a URL may have a password in it.
            part = field.partition("_")[0]
            option = _PARTS.get(part, _OPTIONS.get(field, field))
            for named_here in (f"roomcast_new: config.{field}: ", f"{field}={value!r}: "):
                if str(error).startswith(named_here) and given.get(option) is not None and field not in config:
                    shown = f"{option}: " if option == "client_manager" else f"{option}={given[option]!r}: "
                    error.args = (f"{shown}{f'{field}: ' if part in _PARTS else ''}{str(error)[len(named_here):]}", *error.args[1:])
        raise


def recovers(options: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether clients that come back are told what they have missed, and whether their connect handlers decide before that."""
    recovery = options.get("connection_state_recovery")
    # A dict, if empty, asks for it as well.
    return recovery is not None and recovery is not False, isinstance(recovery, Mapping) and recovery.get("skip_middlewares") is False


def configuration(options: Mapping[str, Any]) -> dict[str, Any]:
    """Turns Engine.IO's options into fields of roomcast_config; raises for what cannot be had here."""
    # As in python-socketio, and unlike in Node's server: pages of other origins are refused unless they are named.
    config: dict[str, Any] = {"check_origin": 1}
    for name, value in options.items():
        if name in _IGNORED:
            continue
        if name == "async_mode":
            if value is not None:
                texts(async_mode=value)
            if value in _GREEN:
                raise ValueError(f"async_mode={value!r}: roomcast runs its own loop, with threads or asyncio, and no green threads")
        elif name == "ping_interval":
            if isinstance(value, tuple) and len(value) != 2:
                raise unfit(name, value, "a number of seconds, or two of them")
            interval, grace = value if isinstance(value, tuple) else (value, 0)
            config["ping_interval"] = milliseconds(name, interval, shown=value)
            config["ping_timeout"] = milliseconds("ping_timeout", options.get("ping_timeout", 20)) + milliseconds(name, grace, 0, shown=value)
        elif name == "ping_timeout":
            config.setdefault("ping_timeout", milliseconds(name, value))
        elif name == "max_http_buffer_size":
            config["max_payload"] = whole(name, value, 1)
        elif name == "compression_threshold":
            config[name] = whole(name, value)
        elif name in ("allow_upgrades", "allow_eio3", "http_compression", "per_message_deflate"):
            if not isinstance(value, int):
                raise unfit(name, value, "True or False")
            config[name] = bool(value)
        elif name == "transports":
            if value is None:
                continue
            if not isinstance(value, Iterable):
                raise unfit(name, value, "a list of 'polling' and 'websocket'")
            chosen = [value] if isinstance(value, str) else list(value)
            if not chosen or not all(one in ("polling", "websocket") for one in chosen):
                raise ValueError(f"transports={value!r}: it is a list of 'polling' and 'websocket'")
            config["polling"], config["websocket"] = "polling" in chosen, "websocket" in chosen
        elif name == "cookie":
            config.update(_cookie(value))
        elif name == "cors_allowed_origins":
            config.update(_cors(value, options.get("cors_credentials", True)))
        elif name == "cors_credentials":
            pass
        elif name == "connection_state_recovery":
            config.update(_recovery(value))
        else:
            raise TypeError(f"{name!r} is not an option of a roomcast server")
    return config


def _recovery(value: Any) -> dict[str, Any]:
    if isinstance(value, bool) or value is None:
        return {}
    if not isinstance(value, Mapping):
        raise unfit("connection_state_recovery", value, "True, or a dict")
    fields = {}
    for name, setting in value.items():
        if name == "skip_middlewares" and isinstance(setting, bool):
            continue  # It is for the namespaces.
        if name != "max_disconnection_duration":
            raise ValueError(f"connection_state_recovery: {name}={setting!r} cannot be had here")
        fields["recovery_window"] = milliseconds("connection_state_recovery", setting, shown=value)
    return fields


def _cookie(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {"cookie_name": value}
    if not isinstance(value, Mapping):
        raise unfit("cookie", value, "a name, or a dict")
    known = {"name": "cookie_name", "path": "cookie_path", "httponly": "cookie_http_only", "samesite": "cookie_same_site",
             "secure": "cookie_secure", "maxage": "cookie_max_age", "domain": "cookie_domain", "partitioned": "cookie_partitioned"}
    fields = {}
    for name, setting in value.items():
        plain = str(name).lower().replace("-", "").replace("_", "")
        if plain not in known or callable(setting):
            raise ValueError(f"cookie: {name}={setting!r} cannot be had here")
        fields[known[plain]] = setting
    if "cookie_name" not in fields:
        raise ValueError(f"cookie={value!r}: it has no name")
    return fields


def _cors(origins: Any, credentials: bool) -> dict[str, Any]:
    if origins is None:
        return {}
    if origins == []:
        return {"check_origin": 0}
    if callable(origins):
        raise ValueError("cors_allowed_origins: a function cannot be had here; give a list, or '*'")
    if not isinstance(origins, Iterable):
        raise unfit("cors_allowed_origins", origins, "an origin, a list of them, or '*'")
    if origins == "*":
        # Browsers refuse "*" together with credentials, so each origin is told of itself.
        return {"cors": lib.ROOMCAST_CORS_REFLECT if credentials else lib.ROOMCAST_CORS_ANY,
                "cors_credentials": credentials}
    return {"cors": lib.ROOMCAST_CORS_LIST, "cors_credentials": credentials,
            "cors_origins": [origins] if isinstance(origins, str) else list(origins)}


def environ(handshake: Handshake) -> dict[str, Any]:
    """A WSGI environ of the client's first request: enough to look up headers, the query and the address."""
    path, _, query = handshake.url.partition("?")
    address, _, port = handshake.address.rpartition(":")
    made: dict[str, Any] = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": urllib.parse.unquote(path), "QUERY_STRING": query,
        "RAW_URI": handshake.url, "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_SOFTWARE": "roomcast",
        "REMOTE_ADDR": address.strip("[]"), "REMOTE_PORT": port, "SERVER_NAME": "roomcast", "SERVER_PORT": "0",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "https" if handshake.tls_version else "http", "wsgi.multithread": True, "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in handshake.headers:
        key = name.upper().replace("-", "_")
        if key == "HOST":
            made["SERVER_NAME"], _, given = value.partition(":")
            made["SERVER_PORT"] = given or ("443" if handshake.tls_version else "80")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        # X_Forwarded_For would be taken for X-Forwarded-For, which a proxy vouches for: left out, as WSGI servers do.
        if "_" not in name:
            made[key] = value
    return made
