"""Tensors that every backend is tried on."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import strategies as st

from smartvm.dispatch.tensor import Tensor

FORM_EDGES = (0, 7, 8, 14, 15, 16, 30, 31, 32, 47, 62, 63, 64)
"""Around these powers of two a value changes its form, or the sum or product of two."""


@pytest.fixture(scope="session")
def edge_tensors() -> Callable[..., st.SearchStrategy[Tensor]]:
    """edge_tensors(length, bits=64): a few values next to the powers of two up to 2^bits."""

    def strategy(length: int, bits: int = 64) -> st.SearchStrategy[Tensor]:
        edges = st.sampled_from([edge for edge in FORM_EDGES if edge <= bits])
        near = st.builds(lambda edge, step: (1 << edge) + step, edges, st.sampled_from([-1, 0, 1]))
        either = st.builds(lambda value, sign: value * sign, near, st.sampled_from([1, -1]))
        pools = st.lists(either | st.integers(-3, 3), min_size=1, max_size=5)
        return st.builds(
            lambda pool, seed: Tensor.from_ints(Random(seed).choices(pool, k=length)),
            pools,
            st.integers(0, 99),
        )

    return strategy
