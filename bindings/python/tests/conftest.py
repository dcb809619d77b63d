"""The kinds of server that a test runs on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from host import KINDS, Host


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Callable[..., Host]:
    """Makes a server of each kind in turn."""
    return lambda **options: Host(request.param, **options)


@pytest.fixture
def faults(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What this library or asyncio logged as errors. Others log, too: python-socketio's listeners are threads that outlive their tests."""
    caplog.set_level(logging.ERROR)
    return lambda: [record.getMessage() for record in caplog.records if record.name.partition(".")[0] in ("roomcast", "asyncio")]
