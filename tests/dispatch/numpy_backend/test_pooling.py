"""Where averages change their arithmetic, and how many cells they divide by."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smartvm.dispatch.numpy_backend import NumpyBackend
from smartvm.dispatch.numpy_backend.pooling import FEW_CELLS, _counts
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ShapeError
from smartvm.shapes import NO_PADDING, UNIT, PoolShape

NUMPY, REFERENCE = NumpyBackend(), ReferenceBackend()
NONE = (0, 0)


@pytest.mark.parametrize("width", [FEW_CELLS, FEW_CELLS + 1], ids=lambda cells: f"{cells} cells")
@pytest.mark.parametrize("value", [(1 << 63) - 1, -(1 << 254), (1 << 255) - 1])
def test_wide_sums(width: int, value: int) -> None:
    """Windows of one cell, of two that overlap, and with padding that counts."""
    x = Tensor.from_ints([value, 1, -1] + [value - i for i in range(width - 3)])
    for kernel, padding, counted in ((1, NONE, False), (2, NONE, False), (2, (1, 1), True)):
        window, border = (1, 1, kernel), (NONE, NONE, padding)
        shape = PoolShape(1, (1, 1, width), window, UNIT, border, count_padding=counted)
        assert NUMPY.pool_average(x, shape) == REFERENCE.pool_average(x, shape)


axis_sizes = st.integers(1, 9)
paddings = st.tuples(st.integers(-3, 6), st.integers(-3, 6))


@given(
    axis_sizes, axis_sizes, axis_sizes, paddings, st.integers(1, 7), st.booleans(), st.booleans()
)
def test_the_cells_that_are_counted(size, kernel, stride, padding, dilation, ceil, counted):
    shape = PoolShape(
        planes=1,
        size=(1, 1, size),
        kernel=(1, 1, kernel),
        stride=(1, 1, stride),
        padding=(NONE, NONE, padding),
        dilation=(1, 1, dilation),
        ceil_mode=ceil,
        count_padding=counted,
    )
    try:
        shape.out_size  # noqa: B018 - raises where the window does not fit
    except ShapeError:
        assume(False)
    assert _counts(shape, 2).tolist() == [counted for _, _, counted in shape.windows(2)]


def test_steps_that_are_never_taken_may_be_of_any_length() -> None:
    far = (1, 1, 1 << 63)
    shape = PoolShape(1, (1, 1, 5), UNIT, far, NO_PADDING, far, ceil_mode=True)
    assert _counts(shape, 2).tolist() == [1]
