"""Where there is a compiler the kernels are there; an install that cannot build them is silent."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from smartvm.dispatch.native import NativeBackend


def compiler() -> str | None:
    """A C++ compiler that runs, or None."""
    named = os.environ.get("CXX")
    for name in [named] if named else ["c++", "g++", "clang++"]:
        path = shutil.which(name)
        if path and not subprocess.run([path, "--version"], capture_output=True).returncode:
            return path
    return None


@pytest.mark.skipif(compiler() is None, reason="no C++ compiler here (set CXX to name one)")
def test_the_kernels_are_built_where_there_is_a_compiler() -> None:
    assert NativeBackend.is_available(), "cmake -S native -B build && cmake --build build says why"
