"""The cupy backend: exact integer kernels on an NVIDIA GPU.

Feature maps and weights stay in the device's memory; what an instruction needs to know of a map,
its exact bounds, comes to the host. The extra ``smartvm[gpu]`` brings cupy; without it, or without
a card, the backend is not available and costs nothing.
"""

from __future__ import annotations

from smartvm.dispatch.cupy_backend.backend import CupyBackend

__all__ = ["CupyBackend"]
