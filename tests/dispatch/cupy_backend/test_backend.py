"""The backend as the dispatcher sees it: every kernel, on the device or on the CPU."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from smartvm.dispatch import KERNELS, Backend, available_backends, make_dispatcher
from smartvm.dispatch.cupy_backend import CupyBackend
from smartvm.dispatch.cupy_backend.functions import FUNCTIONS
from smartvm.dispatch.cupy_backend.tensors import OnDevice
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import MatmulShape

Make = Callable[..., CupyBackend]


def test_it_lacks_no_kernel(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    assert not any(kernels.lacks(kernel) for kernel in KERNELS)
    assert set(FUNCTIONS) == {*KERNELS, "chain"}


@pytest.mark.parametrize("kernel", [*KERNELS, "chain"])
def test_functions_take_what_the_kernels_take(kernel: str) -> None:
    _, *expected = inspect.signature(getattr(Backend, kernel)).parameters
    _, *found = inspect.signature(FUNCTIONS[kernel]).parameters
    assert found == expected


def test_arguments_by_name(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    found = kernels.clip(Tensor.from_ints([-9, 9]), high=5, low=-5)
    assert isinstance(found, OnDevice)
    assert found.to_ints() == [-5, 5]


def test_the_placement_decides(device: Any, make_backend: Make) -> None:
    found = make_backend(device, "clip").clip(Tensor.from_ints([-9, 9]), -5, 5)
    assert not isinstance(found, OnDevice)
    assert found.to_ints() == [-5, 5]
    assert device.operations == 0


def test_what_the_device_has_no_way_for_runs_on_the_cpu(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    x = Tensor.from_ints([1 << 70, -(1 << 99), 3])
    assert kernels.softmax(x, 10, 3) == ReferenceBackend().softmax(x, 10, 3)


def chained(x: Tensor, weights: Tensor) -> list[Step]:
    return [
        Step("matmul", (weights, MatmulShape(1, len(x), len(weights) // len(x)))),
        Step("add", (Tensor.from_ints([-4, 5]), 1)),
        Step("divide", (3, True)),
        Step("relu", (0, (0, 1))),
        Step("softmax", (100, 2)),
    ]


def test_a_chain_and_what_comes_on_the_way(device: Any, make_backend: Make) -> None:
    kernels, reference = make_backend(device), ReferenceBackend()
    weights = Tensor.from_ints([7, -1, 2, 9, 3, -300])
    weights.memo = {}
    for value in (5, 6, -7):
        x = y = Tensor.from_ints([value, 100, -3])
        steps = chained(x, weights)
        found = kernels.chain(x, steps)
        assert found is not None and len(found) == len(steps)
        for step, result in zip(steps, found, strict=True):
            y = getattr(reference, step.kernel)(y, *step.arguments)
            assert result.bounds == y.bounds
        assert found[2].data is not None  # somebody looks at it
        assert found[-1] == y
        assert kernels.add(found[1], found[0], 1) == reference.add(
            *(Tensor.from_ints(found[i].to_ints()) for i in (1, 0)), 1
        )


def test_by_name_with_the_emulator(emulators: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTVM_CUDA", "emulator")
    monkeypatch.setenv("SMARTVM_DEVICE", "gpu")
    assert available_backends()[0] == "cupy"
    dispatcher = make_dispatcher()
    assert dispatcher.backends[0].name == "cupy"
    assert isinstance(dispatcher.clip(Tensor.from_ints([5]), 1, 2), OnDevice)


def test_nobody_imports_cupy_unasked() -> None:
    code = (
        "import sys, smartvm\n"
        "from smartvm.dispatch import make_dispatcher\n"
        "make_dispatcher('numpy')\n"
        "assert 'cupy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
