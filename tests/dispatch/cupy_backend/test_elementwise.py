"""Kernels that take each item by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import elementwise


@settings(max_examples=30)
@given(data=st.data())
def test_clip(agree: Any, edge_tensors: Callable[..., Any], data: st.DataObject) -> None:
    x = data.draw(edge_tensors(data.draw(st.integers(1, 700)), 62))
    low, high = sorted([data.draw(st.integers(-(1 << 40), 1 << 40)) for _ in range(2)])
    agree(elementwise.clip, x, low, high)
