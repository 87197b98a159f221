"""CupyBackend: all kernels, each on the device or, where that has no way, on the CPU."""

from __future__ import annotations

from typing import Any, ClassVar

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.cupy_backend import elementwise
from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.cupy_backend.device import Device

KERNELS = {"add": elementwise.add, "clip": elementwise.clip}


class CupyBackend(Backend):
    """Kernels on a device."""

    name: ClassVar[str] = "cupy"

    def __init__(self, device: Device, cpu: Backend) -> None:
        self.device = device
        self.cpu = cpu
        self.segment = Segment(device)

    def run(self, kernel: str, *arguments: Any) -> Any:
        found = KERNELS[kernel](Call(self.segment), *arguments)
        return getattr(self.cpu, kernel)(*arguments) if found is None else found
