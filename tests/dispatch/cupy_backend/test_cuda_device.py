"""The device of a real card, on a stand-in for cupy that lets the emulator run the kernels."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from operator import attrgetter
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from smartvm.dispatch.cupy_backend import cuda_device
from smartvm.dispatch.cupy_backend.cuda_device import STAGING_BYTES, CudaDevice, why_not
from smartvm.dispatch.cupy_backend.device import DeviceError, Launch, OutOfDeviceMemory
from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice
from smartvm.dispatch.cupy_backend.emulator.build import library
from smartvm.dispatch.cupy_backend.source import whole

EMPTY_SLOT = [(1 << 63) - 1, -(1 << 63)]
STRUCT_BYTES = 16
"""Of reset_slots, the one kernel that these tests start."""
VERSION = {"major": 9, "minor": 0}
PROPERTIES = {"name": b"Paper 2080", "totalGlobalMem": 1 << 30, "multiProcessorCount": 7} | VERSION


class CudaError(RuntimeError):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Runtime:
    """cupy.cuda.runtime: copies happen when the stream is waited for, as late as CUDA may."""

    memcpyHostToDevice, memcpyDeviceToHost = 1, 2  # noqa: N815

    def __init__(self, cuda: Cuda) -> None:
        self.cuda = cuda
        self.count, self.properties = 2, dict(PROPERTIES)

    def getDeviceCount(self) -> int:  # noqa: N802
        return self.count

    def getDevice(self) -> int:  # noqa: N802
        return 1

    def getDeviceProperties(self, number: int) -> dict[str, Any]:  # noqa: N802
        if not self.count:
            raise CudaError(100, "cudaErrorNoDevice")
        return self.properties

    def memcpyAsync(  # noqa: N802
        self, target: int, source: int, nbytes: int, kind: int, stream: int
    ) -> None:
        assert stream == Stream.ptr
        self.cuda.put(lambda: ctypes.memmove(target, source, nbytes))


class Stream:
    """cupy.cuda.Stream: what was put on it happens at the next synchronize."""

    ptr = 77

    def __init__(self, cuda: Cuda) -> None:
        self.cuda = cuda

    def synchronize(self) -> None:
        assert self.cuda.captured is None, "a captured stream cannot be waited for"
        work, self.cuda.work = self.cuda.work, []
        for step in work:
            step()

    def begin_capture(self) -> None:
        self.cuda.captured = []

    def end_capture(self) -> Any:
        captured, self.cuda.captured = self.cuda.captured, None
        assert captured is not None
        return SimpleNamespace(
            upload=lambda stream: None, launch=lambda stream: self.cuda.work.extend(captured)
        )


class Cuda:
    """cupy.cuda, as far as `CudaDevice` uses it."""

    def __init__(self) -> None:
        self.work: list[Callable[[], Any]] = []
        self.captured: list[Callable[[], Any]] | None = None
        self.limit, self.broken = 1 << 26, ""
        self.used: list[int] = []
        self.compiled: list[str] = []
        self.runtime = Runtime(self)
        self.driver = SimpleNamespace(launchKernel=self.launch_kernel)
        self.compiler = SimpleNamespace(CompileException=type("CompileException", (Exception,), {}))
        self.functions: list[str] = []

    def put(self, step: Callable[[], Any]) -> None:
        (self.work if self.captured is None else self.captured).append(step)

    def Device(self, number: int) -> Any:  # noqa: N802
        return SimpleNamespace(use=lambda: self.used.append(number))

    def Stream(self, *, non_blocking: bool) -> Stream:  # noqa: N802
        assert non_blocking
        return Stream(self)

    def MemoryPool(self) -> Any:  # noqa: N802
        return SimpleNamespace(malloc=self.malloc)

    def malloc(self, nbytes: int) -> Any:
        assert self.captured is None, "no memory can be taken in a capture"
        if nbytes > self.limit:
            raise MemoryError("Out of memory allocating")
        memory = EmulatedDevice().allocate(nbytes)
        return SimpleNamespace(ptr=memory.address, memory=memory)

    def alloc_pinned_memory(self, nbytes: int) -> Any:
        return ctypes.create_string_buffer(nbytes)

    def RawModule(self, *, code: str, options: Any, backend: str) -> Any:  # noqa: N802
        def compiled() -> None:
            assert self.captured is None, "no module can be loaded in a capture"
            assert "--fmad=false" in options
            assert "#include" not in code
            if self.broken:
                raise self.compiler.CompileException(self.broken)
            self.compiled.append(code)

        return SimpleNamespace(compile=compiled, get_function=self.get_function)

    def get_function(self, name: str) -> Any:
        self.functions.append(name)
        return SimpleNamespace(kernel=SimpleNamespace(ptr=len(self.functions)))

    def launch_kernel(self, function: int, *rest: int) -> None:
        *size, _shared, stream, parameters, extra = rest
        assert (size[3:], stream, extra) == ([256, 1, 1], Stream.ptr, 0)
        struct = ctypes.cast(parameters, ctypes.POINTER(ctypes.c_void_p))[0]
        assert struct is not None
        arguments = ctypes.create_string_buffer(ctypes.string_at(struct, STRUCT_BYTES))
        kernel = getattr(library("slots"), self.functions[function - 1])
        self.put(lambda: kernel((ctypes.c_uint * 3)(*size[:3]), ctypes.c_uint(256), arguments))


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cuda]:
    """A stand-in for cupy, with a driver."""
    found = Cuda()
    package = ModuleType("cupy")
    package.__spec__ = ModuleSpec("cupy", None)
    package.__dict__.update(cuda=found, RawModule=found.RawModule)
    monkeypatch.setitem(sys.modules, "cupy", package)
    monkeypatch.setitem(sys.modules, "cupy.cuda", found)
    monkeypatch.setattr(cuda_device, "_has_driver", lambda: True)
    monkeypatch.delenv("SMARTVM_CUDA_DEVICE", raising=False)
    why_not.cache_clear()
    yield found
    why_not.cache_clear()


def reset(address: int, count: int) -> Launch:
    return Launch("slots.reset_slots", (1, 1, 1), 256, np.array([address, count], np.int64))


def slots(device: CudaDevice, memory: Any, count: int) -> list[list[int]]:
    found = np.zeros((count, 2), np.int64)
    device.read(memory, found)
    return found.tolist()


def test_a_kernel_gets_its_arguments(cuda: Cuda, emulators: Any) -> None:
    device = CudaDevice()
    memory = device.upload(np.zeros((3, 2), np.int64))
    device.launch(reset(memory.address, 2))
    assert slots(device, memory, 3) == [EMPTY_SLOT, EMPTY_SLOT, [0, 0]]
    device.launch(reset(memory.address, 3))
    assert slots(device, memory, 3) == [EMPTY_SLOT] * 3
    assert cuda.compiled == [whole("slots")]
    assert cuda.functions == ["reset_slots"]


def test_a_graph_runs_as_often_as_it_is_called(cuda: Cuda, emulators: Any) -> None:
    device = CudaDevice()
    first, second = (device.upload(np.zeros((1, 2), np.int64)) for _ in range(2))
    replay = device.graph([reset(first.address, 1), reset(second.address, 1)])
    assert slots(device, first, 1) == [[0, 0]]  # captured, not run
    for _ in range(2):
        device.write(first, np.zeros((1, 2), np.int64))
        replay()
        assert slots(device, first, 1) == slots(device, second, 1) == [EMPTY_SLOT]


def test_a_capture_that_fails_is_ended(cuda: Cuda) -> None:
    device = CudaDevice()
    cuda.driver.launchKernel = lambda *_: (_ for _ in ()).throw(CudaError(700, "illegal address"))
    with pytest.raises(DeviceError, match="illegal address"):
        device.graph([reset(0, 1)])
    assert cuda.captured is None


@pytest.mark.parametrize("nbytes", [0, 1, 1000, STAGING_BYTES, STAGING_BYTES + 8])
def test_what_is_written_is_read(cuda: Cuda, nbytes: int) -> None:
    device = CudaDevice()
    items = np.random.default_rng(nbytes).integers(0, 256, nbytes, np.uint8)
    memory = device.upload(items)
    found = np.zeros_like(items)
    device.read(memory, found)
    assert (memory.nbytes, found.tobytes()) == (max(nbytes, 1), items.tobytes())


@pytest.mark.parametrize("nbytes", [STAGING_BYTES // 3, STAGING_BYTES + 8])
def test_copies_on_their_way_keep_what_they_copy(cuda: Cuda, nbytes: int) -> None:
    device = CudaDevice()
    items = np.zeros(nbytes, np.uint8)
    memories = []
    for value in range(7):
        items[:] = value
        memories.append(device.upload(items))
    for value, memory in enumerate(memories):
        device.read(memory, items)
        assert set(items) == {value}


def test_more_shared_memory_is_asked_for_once(cuda: Cuda, emulators: Any) -> None:
    device = CudaDevice()
    asked: list[int] = []

    class Function:
        kernel = SimpleNamespace(ptr=1)
        max_dynamic_shared_size_bytes = property(lambda self: 0, lambda self, n: asked.append(n))

    cuda.functions.append("reset_slots")
    cuda.get_function = lambda name: Function()  # type: ignore[method-assign]
    memory = device.allocate(16)
    for shared in (0, 48 << 10, 100 << 10, 64 << 10, 100 << 10, 101 << 10):
        device.launch(reset(memory.address, 1)._replace(shared=shared))
    assert asked == [100 << 10, 101 << 10]


def test_errors_of_cuda_are_device_errors(cuda: Cuda) -> None:
    device = CudaDevice()
    cuda.limit = 10
    with pytest.raises(OutOfDeviceMemory, match="Out of memory"):
        device.allocate(11)
    for status, kind in ((2, OutOfDeviceMemory), (719, DeviceError)):
        device.pool.malloc = lambda n, s=status: (_ for _ in ()).throw(CudaError(s, "it fails"))
        with pytest.raises(DeviceError, match="it fails") as caught:
            device.allocate(1)
        assert type(caught.value) is kind
    cuda.broken = "slots.cu(3): error"
    with pytest.raises(DeviceError, match=r"slots\.cu does not compile:\nslots\.cu\(3\): error"):
        device.launch(reset(0, 1))


def test_the_card(cuda: Cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cuda_device.available()
    assert cuda_device.card() == (1, "Paper 2080", (9, 0), 1 << 30, 7)
    monkeypatch.setenv("SMARTVM_CUDA_DEVICE", "0")
    device = CudaDevice()
    assert (device.card.number, device.name, device.processors) == (0, "Paper 2080", 7)
    assert set(cuda.used) == {0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"driver": False}, "there is no NVIDIA driver on this machine"),
        ({"cards": 0}, "there is no card that cupy can use: cudaErrorNoDevice"),
        ({"major": 7, "minor": 5}, "Paper 2080 has compute capability 7.5, at least 8.0 is needed"),
        ({"named": "2"}, "SMARTVM_CUDA_DEVICE is '2', expected a card's number below 2"),
        ({"named": "gpu"}, "SMARTVM_CUDA_DEVICE is 'gpu', expected a card's number below 2"),
    ],
)
def test_why_there_is_no_card(
    cuda: Cuda, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], message: str
) -> None:
    monkeypatch.setattr(cuda_device, "_has_driver", lambda: change.get("driver", True))
    monkeypatch.setenv("SMARTVM_CUDA_DEVICE", change.get("named", ""))
    cuda.runtime.count = change.get("cards", 2)
    cuda.runtime.properties.update(change)
    assert why_not() == message
    assert not cuda_device.available()
    with pytest.raises(DeviceError):
        CudaDevice()


def test_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_device, "find_spec", lambda name: None)
    why_not.cache_clear()
    assert why_not() == "cupy is not installed: pip install 'smartvm[gpu]'"
    why_not.cache_clear()


def test_the_stand_in_is_like_cupy() -> None:
    cuda: Any = pytest.importorskip("cupy", reason="the extra gpu").cuda
    methods = ("Device", "Stream", "MemoryPool", "alloc_pinned_memory", "runtime.memcpyAsync")
    for name in (*methods, "runtime.getDevice", "runtime.getDeviceProperties"):
        assert attrgetter(name)(cuda)
    for name in ("memcpyHostToDevice", "memcpyDeviceToHost"):
        assert getattr(cuda.runtime, name) == getattr(Runtime, name)
    assert cuda.driver.launchKernel.__doc__.count(",") == 10
    assert issubclass(cuda.memory.OutOfMemoryError, MemoryError)
    assert issubclass(cuda.runtime.CUDARuntimeError, RuntimeError)
    assert issubclass(cuda.driver.CUDADriverError, RuntimeError)
    assert issubclass(cuda.compiler.CompileException, Exception)
