"""The compiled module, its instruction set and its threads.

`kernels` is the module, or None where it was not built, or not from these sources: then
`NativeBackend` is not available. Two environment variables say how it starts: ``SMARTVM_ISA`` names
an instruction set, by default the best that the processor has, ``SMARTVM_THREADS`` a number of
threads, by default the CPUs that the process may use, at most 8. Neither can show in a result.
"""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from typing import Any

from smartvm.exceptions import BackendError

INTERFACE = 2
"""Raised whenever the arguments of a kernel change, or what it is exact for.

It is compiled into the module, so that one that was built from older sources is seen and not used.
"""
MOST_THREADS = 64
"""Threads beyond which no kernel is divided."""
DEFAULT_THREADS = 8


def _load() -> Any:
    """The compiled module; None where it was not built, or from sources that are not these."""
    try:
        module = import_module("smartvm.dispatch.native._kernels")
    except ImportError:
        return None
    if getattr(module, "interface", 0) == INTERFACE:
        return module
    warnings.warn(
        "the native kernels were built from other sources and are passed over: "
        "install smartvm again to build them anew",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


kernels: Any = _load()


def isas() -> list[str]:
    """The instruction sets that the kernels can use here, the best first; none if not built."""
    return list(kernels.isas()) if kernels else []


def isa() -> str:
    """The instruction set in use: ``avx512``, ``avx2`` or ``portable``; "" if not built."""
    return str(kernels.isa()) if kernels else ""


def set_isa(name: str) -> None:
    """Use one of `isas()` from now on.

    Raises:
        BackendError: this processor has no such instruction set, or the module was not built.
    """
    if name not in isas():
        known = ", ".join(isas()) or "none: the native kernels were not built"
        raise BackendError(f"no instruction set {name!r} here; there are {known}")
    kernels.set_isa(name)


def threads() -> int:
    """Most threads that a kernel runs on; 0 if not built."""
    return int(kernels.threads()) if kernels else 0


def set_threads(count: int) -> None:
    """Run kernels on at most `count` threads from now on.

    Raises:
        BackendError: `count` is not in 1 to `MOST_THREADS`.
    """
    if not 1 <= count <= MOST_THREADS:
        raise BackendError(f"threads: a number from 1 to {MOST_THREADS} expected, {count} found")
    if kernels:
        kernels.set_threads(count)


def _cpus() -> int:
    """CPUs that this process may use, which may be fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _start() -> None:
    """Set what the environment asks for; what it asks in vain is warned of and passed over."""
    set_threads(min(_cpus(), DEFAULT_THREADS))
    try:
        if "SMARTVM_THREADS" in os.environ:
            asked = os.environ["SMARTVM_THREADS"]
            set_threads(int(asked) if asked.isdecimal() else 0)
        if kernels and "SMARTVM_ISA" in os.environ:
            set_isa(os.environ["SMARTVM_ISA"])
    except BackendError as error:
        warnings.warn(f"SMARTVM_* is passed over: {error}", RuntimeWarning, stacklevel=2)


_start()
