from __future__ import annotations

import inspect

import pytest

from smartvm.dispatch import KERNELS, Backend, Dispatcher
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import BackendError


class Doubler(Backend):
    """Multiplies only, and tells that it did."""

    name = "doubler"

    def multiply(self, x: Tensor, factor: int) -> Tensor:
        return Tensor.from_ints([factor, factor])


def test_a_kernel_goes_to_the_first_backend_that_has_it() -> None:
    dispatcher = Dispatcher([Doubler(), ReferenceBackend()])
    x = Tensor.from_ints([7])
    assert dispatcher.multiply(x, 3).to_ints() == [3, 3]
    assert dispatcher.divide(x, 3, nearest=False).to_ints() == [2]
    assert dispatcher.backend_of("multiply").name == "doubler"
    assert dispatcher.backend_of("divide").name == "reference"
    assert repr(dispatcher) == "Dispatcher(doubler, reference)"


def test_no_kernel_is_lacking() -> None:
    with pytest.raises(BackendError, match=r"no backend of \(doubler\) has the kernel convolve"):
        Dispatcher([Doubler()])
    assert not any(Dispatcher([ReferenceBackend()]).lacks(kernel) for kernel in KERNELS)


def test_what_a_backend_lacks() -> None:
    assert [kernel for kernel in KERNELS if not Doubler().lacks(kernel)] == ["multiply"]


def test_all_kernels_are_named() -> None:
    methods = {
        name
        for name, member in vars(Backend).items()
        if inspect.isfunction(member) and "NotImplementedError" in inspect.getsource(member)
    }
    assert set(KERNELS) == methods
