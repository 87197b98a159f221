"""The numpy backend: portable, vectorised and exact."""

from __future__ import annotations

from typing import ClassVar

from smartvm.dispatch.backend import Backend

__all__ = ["NumpyBackend"]


class NumpyBackend(Backend):
    """All kernels on numpy arrays; always available."""

    name: ClassVar[str] = "numpy"
