"""NVIDIA's compiler takes every kernel, without a warning and with all variables in registers."""

from __future__ import annotations

import ctypes
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from smartvm.dispatch.cupy_backend.cuda_device import OPTIONS
from smartvm.dispatch.cupy_backend.source import modules, whole

CHIPS = ["sm_90", "sm_80", "sm_100", "sm_120"]
"""Those of an H100 or H200, A100, B200, and RTX 5090; all but the first only with --thorough."""


class Compiler:
    """NVRTC, a library that compiles for a card without one."""

    def __init__(self, path: Path) -> None:
        self.library = ctypes.CDLL(str(path))

    def call(self, function: str, *arguments: object) -> int:
        return int(getattr(self.library, f"nvrtc{function}")(*arguments))

    def compile(self, source: str, name: str, chip: str) -> tuple[bool, str]:
        """Whether it compiles, and the log: errors, warnings and each kernel's registers."""
        program = ctypes.c_void_p()
        text, file = source.encode(), name.encode()
        made = self.call("CreateProgram", ctypes.byref(program), text, file, 0, None, None)
        assert made == 0
        flags = [*OPTIONS, f"--gpu-architecture={chip}", "--ptxas-options=-v"]
        options = (ctypes.c_char_p * len(flags))(*(flag.encode() for flag in flags))
        compiled = self.call("CompileProgram", program, len(flags), options) == 0
        size = ctypes.c_size_t()
        self.call("GetProgramLogSize", program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        self.call("GetProgramLog", program, log)
        self.call("DestroyProgram", ctypes.byref(program))
        return compiled, log.value.decode()


@pytest.fixture(scope="module")
def nvrtc() -> Compiler:
    return Compiler(installed())


def installed() -> Path:
    """The library of the package nvidia-cuda-nvrtc."""
    try:
        found = find_spec("nvidia.cu13")
    except ModuleNotFoundError:
        found = None
    folders = found.submodule_search_locations or [] if found else []
    paths = (path for folder in folders for path in Path(folder, "lib").glob("libnvrtc.so.*"))
    return next(paths, None) or pytest.skip("nvidia-cuda-nvrtc (13) is not installed")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("module", modules())
    metafunc.parametrize("chip", CHIPS if metafunc.config.getoption("--thorough") else CHIPS[:1])


def test_kernels_compile(nvrtc: Compiler, module: str, chip: str) -> None:
    compiled, log = nvrtc.compile(whole(module), f"{module}.cu", chip)
    assert compiled, log
    assert "warning" not in log, log
    spilled = re.findall(r"(\d+) bytes spill stores", log)
    assert spilled, log
    assert set(spilled) == {"0"}, log
