"""The emulator: the CUDA kernels compiled for the CPU, so that their bits can be tested anywhere.

It needs a C++ compiler with C++20 (`CXX` names one) and a system with `ucontext`. It is for tests:
threads are fibers that take turns, hundreds of times slower than the CPU's own kernels.
"""

from __future__ import annotations

from smartvm.dispatch.cupy_backend.emulator.build import compiler
from smartvm.dispatch.cupy_backend.emulator.device import EmulatedDevice

__all__ = ["EmulatedDevice", "compiler"]
