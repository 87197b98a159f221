"""CudaDevice: an NVIDIA card, through cupy, which is imported when somebody asks for a card."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial, wraps
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar

import numpy as np

from smartvm.dispatch.cupy_backend.device import (
    Device,
    DeviceError,
    Launch,
    Memory,
    OutOfDeviceMemory,
)
from smartvm.dispatch.cupy_backend.source import whole

__all__ = ["OPTIONS", "Card", "CudaDevice", "available", "card", "why_not"]

ENVIRONMENT = "SMARTVM_CUDA_DEVICE"
"""Names the number of the card; CUDA's current one otherwise."""
LEAST_CAPABILITY = (8, 0)
"""The first cards that multiply matrices of 8-bit integers in blocks of 16 by 8 by 32."""
OPTIONS = ("--std=c++17", "--fmad=false")
"""Of the compiler. A product and a sum must round as the kernels' authors have it."""
STAGING_BYTES = 4 << 20
PLAIN_SHARED_BYTES = 48 << 10
"""Shared memory that a block may have without asking."""
OUT_OF_MEMORY = 2
"""cudaErrorMemoryAllocation, and CUDA_ERROR_OUT_OF_MEMORY as well."""

_F = TypeVar("_F", bound=Callable[..., Any])


class Card(NamedTuple):
    """A card that kernels can run on.

    Attributes:
        number: CUDA's.
        name: what it calls itself.
        capability: its compute capability.
        memory: bytes.
        processors: multiprocessors.
    """

    number: int
    name: str
    capability: tuple[int, int]
    memory: int
    processors: int


def available() -> bool:
    """Whether there is a card to run on; never raises."""
    return not why_not()


@cache
def why_not() -> str:
    """Why there is no card to run on, "" where there is one; never raises."""
    try:
        card()
    except DeviceError as error:
        return str(error)
    return ""


def card() -> Card:
    """The card that kernels run on.

    Raises:
        DeviceError: there is none; it says why.
    """
    if find_spec("cupy") is None:
        raise DeviceError("cupy is not installed: pip install 'smartvm[gpu]'")
    if not _has_driver():  # cupy takes half a second to import
        raise DeviceError("there is no NVIDIA driver on this machine")
    try:
        return _card()
    except (ImportError, RuntimeError) as error:
        raise DeviceError(f"there is no card that cupy can use: {error}") from error


def _has_driver() -> bool:
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    return True


def _card() -> Card:
    from cupy.cuda import runtime

    number = _number(runtime)
    found = runtime.getDeviceProperties(number)
    name, capability = found["name"].decode(), (found["major"], found["minor"])
    if capability < LEAST_CAPABILITY:
        needed, there = (".".join(map(str, pair)) for pair in (LEAST_CAPABILITY, capability))
        raise DeviceError(f"{name} has compute capability {there}, at least {needed} is needed")
    return Card(number, name, capability, found["totalGlobalMem"], found["multiProcessorCount"])


def _number(runtime: Any) -> int:
    named, count = os.environ.get(ENVIRONMENT, ""), runtime.getDeviceCount()
    if not named:
        return int(runtime.getDevice())
    if not named.isdecimal() or int(named) >= count:
        raise DeviceError(f"{ENVIRONMENT} is {named!r}, expected a card's number below {count}")
    return int(named)


class CudaMemory:
    """Memory of a card, given back to its pool when nobody refers to it any more.

    Attributes:
        address: of the first byte.
        nbytes: the size.
    """

    __slots__ = ("__weakref__", "_pointer", "address", "nbytes")

    def __init__(self, pointer: Any, nbytes: int) -> None:
        self._pointer = pointer
        self.address = int(pointer.ptr)
        self.nbytes = nbytes


def _reported(method: _F) -> _F:
    """A method with the card current in its thread, and CUDA's errors as ours."""

    @wraps(method)
    def call(self: CudaDevice, *arguments: Any) -> Any:
        try:
            self._current.use()
            return method(self, *arguments)
        except MemoryError as error:
            raise OutOfDeviceMemory(str(error)) from error
        except (RuntimeError, OSError) as error:
            lacks_memory = getattr(error, "status", None) == OUT_OF_MEMORY
            raise (OutOfDeviceMemory if lacks_memory else DeviceError)(str(error)) from error

    return call  # type: ignore[return-value]


class CudaDevice(Device):
    """A card. All that it does is on one stream, hence in order.

    Attributes:
        card: which one.
        stream: the stream, of `cupy.cuda`.
        pool: where its memory comes from, a pool of `cupy.cuda` that nobody else uses. Memory that
            is given back may be taken again at once, for what used it comes first on the stream.
    """

    def __init__(self) -> None:
        """Take the card that `card` names.

        Raises:
            DeviceError: there is none, or it fails.
        """
        self.card = card()
        self.name, self.processors = self.card.name, self.card.processors
        import cupy

        self._cupy = cupy
        self._current = cupy.cuda.Device(self.card.number)
        self._functions: dict[str, tuple[Any, int]] = {}
        self._modules: dict[str, Any] = {}
        self._staged = 0
        self._prepare()

    @_reported
    def _prepare(self) -> None:
        cuda = self._cupy.cuda
        self.stream = cuda.Stream(non_blocking=True)
        self.pool = cuda.MemoryPool()
        self._pinned = cuda.alloc_pinned_memory(STAGING_BYTES)
        self._staging = np.frombuffer(self._pinned, np.uint8, STAGING_BYTES)

    @_reported
    def allocate(self, nbytes: int) -> Memory:
        """See `Device.allocate`; the pool aligns to 512 bytes."""
        return CudaMemory(self.pool.malloc(nbytes), nbytes)

    @_reported
    def write(self, memory: Memory, items: np.ndarray) -> None:
        """See `Device.write`. The array may be changed afterwards."""
        source = np.ascontiguousarray(items).reshape(-1).view(np.uint8)
        window = None
        if source.nbytes <= STAGING_BYTES:
            window = self._stage(source.nbytes)
            window[:] = source
            source = window
        self._copy(memory.address, source.ctypes.data, source.nbytes, "HostToDevice")
        if source is not window:  # a card that reads unpinned memory itself may still read it
            self._wait()

    @_reported
    def read(self, memory: Memory, items: np.ndarray) -> None:
        """See `Device.read`."""
        target = items.reshape(-1).view(np.uint8)
        # What was staged before has left when this copy begins.
        window = self._staging[: target.nbytes] if target.nbytes <= STAGING_BYTES else target
        self._copy(window.ctypes.data, memory.address, target.nbytes, "DeviceToHost")
        self._wait()
        if window is not target:
            target[:] = window

    @_reported
    def launch(self, launch: Launch) -> None:
        """See `Device.launch`."""
        self._start(launch)

    @_reported
    def graph(self, launches: Sequence[Launch]) -> Callable[[], None]:
        """See `Device.graph`."""
        for launch in launches:  # a module cannot be loaded while the stream is captured
            self._function(launch.kernel, launch.shared)
        self.stream.begin_capture()
        try:
            for launch in launches:
                self._start(launch)
        except BaseException:
            with suppress(Exception):  # the first error says more
                self.stream.end_capture()
            raise
        graph = self.stream.end_capture()
        graph.upload(self.stream)
        return partial(self._replay, graph)

    @_reported
    def _replay(self, graph: Any) -> None:
        graph.launch(self.stream)

    def _start(self, launch: Launch) -> None:
        function = self._function(launch.kernel, launch.shared)
        parameters = ctypes.c_void_p(launch.arguments.ctypes.data)
        self._cupy.cuda.driver.launchKernel(
            *(function, *launch.grid, launch.threads, 1, 1, launch.shared, self.stream.ptr),
            *(ctypes.addressof(parameters), 0),  # CUDA has copied the struct when it returns
        )

    def _function(self, kernel: str, shared: int) -> int:
        """The handle of a kernel that may take so many bytes of shared memory a block."""
        found = self._functions.get(kernel)
        if found is None or found[1] < shared:
            module, name = kernel.split(".")
            function = self._module(module).get_function(name)
            if shared > PLAIN_SHARED_BYTES:
                function.max_dynamic_shared_size_bytes = shared
            # The kernel keeps its module loaded, whatever becomes of cupy's caches.
            found = function.kernel, max(shared, PLAIN_SHARED_BYTES)
            self._functions[kernel] = found
        return int(found[0].ptr)

    def _module(self, name: str) -> Any:
        """A module, compiled for this card unless cupy's cache on disk has it."""
        if name not in self._modules:
            module = self._cupy.RawModule(code=whole(name), options=OPTIONS, backend="nvrtc")
            try:
                module.compile()
            except self._cupy.cuda.compiler.CompileException as error:
                raise DeviceError(f"{name}.cu does not compile:\n{error}") from error
            self._modules[name] = module
        return self._modules[name]

    def _stage(self, nbytes: int) -> np.ndarray:
        """A part of the pinned memory that no copy on its way still reads."""
        if self._staged + nbytes > STAGING_BYTES:
            self._wait()
        start, self._staged = self._staged, self._staged + nbytes
        return self._staging[start : start + nbytes]

    def _wait(self) -> None:
        self.stream.synchronize()
        self._staged = 0

    def _copy(self, target: int, source: int, nbytes: int, way: str) -> None:
        runtime = self._cupy.cuda.runtime
        kind = getattr(runtime, f"memcpy{way}")
        runtime.memcpyAsync(target, source, nbytes, kind, self.stream.ptr)
