"""The native backend: exact integer kernels compiled for this machine's CPU.

The compiled module is optional: it is built when the package is installed where there is a C++
compiler. Without it the backend is not available, and numpy computes the same bits.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import ClassVar

from smartvm.dispatch.backend import Backend

__all__ = ["NativeBackend"]


class NativeBackend(Backend):
    """Kernels on the CPU's integer dot products; available where the module was built."""

    name: ClassVar[str] = "native"

    @classmethod
    def is_available(cls) -> bool:
        """Whether the compiled module is there."""
        return find_spec(f"{__name__}._kernels") is not None
