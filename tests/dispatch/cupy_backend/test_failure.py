"""A device that fails, at any moment and for any reason, changes no bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.cupy_backend import CupyBackend
from smartvm.dispatch.cupy_backend.device import OutOfDeviceMemory
from smartvm.dispatch.cupy_backend.functions import FUNCTIONS
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ItemRangeError

REFERENCE = ReferenceBackend()
Make = Callable[..., CupyBackend]


def resident(values: list[int]) -> Tensor:
    found = Tensor.from_ints(values)
    found.memo = {}
    return found


def network(kernels: Backend, value: int, bias: Tensor) -> list[Tensor]:
    """All maps of a network, the last of them brought to the host."""
    x = Tensor.from_ints([value, -2, 3, 70_000])
    first = kernels.add(x, bias, 2)
    second = kernels.clip(first, -3, 1 << 40)
    joined = kernels.concatenate([first, second, x], 1)
    last = kernels.clip(kernels.add(second, first, 1), -100, 1 << 50)
    assert last.data is not None
    return [first, second, joined, last]


def runs(kernels: Backend) -> list[list[Tensor]]:
    """Some runs on new weights: the first is made call by call, the others are repeated."""
    bias = resident([4, 1 << 33])
    return [network(kernels, value, bias) for value in (1, 2, 3)]


def operations(make_device: Any, make_backend: Make) -> int:
    device = make_device()
    runs(make_backend(device))
    return int(device.operations)


def at_every_operation(make_device: Any, make_backend: Make) -> Iterator[Any]:
    for number in range(1, operations(make_device, make_backend) + 1):
        device = make_device()
        device.fails_at = number
        yield device


def test_a_failure_at_any_operation(make_device: Any, make_backend: Make) -> None:
    expected = runs(REFERENCE)
    for device in at_every_operation(make_device, make_backend):
        kernels = make_backend(device)
        with pytest.warns(RuntimeWarning, match="emulator failed, the CPU goes on .*fell off"):
            found = runs(kernels)
            assert found == expected
        assert kernels.failure is not None


def test_what_a_device_held_is_worked_out_again(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    x, bias = Tensor.from_ints([1, 2, 3, 1 << 40]), resident([4, -(1 << 33)])
    first = kernels.add(x, bias, 2)
    second = kernels.add(kernels.clip(first, -3, 7), first, 1)
    device.fails_at = device.operations + 1
    with pytest.warns(RuntimeWarning, match="fell off") as caught:
        assert second.to_ints() == [5 + 5, 6 + 6, 3 - (1 << 33) - 3, (1 << 40) - (1 << 33) + 7]
        assert first.to_ints() == [5, 6, 3 - (1 << 33), (1 << 40) - (1 << 33)]
    assert len(caught) == 1
    assert network(kernels, 5, resident([4, 4])) == network(REFERENCE, 5, resident([4, 4]))


def test_a_long_history_needs_no_deep_stack(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    x = Tensor.from_ints([1, 2])
    one = resident([1])
    for _ in range(1100):
        x = kernels.add(x, one, 2)
    device.fails_at = device.operations + 1
    with pytest.warns(RuntimeWarning, match="fell off"):
        assert x.to_ints() == [1101, 1102]


def test_a_defect_is_a_failure(
    device: Any, make_backend: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(call: Any, *arguments: Any) -> None:
        raise KeyError("tiling")

    monkeypatch.setitem(FUNCTIONS, "clip", broken)
    kernels = make_backend(device)
    x = kernels.add(Tensor.from_ints([1, 9]), resident([2]), 2)
    with pytest.warns(RuntimeWarning, match=r"KeyError\('tiling'\)"):
        assert kernels.clip(x, 0, 5).to_ints() == [3, 5]
    assert kernels.add(x, x, 1).to_ints() == [6, 22]


def test_what_a_kernel_raises_is_no_failure(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    for _ in range(3):
        x = kernels.add(Tensor.from_ints([1, 9]), resident([2]), 2)
        with pytest.raises(ItemRangeError):
            kernels.gather(x, Tensor.from_ints([1, 2, 3]), 1)
        assert kernels.gather(x, Tensor.from_ints(list(range(12))), 1).to_ints() == [3, 11]
    assert kernels.failure is None


@pytest.mark.parametrize("lasting", [False, True])
def test_short_memory_is_no_failure(make_device: Any, make_backend: Make, lasting: bool) -> None:
    expected = runs(REFERENCE)
    for device in at_every_operation(make_device, make_backend):
        device.failure, device.lasting = OutOfDeviceMemory("full"), lasting
        kernels = make_backend(device)
        found = runs(kernels)
        device.fails_at = None
        assert found == expected
        assert kernels.failure is None


def test_short_memory_lets_go_of_tapes(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    runs(kernels)
    runs(kernels)
    device.fails_at, device.lasting = device.operations + 1, False
    device.failure = OutOfDeviceMemory("full")
    before = len(kernels._tapes)
    found = network(kernels, 1, resident([7, 8]))
    assert found == network(REFERENCE, 1, resident([7, 8]))
    assert len(kernels._tapes) < before
