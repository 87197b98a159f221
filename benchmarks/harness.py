"""What benchmarks share: CPU time of a call, and a description of the machine.

Time is that of the CPU that the calling thread takes: other processes slow it only through
caches and clocks. The collector of garbage is off, as in `timeit`.
"""

from __future__ import annotations

import gc
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import thread_time_ns
from typing import Any


@contextmanager
def collector_off() -> Iterator[None]:
    """No garbage collection within."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def nanoseconds(call: Callable[[Any], object], prepare: Callable[[], Any], runs: int) -> float:
    """The median CPU nanoseconds of `call(prepare())`, the preparation left out."""
    taken = []
    with collector_off():
        for _ in range(runs):
            argument = prepare()
            start = thread_time_ns()
            call(argument)
            taken.append(thread_time_ns() - start)
    return median(taken)


def machine() -> dict[str, str]:
    """What figures depend on."""
    packages = ("py-evm", "numpy", "pycryptodome")
    return {
        "processor": _processor(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
