"""A worker and what it needs, for calls that act."""

import time

import pytest

from tests.actions.conftest import guest, now_of, verbs, worker
from tests.conftest import Clock

__all__ = ["guest", "now_of", "verbs", "worker"]


@pytest.fixture
def clock():
    """The API goes by the real time, so the worker begins with it."""
    return Clock(time.time())
