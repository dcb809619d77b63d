"""The kinds of server that a test runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from host import KINDS, Host


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Callable[..., Host]:
    """Makes a server of each kind in turn."""
    return lambda **options: Host(request.param, **options)
