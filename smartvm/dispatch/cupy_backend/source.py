"""The CUDA source of the kernels: one module a file."""

from __future__ import annotations

from pathlib import Path

__all__ = ["SOURCES", "headers", "modules"]

SOURCES = Path(__file__).parent / "cuda"
"""The folder of all .cu files and of the .cuh files that they include."""


def modules() -> list[str]:
    """The names of all modules: the .cu files without their ending."""
    return sorted(path.stem for path in SOURCES.glob("*.cu"))


def headers() -> dict[str, str]:
    """The text of each .cuh file, by its name."""
    return {path.name: path.read_text() for path in sorted(SOURCES.glob("*.cuh"))}
