"""Each instruction set and number of threads in turn, and what the kernels are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from smartvm.dispatch.native import NativeBackend, isa, isas, set_isa, set_threads, threads
from smartvm.dispatch.numpy_backend import NumpyBackend
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor

BACKENDS = {"native": NativeBackend(), "numpy": NumpyBackend(), "reference": ReferenceBackend()}
FORM_EDGES = (0, 7, 8, 14, 15, 16, 30, 31, 32, 47, 62, 63, 64)
"""Around these powers of two a value changes its form, or the sum or product of two."""


@pytest.fixture(scope="module", params=isas())
def instruction_set(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction set of this processor, forced."""
    before = isa()
    set_isa(request.param)
    yield request.param
    set_isa(before)


@pytest.fixture(params=[1, 2])
def thread_count(request: pytest.FixtureRequest) -> Iterator[int]:
    """One thread and two."""
    before = threads()
    set_threads(request.param)
    yield request.param
    set_threads(before)


@pytest.fixture(scope="session")
def agree() -> Callable[..., None]:
    """agree(kernel, *arguments, by="reference"): the same values, form and bounds."""

    def check(kernel: str, *arguments: Any, by: str = "reference") -> None:
        expected = getattr(BACKENDS[by], kernel)(*arguments)
        found = getattr(BACKENDS["native"], kernel)(*arguments)
        assert found.bounds == expected.bounds
        assert found == expected

    return check


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
