"""Who may look at a server by the admin interface: the login that `instrument` is given. It must not look at a server itself."""

from __future__ import annotations

import inspect
from typing import Any, Optional

from . import exceptions
from ._callables import Handler


def login(auth: Any, in_asyncio: bool) -> tuple[Optional[tuple[str, str]], Optional[Handler]]:
    """A name with its password, which the broker compares; or a connect handler that decides. Neither is for everybody."""
    if not auth:
        return None, None
    if _is_login(auth):
        return (auth["username"], auth["password"]), None
    return None, _deciding(auth, in_asyncio)


def _is_login(auth: Any) -> bool:
    """Whether it is one name with its password."""
    return isinstance(auth, dict) and set(auth) == {"username", "password"} and all(isinstance(value, str) for value in auth.values())


def _deciding(auth: Any, in_asyncio: bool) -> Handler:
    """A connect handler that lets in whoever `auth` takes: a function, or what a client has to give, of which there may be several."""
    refused = exceptions.ConnectionRefusedError("authentication failed")
    if isinstance(auth, (dict, list)):
        takes_it: Handler = (lambda given: given == auth) if isinstance(auth, dict) else (lambda given: given in auth)
    elif callable(auth):
        takes_it = auth
    else:
        raise ValueError(f"auth={type(auth).__name__}: it is a dict, a list, a function or False")

    def decide(sid: str, environ: Any, given: Any) -> None:
        verdict = takes_it(given)
        # What nobody awaits says nothing.
        if inspect.isawaitable(verdict) or not verdict:
            raise refused

    async def decide_later(sid: str, environ: Any, given: Any) -> None:
        verdict = takes_it(given)
        if not (await verdict if inspect.isawaitable(verdict) else verdict):
            raise refused

    return decide_later if in_asyncio else decide
