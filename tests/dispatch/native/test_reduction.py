"""Sums, extremes and indices along an axis, on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.movement import Reduction
from smartvm.dispatch.tensor import Tensor

pytestmark = pytest.mark.usefixtures("instruction_set")

kinds = pytest.mark.parametrize("kind", Reduction, ids=lambda kind: kind.name.lower())


@kinds
@pytest.mark.parametrize("axis, inner", [(1, 24), (24, 1), (4, 3), (3, 2)])
@given(data=st.data())
def test_reduce(agree, edge_tensors, kind, axis, inner, data):
    agree("reduce", data.draw(edge_tensors(24)), kind, axis, inner)


@pytest.mark.parametrize("bits", [15, 31, 63])
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_that_just_fit_a_form_and_that_just_do_not(agree, bits, sign):
    for last in (-1, 0, 1):
        half = sign * (1 << bits - 1)
        agree("reduce", Tensor.from_ints([half, half, sign * last]), Reduction.SUM, 3, 1)


@kinds
@pytest.mark.parametrize("axis, inner", [(30_000, 1), (20, 1_500), (5, 2)])
def test_large_maps_are_cut_among_threads(agree, thread_count, kind, axis, inner):
    x = Tensor.from_array(np.random.default_rng(5).integers(-999, 999, 120_000))
    agree("reduce", x, kind, axis, inner, by="numpy")
