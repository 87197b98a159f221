"""Each test of the storage starts with an empty resident cache and leaves it empty."""

from __future__ import annotations

import pytest

from smartvm.storage import resident


@pytest.fixture(autouse=True)
def _empty_cache():
    capacity = resident.capacity
    resident.clear()
    yield
    resident.set_capacity(capacity)
    resident.clear()
