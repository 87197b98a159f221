"""The dispatcher: sends each kernel to the first backend that has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from smartvm.dispatch.backend import KERNELS, Backend
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import BackendError

__all__ = ["Dispatcher"]


class Dispatcher(Backend):
    """All kernels, each a bound method of the backend that was chosen for it.

    The choice is made once: backends agree bit for bit, so it can never show in a result.

    Attributes:
        backends: in order of preference.
    """

    name: ClassVar[str] = "dispatcher"

    def __init__(self, backends: Sequence[Backend]) -> None:
        self.backends = tuple(backends)
        self._chosen = {kernel: self.backend_of(kernel) for kernel in KERNELS}
        for kernel, backend in self._chosen.items():
            setattr(self, kernel, getattr(backend, kernel))

    def backend_of(self, kernel: str) -> Backend:
        """The backend that runs `kernel`: the first one that does not lack it.

        Raises:
            BackendError: all of them lack it.
        """
        for backend in self.backends:
            if not backend.lacks(kernel):
                return backend
        names = ", ".join(backend.name for backend in self.backends)
        raise BackendError(f"no backend of ({names}) has the kernel {kernel}")

    def chains(self, kernel: str) -> bool:
        """Whether the backend that runs `kernel` can run other kernels on its result at once."""
        return type(self._chosen[kernel]).chain is not Backend.chain

    def chain(self, x: Tensor, steps: Sequence[Step]) -> list[Tensor] | None:
        """The results of several kernels, where one backend is chosen for all of them."""
        backend = self._chosen[steps[0].kernel]
        for step in steps:
            if self._chosen[step.kernel] is not backend:
                return None
        return backend.chain(x, steps)

    def lacks(self, kernel: str) -> bool:
        """False: a dispatcher that lacked a kernel could not have been made."""
        return False

    def __repr__(self) -> str:
        return f"Dispatcher({', '.join(backend.name for backend in self.backends)})"
