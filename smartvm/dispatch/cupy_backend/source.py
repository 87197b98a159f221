"""The CUDA source of the kernels: one module a file."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["SOURCES", "headers", "modules", "whole"]

SOURCES = Path(__file__).parent / "cuda"
"""The folder of all .cu files and of the .cuh files that they include."""


def modules() -> list[str]:
    """The names of all modules: the .cu files without their ending."""
    return sorted(path.stem for path in SOURCES.glob("*.cu"))


def headers() -> dict[str, str]:
    """The text of each .cuh file, by its name."""
    return {path.name: path.read_text() for path in sorted(SOURCES.glob("*.cuh"))}


def whole(module: str) -> str:
    """The text of a module with that of its headers in place, for a compiler that has no files."""
    texts = headers()

    def expanded(name: str, text: str) -> str:
        """The text, its directives replaced: each header once, lines numbered as in the files."""
        lines = [f'#line 1 "{name}"']
        for number, line in enumerate(text.splitlines(), 2):
            found = re.match(r'#include "(.+)"', line)
            if found is None:
                lines.append("" if line.startswith("#pragma once") else line)
            else:
                header = texts.pop(found[1], None)
                lines += [expanded(found[1], header)] if header is not None else []
                lines.append(f'#line {number} "{name}"')
        return "\n".join(lines)

    return expanded(f"{module}.cu", (SOURCES / f"{module}.cu").read_text()) + "\n"
