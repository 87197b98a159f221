"""Each instruction set and number of threads in turn, and what the kernels are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from smartvm.dispatch.native import NativeBackend, isa, isas, set_isa, set_threads, threads
from smartvm.dispatch.numpy_backend import NumpyBackend
from smartvm.dispatch.reference import ReferenceBackend

BACKENDS = {"native": NativeBackend(), "numpy": NumpyBackend(), "reference": ReferenceBackend()}


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
