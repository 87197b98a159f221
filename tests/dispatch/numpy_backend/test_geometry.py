from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.numpy_backend.geometry import reach


@given(st.integers(-20, 20), st.integers(1, 6), st.integers(0, 9), st.integers(0, 12))
def test_reach_is_what_lies_on_the_axis(start: int, step: int, count: int, length: int) -> None:
    taken, where = reach(start, step, count, length)
    indices = [i for i in range(count) if 0 <= start + i * step < length]
    assert list(range(count))[taken] == indices
    assert list(range(length))[where] == [start + i * step for i in indices]


def test_steps_beyond_any_axis() -> None:
    assert reach(0, 1 << 70, 5, 3) == (slice(0, 1), slice(0, 1, 1 << 70))
    assert reach(-(1 << 70), 1 << 70, 5, 3)[0] == slice(1, 2)
