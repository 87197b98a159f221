"""Where kernels run, by costs like those of a CPU with AVX-512 and of an H200."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from smartvm.dispatch.cupy_backend.costs import Costs, Line, Link, Side
from smartvm.dispatch.cupy_backend.placement import Placement
from smartvm.dispatch.cupy_backend.tensors import OnDevice, Operand
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Deferred, Tensor
from smartvm.exceptions import BackendError
from smartvm.shapes import ConvShape, MatmulShape, PoolShape

NATIVE = Side(Line(9e-6, 1 / 3e11), Line(1.5e-6, 1 / 2e10), Line(2e-5, 1 / 8e7))
NUMPY = Side(Line(4e-5, 1 / 2e10), Line(5e-6, 1 / 2e9), Line(2e-5, 1 / 8e7))
H200 = Side(Line(4e-6, 1 / 3.3e13), Line(4e-6, 1 / 5e11), Line(4e-6, 1 / 3e10))
LINK = Link(1.5e-5, 1 / 1e10)
WEIGHT_RANGE = MAP_RANGE = (-9000, 9000)


def never() -> Tensor:
    raise AssertionError("a placement must not look at items")


def host(length: int, bounds: tuple[int, int] = MAP_RANGE) -> Tensor:
    return Deferred(length, bounds, never)


def on_device(length: int, bounds: tuple[int, int] = MAP_RANGE) -> OnDevice:
    memory: Any = SimpleNamespace(address=0, nbytes=0)
    nowhere: Any = None
    return OnDevice(length, bounds, Operand(memory, 2), nowhere)


def resident(length: int) -> Tensor:
    found = host(length, WEIGHT_RANGE)
    found.memo = {}
    return found


def square(
    batch: int, channels: tuple[int, int], side: int, kernel: int, stride: int = 1, groups: int = 1
) -> ConvShape:
    """A convolution whose result has a side of side/stride."""
    before = (kernel - 1) // 2
    padding = ((0, 0), (before, kernel - 1 - before), (before, kernel - 1 - before))
    sizes = (1, side, side), (1, kernel, kernel), (1, stride, stride)
    return ConvShape(batch, *channels, groups, *sizes, padding=padding)


def steps_of(network: Sequence[ConvShape | MatmulShape]) -> list[list[Step]]:
    """Each product with the division and the ReLU behind it, in one chain."""
    calls = []
    for shape in network:
        kernel = "convolve" if isinstance(shape, ConvShape) else "matmul"
        items = shape.weight_items if isinstance(shape, ConvShape) else shape.inner * shape.columns
        first = Step(kernel, (resident(items), shape))
        calls.append([first, Step("divide", (1000, True)), Step("relu", (0, (0, 1)))])
    return calls


def places(placement: Placement, x: Tensor, network: Sequence[ConvShape | MatmulShape]) -> str:
    """Where each layer runs, as letters: what is computed on the device stays there."""
    found = ""
    for steps in steps_of(network):
        there = placement.on_device("chain", (x, steps))
        found += "G" if there else "C"
        x = (on_device if there else host)(steps[0].arguments[1].out_items)
    return found


def lenet5(batch: int) -> list[ConvShape | MatmulShape]:
    convolutions = [(1, 6, 28, 5), (6, 16, 10, 5), (16, 120, 1, 5)]
    head = [MatmulShape(batch, 120, 84), MatmulShape(batch, 84, 10)]
    return [*(square(batch, (i, o), side, k) for i, o, side, k in convolutions), *head]


def resnet18(batch: int) -> list[ConvShape | MatmulShape]:
    network: list[ConvShape | MatmulShape] = [square(batch, (3, 64), 224, 7, 2)]
    before = 64
    for channels, side in ((64, 56), (128, 28), (256, 14), (512, 7)):
        stride = channels // before
        network.append(square(batch, (before, channels), side * stride, 3, stride))
        network += [square(batch, (channels, channels), side, 3)] * 3
        before = channels
    return [*network, MatmulShape(batch, 512, 1000)]


def mobilenet(batch: int) -> list[ConvShape | MatmulShape]:
    network: list[ConvShape | MatmulShape] = [square(batch, (3, 32), 224, 3, 2)]
    for before, channels, side in ((32, 64, 112), (128, 128, 56), (256, 256, 28), (512, 512, 14)):
        network.append(square(batch, (before, before), side, 3, groups=before))
        network.append(square(batch, (before, channels), side, 1))
    return network


@pytest.mark.parametrize("cpu", [NATIVE, NUMPY])
@pytest.mark.parametrize("batch", [1, 64])
def test_large_networks_run_on_the_device(cpu: Side, batch: int) -> None:
    placement = Placement(Costs(cpu, H200, LINK), "auto")
    for network in (resnet18(batch), mobilenet(batch)):
        image = host(batch * 3 * 224 * 224)
        assert places(placement, image, network) == "G" * len(network)


def test_lenet5_runs_on_the_cpu() -> None:
    placement = Placement(Costs(NATIVE, H200, LINK), "auto")
    assert places(placement, host(1024), lenet5(1)) == "CCCCC"
    assert places(placement, host(64 * 1024), lenet5(64)) == "GGGGG"


def test_what_is_on_the_device_stays_there() -> None:
    placement = Placement(Costs(NATIVE, H200, LINK), "auto")
    for x in (on_device(10), on_device(1_000_000)):
        assert placement.on_device("relu", (x, 0, (0, 1)))
        assert not placement.on_device("relu", (host(len(x)), 0, (0, 1)))
    slow = H200._replace(function=Line(1.0, 1.0))
    assert not Placement(Costs(NATIVE, slow, LINK), "auto").on_device("tanh", (on_device(10), 1000))


def test_what_is_on_both_sides_needs_no_copy() -> None:
    far = Placement(Costs(NATIVE, H200, Link(1.0, 1.0)), "auto")
    x = on_device(1000)
    assert far.on_device("relu", (x, 0, (0, 1)))
    x._found = np.zeros(1000, np.int16)  # brought by somebody who looked at it
    slow = H200._replace(item=Line(1.0, 0.0))
    assert not Placement(Costs(NATIVE, slow, Link(1.0, 1.0)), "auto").on_device(
        "relu", (x, 0, (0, 1))
    )
    x.operand = None
    assert not far.on_device("relu", (x, 0, (0, 1)))


@pytest.mark.parametrize(
    ("kernel", "arguments"),
    [
        ("matmul", (host(64 * 4096), resident(4096 * 4096), MatmulShape(64, 4096, 4096))),
        ("matmul", (host(1024 * 1024), host(1024 * 1024), MatmulShape(1024, 1024, 1024))),
        ("convolve", (host(64 * 56 * 56), resident(9 * 64**2), square(1, (64, 64), 56, 3))),
        ("softmax", (host(1 << 14), 1000, 64)),
        ("function", (host(1 << 14), 1000, 1)),
        ("pool_max", (on_device(1 << 20), PoolShape(64, (1, 128, 128), (1, 3, 3), (1, 2, 2)))),
    ],
)
def test_kernels_with_much_work_go_to_the_device(kernel: str, arguments: tuple[Any, ...]) -> None:
    assert Placement(Costs(NATIVE, H200, LINK), "auto").on_device(kernel, arguments)


@pytest.mark.parametrize(
    ("kernel", "arguments"),
    [
        ("view", (host(1 << 20), 0, (16, 16), (1, 16))),
        ("concatenate", ([host(100), host(200)], 1)),
        ("gather", (host(10), resident(1 << 20), 16)),
        ("add", (host(1 << 10), resident(1 << 10), 1)),
        ("reduce", (host(1 << 12), 0, 16, 4)),
        ("softmax", (host(10), 1000, 10)),
        ("pool_max", (host(784), PoolShape(1, (1, 28, 28), (1, 2, 2), (1, 2, 2)))),
    ],
)
def test_kernels_with_little_work_stay_on_the_cpu(kernel: str, arguments: tuple[Any, ...]) -> None:
    assert not Placement(Costs(NATIVE, H200, LINK), "auto").on_device(kernel, arguments)


def test_wider_items_are_more_work() -> None:
    placement = Placement(Costs(NATIVE, H200, LINK), "auto")
    shape = square(1, (32, 32), 10, 3)
    for bounds, expected in ((MAP_RANGE, False), ((-(1 << 40), 1 << 40), True)):
        x, weights = host(shape.in_items, bounds), resident(shape.weight_items)
        assert placement.on_device("convolve", (x, weights, shape)) is expected


def test_costs_are_worked_out_once_and_only_if_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def costs() -> Costs:
        asked.append(1)
        return Costs(NATIVE, H200, LINK)

    monkeypatch.delenv("SMARTVM_DEVICE", raising=False)
    placement = Placement(costs)
    assert asked == []
    for length in range(10, 20):
        assert not placement.on_device("tanh", (host(length), 1000))
    assert asked == [1]


def test_small_calls_are_known_at_once() -> None:
    placement = Placement(Costs(NATIVE, H200, LINK), "auto")
    x = host(1000)
    assert not placement.is_small("relu", (x, 0, (0, 1)))  # costs are not known yet
    assert not placement.on_device("relu", (x, 0, (0, 1)))
    small = square(1, (8, 8), 8, 3)
    weights = resident(small.weight_items)
    calls: list[tuple[Any, ...]] = [("relu", (x, 0, (0, 1))), ("add", (x, resident(10), 100))]
    calls += [
        ("convolve", (host(512), weights, small)),
        ("chain", (host(512), steps_of([small])[0])),
    ]
    for call in calls:
        assert placement.is_small(*call)
        assert not placement.on_device(*call)


@pytest.mark.parametrize(
    ("kernel", "arguments"),
    [
        ("relu", (on_device(10), 0, (0, 1))),
        ("add", (host(10), on_device(10), 1)),
        ("add", (host(1 << 30), resident(10), 1)),
        ("tanh", (host(10), 1000)),
        ("concatenate", ([host(10)], 1)),
        ("convolve", (host(1 << 18), resident(64 * 64 * 9), square(1, (64, 64), 64, 3))),
        ("chain", (host(1 << 18), steps_of([square(1, (64, 64), 64, 3)])[0])),
        ("chain", (host(512), [steps_of([lenet5(1)[0]])[0][0], Step("add", (on_device(8), 1))])),
    ],
)
def test_other_calls_are_not_small(kernel: str, arguments: tuple[Any, ...]) -> None:
    placement = Placement(Costs(NATIVE, H200, LINK), "auto")
    placement.on_device("relu", (host(1), 0, (0, 1)))
    assert not placement.is_small(kernel, arguments)


@pytest.mark.parametrize(("choice", "expected"), [("cpu", False), ("gpu", True)])
def test_the_user_may_choose(choice: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [("tanh", (host(1), 1)), ("tanh", (on_device(1 << 30), 1))]
    monkeypatch.setenv("SMARTVM_DEVICE", choice)
    for placement in (Placement(), Placement(choice=choice)):
        assert {placement.on_device(*call) for call in calls} == {expected}
        assert placement.is_small(*calls[0]) is not expected


def test_a_choice_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTVM_DEVICE", "tpu")
    with pytest.raises(BackendError, match="SMARTVM_DEVICE is 'tpu', expected one of auto, cpu"):
        Placement()
    monkeypatch.delenv("SMARTVM_DEVICE")
    with pytest.raises(BackendError, match="needs costs"):
        Placement()
