"""The CUDA kernels on the emulator, compared with the reference."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice
from smartvm.dispatch.cupy_backend.emulator.build import compiler
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor

REFERENCE = ReferenceBackend()
FORM_EDGES = (0, 7, 8, 14, 15, 16, 30, 31, 32, 47, 62, 63, 64)
"""Around these powers of two a value changes its form, or the sum or product of two."""


@pytest.fixture(scope="session")
def emulators() -> list[EmulatedDevice]:
    """One that runs threads in their order, one in the reverse order."""
    if compiler() is None:
        pytest.skip("no C++ compiler for the emulator (set CXX to name one)")
    return [EmulatedDevice(), EmulatedDevice(reverse=True)]


@pytest.fixture(scope="session")
def agree(emulators: list[EmulatedDevice]) -> Callable[..., None]:
    """agree(function, *arguments): a module's function gives the reference's values and bounds."""

    def check(function: Callable[..., Tensor | None], *arguments: Any) -> None:
        expected = getattr(REFERENCE, function.__name__)(*arguments)
        for device in emulators:
            found = function(Call(Segment(device)), *arguments)
            assert found is not None, "declined"
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
