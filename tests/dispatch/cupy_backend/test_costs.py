"""What kernels take on the emulator and on this CPU."""

from __future__ import annotations

from smartvm.dispatch.cupy_backend.costs import measured
from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice
from smartvm.dispatch.cupy_backend.placement import Placement
from smartvm.dispatch.numpy_backend import NumpyBackend
from smartvm.dispatch.tensor import Tensor


def test_every_cost_is_a_time(emulators: list[EmulatedDevice]) -> None:
    costs = measured(emulators[0], NumpyBackend())
    for side in (costs.cpu, costs.device):
        assert all(0 < number < 1 for line in side for number in line)
    assert 0 < costs.link.byte < costs.link.latency < 1


def test_costs_are_measured_once(emulators: list[EmulatedDevice]) -> None:
    cpu = NumpyBackend()
    assert measured(emulators[0], cpu) is measured(emulators[1], cpu)


def test_an_emulator_is_no_match_for_its_cpu(emulators: list[EmulatedDevice]) -> None:
    placement = Placement(measured(emulators[0], NumpyBackend()), "auto")
    assert not placement.on_device("multiply", (Tensor.zeros(1 << 16), 3))
