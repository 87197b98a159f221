"""Step: one kernel call on a map that is not there yet, as `Backend.chain` takes them."""

from __future__ import annotations

from typing import Any, NamedTuple

from smartvm.dispatch.tensor import Tensor


class Step(NamedTuple):
    """A kernel with everything it takes but the map.

    Attributes:
        kernel: its name, one of `smartvm.dispatch.KERNELS`.
        arguments: what stands behind the map in the kernel's declaration.
    """

    kernel: str
    arguments: tuple[Any, ...]

    def matches(self, other: Step) -> bool:
        """Whether both are the same call: equal arguments, and of tensors the very same ones."""
        if self.kernel != other.kernel:
            return False
        for mine, theirs in zip(self.arguments, other.arguments, strict=True):
            if mine is not theirs and (isinstance(mine, Tensor) or mine != theirs):
                return False
        return True
