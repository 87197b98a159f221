"""The CUDA kernels on the emulator, compared with the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from smartvm.dispatch.cupy_backend import CupyBackend
from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.cupy_backend.device import DeviceError, Launch, Memory
from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice
from smartvm.dispatch.cupy_backend.emulator.build import compiler
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor

REFERENCE = ReferenceBackend()


class CountingDevice(EmulatedDevice):
    """An emulator that counts what it is asked for, and fails where it is told to.

    Attributes:
        launches: kernels started one by one.
        starts: graphs started.
        replayed: kernels that they started.
        reads: copies to the host.
        operations: all of these, and allocations.
        fails_at: the operation that raises `failure`; all after it do if that is lasting.
    """

    def __init__(self) -> None:
        super().__init__()
        self.launches = self.starts = self.replayed = self.reads = self.operations = 0
        self.fails_at: int | None = None
        self.failure: DeviceError = DeviceError("the card fell off")
        self.lasting = True

    def _count(self) -> None:
        self.operations += 1
        if self.fails_at is not None and (
            self.operations == self.fails_at or (self.lasting and self.operations > self.fails_at)
        ):
            raise self.failure

    def allocate(self, nbytes: int) -> Memory:
        self._count()
        return super().allocate(nbytes)

    def write(self, memory: Memory, items: np.ndarray) -> None:
        self._count()
        super().write(memory, items)

    def read(self, memory: Memory, items: np.ndarray) -> None:
        self.reads += 1
        self._count()
        super().read(memory, items)

    def launch(self, launch: Launch) -> None:
        self.launches += 1
        self._count()
        super().launch(launch)

    def graph(self, launches: Sequence[Launch]) -> Callable[[], None]:
        self._count()
        kept = list(launches)

        def start() -> None:
            self.starts += 1
            self._count()
            for launch in kept:
                self.replayed += 1
                EmulatedDevice.launch(self, launch)

        return start

    def reset(self) -> None:
        """Count from 0 again."""
        self.launches = self.starts = self.replayed = self.reads = self.operations = 0


class EverythingBut:
    """A placement that leaves some kernels to the CPU."""

    def __init__(self, *kernels: str) -> None:
        self.kernels = kernels

    def on_device(self, kernel: str, arguments: tuple[Any, ...]) -> bool:
        return kernel not in self.kernels

    def is_small(self, kernel: str, arguments: tuple[Any, ...]) -> bool:
        return False


@pytest.fixture
def device(emulators: list[EmulatedDevice]) -> CountingDevice:
    return CountingDevice()


@pytest.fixture(scope="session")
def make_backend() -> Callable[..., CupyBackend]:
    """make_backend(device, *kernels): one that leaves these kernels to the CPU, no others."""

    def make(device: EmulatedDevice, *kernels: str) -> CupyBackend:
        return CupyBackend(device, placement=EverythingBut(*kernels))

    return make


@pytest.fixture(scope="session")
def make_device(emulators: list[EmulatedDevice]) -> type[CountingDevice]:
    return CountingDevice


@pytest.fixture(scope="session")
def emulators(request: pytest.FixtureRequest) -> list[EmulatedDevice]:
    """One that runs threads in their order, one in the reverse; with --thorough random ones too."""
    if compiler() is None:
        pytest.skip("no C++ compiler for the emulator (set CXX to name one)")
    orders = range(6 if request.config.getoption("--thorough") else 2)
    return [EmulatedDevice(order=order) for order in orders]


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
