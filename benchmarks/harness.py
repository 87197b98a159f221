"""What benchmarks share: CPU time of a call, a description of the machine, results as JSON.

Time is that of the CPU that the calling thread takes: other processes slow it only through
caches and clocks. The collector of garbage is off, as in `timeit`. Wall-clock times of contenders
that are compared are taken in turns (`contenders.timings`).
"""

from __future__ import annotations

import gc
import json
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
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


PACKAGES = (
    *("py-evm", "numpy", "pycryptodome", "onnxruntime", "torch", "cupy-cuda13x", "lmdb", "pyrevm"),
)
"""Whose versions are noted, where they are installed."""


def machine() -> dict[str, str]:
    """What figures depend on."""
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load": f"{os.getloadavg()[0]:.1f}",
        "kernels": _kernels(),
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES if _version(package)},
    }


def write_json(path: Path, data: Any) -> None:
    """Write a file whole or not at all, so that a reader never finds half of it."""
    partial = path.with_suffix(".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial.write_text(json.dumps(data, indent=1, ensure_ascii=False))
    partial.replace(path)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _kernels() -> str:
    """The instruction set of the native kernels, or that there are none."""
    from smartvm.dispatch import available_backends

    if "native" not in available_backends():
        return "numpy"
    from smartvm.dispatch.native import isa

    return f"native, {isa()}"


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
