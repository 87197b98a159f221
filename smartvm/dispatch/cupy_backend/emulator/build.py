"""Compiling the kernels for the CPU, each module once for each version of its source."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path

from smartvm.dispatch.cupy_backend.device import DeviceError
from smartvm.dispatch.cupy_backend.source import SOURCES, headers

__all__ = ["compiler", "library"]

PLATFORM = Path(__file__).parent / "platform.h"
# Without contraction a product and a sum round as the kernels' authors have it.
FLAGS = (
    *("-std=c++20", "-O1", "-w", "-shared", "-fPIC", "-fno-gnu-unique"),
    *("-fwrapv", "-ffp-contract=off", "-U_FORTIFY_SOURCE"),
)


def compiler() -> str | None:
    """The C++ compiler, or None."""
    named = os.environ.get("CXX")
    found = map(shutil.which, [named] if named else ["g++", "c++"])
    return next((path for path in found if path), None)


@cache
def library(module: str) -> ctypes.CDLL:
    """The kernels of a module as functions of a shared library.

    Raises:
        DeviceError: there is no compiler, or it refuses the source.
    """
    source = SOURCES / f"{module}.cu"
    path = _folder() / f"{module}-{_version(source)}.so"
    if not path.exists():
        _compile(source, path)
    return ctypes.CDLL(str(path))


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"smartvm-emulator-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _version(source: Path) -> str:
    text = [*FLAGS, PLATFORM.read_text(), *headers().values(), source.read_text()]
    return sha256("\0".join(text).encode()).hexdigest()[:16]


def _compile(source: Path, path: Path) -> None:
    name = compiler()
    if name is None:
        raise DeviceError("the emulator needs a C++ compiler: install g++, or name one in CXX")
    scratch = path.with_suffix(f".{os.getpid()}")
    command = [name, *FLAGS, "-include", str(PLATFORM), "-x", "c++", str(source)]
    found = subprocess.run([*command, "-o", str(scratch)], capture_output=True, text=True)
    if found.returncode:
        raise DeviceError(f"{name} refuses {source.name}:\n{found.stderr}")
    scratch.replace(path)  # whole, or not at all: other processes may compile the same
