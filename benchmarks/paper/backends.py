"""Which backends of SmartVM are measured: the best of the CPU, and a GPU where there is one."""

from __future__ import annotations

from paper.model import SMARTVM_CPU, SMARTVM_GPU, Options
from smartvm.dispatch import available_backends

GPU_BACKEND = "cupy"
NO_GPU = "no GPU here: it takes an NVIDIA card and the extra gpu (pip install 'smartvm[gpu]')"
LEFT_OUT = "the GPU was left out by --device cpu"


def cpu_backend() -> str:
    """The fastest backend of the CPU that is built here."""
    return "native" if "native" in available_backends() else "numpy"


def backends(options: Options) -> dict[str, str]:
    """Backends by the contenders that they are, the CPU's first."""
    chosen = {SMARTVM_CPU: cpu_backend()}
    if not why_no_gpu(options):
        chosen[SMARTVM_GPU] = GPU_BACKEND
    return chosen


def why_no_gpu(options: Options) -> str:
    """Why the GPU is not measured; empty where it is."""
    if options.device == "cpu":
        return LEFT_OUT
    return "" if GPU_BACKEND in available_backends() else NO_GPU
