"""CupyBackend: all kernels, each on the device or, where that has no way, on the CPU."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from inspect import signature
from threading import RLock, local
from typing import Any, ClassVar, Protocol

from smartvm.dispatch.backend import KERNELS, Backend
from smartvm.dispatch.cupy_backend import cuda_device, emulator
from smartvm.dispatch.cupy_backend.costs import measured
from smartvm.dispatch.cupy_backend.device import Device, DeviceError, OutOfDeviceMemory
from smartvm.dispatch.cupy_backend.entry import DECLINED
from smartvm.dispatch.cupy_backend.functions import FUNCTIONS
from smartvm.dispatch.cupy_backend.placement import Placement
from smartvm.dispatch.cupy_backend.session import Session
from smartvm.dispatch.cupy_backend.tapes import Tapes
from smartvm.dispatch.cupy_backend.tensors import Home, OnDevice, downloaded
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import DNNError

__all__ = ["CupyBackend"]

ENVIRONMENT = "SMARTVM_CUDA"
EMULATOR = "emulator"
"""The value of SMARTVM_CUDA that runs the kernels on the emulator, for tests without a card."""
MOST_HELD = 256 << 20
"""Bytes of maps of the host that the lineage of a tensor may keep alive."""


class Places(Protocol):
    """What decides where a kernel runs."""

    def on_device(self, kernel: str, arguments: tuple[Any, ...]) -> bool:
        """Whether a call is better made on the device."""

    def is_small(self, kernel: str, arguments: tuple[Any, ...]) -> bool:
        """Whether it is not, for sure and in less time; its maps are all of the host then."""


class CupyBackend(Backend):
    """Exact kernels on a card.

    It may be used from several threads, which take turns on the device. When the device fails, it
    goes on with the CPU for good; what the device held is worked out again.

    Attributes:
        device: where the kernels run.
        cpu: the backend of the kernels that the device has no way for, or not now.
        placement: what decides where a kernel runs.
        failure: why the device is not used any more, or None.
    """

    name: ClassVar[str] = "cupy"

    def __init__(
        self,
        device: Device | None = None,
        *,
        placement: Places | None = None,
        cpu: Backend | None = None,
    ) -> None:
        """Run on a device.

        Args:
            device: the current card by default.
            placement: by the costs of the device and of this machine by default, or as the
                environment's SMARTVM_DEVICE has it.
            cpu: the best backend of the CPU by default.
        """
        self.device = device or _device()
        self.cpu = cpu or _cpu()
        self.placement = placement or Placement(lambda: measured(self.device, self.cpu))
        self.failure: Exception | None = None
        self._home = _Home(self)
        self._tapes = Tapes()
        self._lock = RLock()
        self._local = local()

    @classmethod
    def is_available(cls) -> bool:
        """Whether cupy is installed and finds a card; does not import cupy where it is not."""
        if os.environ.get(ENVIRONMENT) == EMULATOR:
            return emulator.compiler() is not None
        return cuda_device.available()

    def chain(self, x: Tensor, steps: Sequence[Step]) -> list[Tensor] | None:
        """See `Backend.chain`."""
        if self.placement.is_small("chain", (x, steps)):
            return self.cpu.chain(x, steps)
        found: Any = self._on_device("chain", (x, steps))
        if found is DECLINED:
            if self.failure is None and self.placement.on_device("chain", (x, steps)):
                return None  # one by one, they may have a way on the device
            return self.cpu.chain(x, steps)
        results: list[Tensor] = found
        for step in steps[len(results) :]:
            results.append(self._run(step.kernel, (results[-1], *step.arguments)))
        return results

    def _run(self, kernel: str, arguments: tuple[Any, ...]) -> Any:
        """The result of a kernel, wherever it is computed."""
        small = self.placement.is_small(kernel, arguments)
        result = DECLINED if small else self._on_device(kernel, arguments)
        return getattr(self.cpu, kernel)(*arguments) if result is DECLINED else result

    def _on_device(self, kernel: str, arguments: tuple[Any, ...]) -> Any:
        """The result of a call on the device, or DECLINED."""
        with self._lock:
            if self.failure is not None:
                return DECLINED
            try:
                return self._called(kernel, arguments)
            except (OutOfDeviceMemory, MemoryError):
                self._start_over()
                return DECLINED
            except DNNError:  # what the kernel itself has to say
                raise
            except Exception as error:  # a defect here must not show in a frame
                self.fail(error)
                return DECLINED
            except BaseException:  # Ctrl-C may come between any two lines
                self._start_over()
                raise

    def _called(self, kernel: str, arguments: tuple[Any, ...]) -> Any:
        """The result of a call; none keeps too many maps of the host alive."""
        result = self._session().repeated(kernel, arguments)
        if result is None:
            result = self._made(kernel, arguments)
        last = result[-1] if isinstance(result, list) else result
        if isinstance(last, OnDevice) and last.lineage and last.lineage.held > MOST_HELD:
            assert last.data is not None
        return result

    def _made(self, kernel: str, arguments: tuple[Any, ...]) -> Any:
        """The result of a call; where memory is short, of a second attempt without tapes."""

        def choose() -> Callable[..., Any] | None:
            chosen = self.placement.on_device(kernel, arguments)
            return FUNCTIONS[kernel] if chosen else None

        try:
            return self._session().call(kernel, arguments, choose)
        except OutOfDeviceMemory:
            self._start_over()
            return self._session().call(kernel, arguments, choose)

    def _start_over(self) -> None:
        """Forget all that is kept for speed only, be it half made; tensors keep their items."""
        self._tapes.clear()
        self._session().reset()

    def _session(self) -> Session:
        """This thread's session."""
        found = getattr(self._local, "session", None)
        if found is None:
            found = self._local.session = Session(self.device, self._home, self._tapes)
        assert isinstance(found, Session)
        return found

    def fail(self, error: Exception) -> None:
        """Use the device no more."""
        if self.failure is not None:
            return
        self.failure = error
        self._tapes.clear()
        self._local = local()
        message = f"{self.device.name} failed, the CPU goes on with the same bits: {error!r}"
        warnings.warn(message, RuntimeWarning, stacklevel=2)

    def bring(self, tensor: OnDevice) -> Tensor:
        """The items of a tensor of the device; worked out again where the device has failed."""
        with self._lock:
            if tensor.on_host is not None:
                return Tensor(tensor.on_host, tensor.bounds)
            if self.failure is None and tensor.operand is not None:
                try:
                    found = downloaded(self.device, tensor.operand, len(tensor))
                    if found.bounds == tensor.bounds:
                        return found
                    raise DeviceError(f"items in {tensor.bounds} came back in {found.bounds}")
                except OutOfDeviceMemory:
                    pass  # it is worked out like that of a device that has failed
                except Exception as error:  # a defect here must not show in a frame
                    self.fail(error)
            return tensor.lineage.worked_out(self.cpu)  # type: ignore[no-any-return]


class _Home(Home):
    """Brings tensors to the host by way of their backend."""

    def __init__(self, backend: CupyBackend) -> None:
        super().__init__(backend.device)
        self._backend = backend

    def bring(self, tensor: OnDevice) -> Tensor:
        return self._backend.bring(tensor)

    def run(self, x: Tensor, steps: Sequence[Step]) -> Tensor:
        for step in steps:
            x = getattr(self._backend, step.kernel)(x, *step.arguments)
        return x


def _device() -> Device:
    if os.environ.get(ENVIRONMENT) == EMULATOR:
        return emulator.EmulatedDevice()
    return cuda_device.CudaDevice()


def _cpu() -> Backend:
    from smartvm.dispatch.registry import make_cpu_dispatcher  # it loads backends

    return make_cpu_dispatcher()


def _method(kernel: str) -> Callable[..., Any]:
    parameters = signature(getattr(Backend, kernel))

    def run(self: CupyBackend, *arguments: Any, **named: Any) -> Any:
        if named:
            arguments = parameters.bind(self, *arguments, **named).args[1:]
        return self._run(kernel, arguments)

    run.__name__ = kernel
    run.__doc__ = f"See `Backend.{kernel}`."
    return run


for _kernel in KERNELS:
    setattr(CupyBackend, _kernel, _method(_kernel))
