"""Placement: whether a kernel runs on the device or on the CPU. No result ever shows it.

Either side takes a start and a time for each unit of work; a map that lies elsewhere has to be
copied. A kernel whose maps all lie on the host goes to the device if that pays even should every
second result be wanted back at once. One that finds a map on the device stays there, unless the CPU
is much faster with the copies counted. So a network settles on one side.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from enum import Enum, auto
from math import prod
from typing import Any, NamedTuple

from smartvm.dispatch.cupy_backend.costs import Costs, Side
from smartvm.dispatch.cupy_backend.tensors import Intermediate, OnDevice
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Deferred, Tensor
from smartvm.exceptions import BackendError
from smartvm.shapes import ConvShape, MatmulShape, PoolShape

__all__ = ["CHOICES", "Placement"]

ENVIRONMENT = "SMARTVM_DEVICE"
CHOICES = ("auto", "cpu", "gpu")
PRODUCTS = frozenset({"convolve", "matmul"})
BY_ITEM = frozenset({"add", "multiply", "divide", "relu", "multiply_by", "divide_by", "clip"})
FUNCTIONS = frozenset({"softmax", "sigmoid", "tanh", "function"})
WIDTH = {2: 1, 4: 2, 8: 16, 32: 400}
"""How many times the work of int16 items that of wider ones is."""
FULL_TERMS = 64
"""Products of fewer terms cannot keep their unit busy: depthwise convolutions, first layers."""
USES_OF_WEIGHTS = 64
"""Calls that share the cost of a resident tensor's upload."""
OF_HOST = frozenset({Tensor, Deferred})
LEAVING = 0.5
"""A map leaves the device where the CPU takes less than this part of the device's time."""
RETURNING = 0.5
"""The part of results that the host wants back at once, where maps come from the host."""
MOST_KNOWN = 4096
"""Decisions that are remembered."""


class Place(Enum):
    """Where the items of a tensor are; resident ones come to the device once."""

    HOST = auto()
    DEVICE = auto()
    BOTH = auto()
    RESIDENT = auto()


class Work(NamedTuple):
    """What a kernel does.

    Attributes:
        kind: the field of `Side` that it belongs to.
        units: products or items, weighted by their width.
        result: items of the result.
    """

    kind: str
    units: float
    result: int


class Placement:
    """Decides where kernels run.

    Attributes:
        choice: `auto` by costs, `cpu` or `gpu` always.
    """

    def __init__(
        self, costs: Costs | Callable[[], Costs] | None = None, choice: str | None = None
    ) -> None:
        """Decide by costs, or by what works them out when they are first needed.

        Args:
            costs: may be missing unless the choice is `auto`.
            choice: the environment's SMARTVM_DEVICE by default, `auto` where it names nothing.

        Raises:
            BackendError: there is no such choice.
        """
        self.choice = choice or os.environ.get(ENVIRONMENT) or CHOICES[0]
        if self.choice not in CHOICES:
            known = ", ".join(CHOICES)
            raise BackendError(f"{ENVIRONMENT} is {self.choice!r}, expected one of {known}")
        if costs is None and self.choice == "auto":
            raise BackendError("a placement by costs needs costs")
        self._source = costs
        self._costs: Costs | None = None
        self._floor = 0.0
        self._known: dict[Any, bool] = {}

    def on_device(self, kernel: str, arguments: tuple[Any, ...]) -> bool:
        """Whether a call is better run on the device.

        Args:
            kernel: a name of `KERNELS`, or `chain`.
            arguments: those of the backend's method.
        """
        if self.choice != "auto":
            return self.choice == "gpu"
        key = kernel, *map(_signature, arguments)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            found = self._known[key] = self._decide(kernel, arguments)
        return found

    def is_small(self, kernel: str, arguments: tuple[Any, ...]) -> bool:
        """Whether a call stays on the CPU for sure: on maps of the host, and quicker than a copy.

        This takes less time than to decide; False says nothing.
        """
        if self._costs is None:
            return self.choice == "cpu"
        x, *others = arguments
        if isinstance(x, Tensor) and type(x) not in OF_HOST:
            return False
        shape = None
        if kernel == "chain":
            first = others[0][0].arguments
            others, shape = [a for step in others[0] for a in step.arguments], first[-1]
        elif kernel in PRODUCTS:
            shape = others[-1]
        elif kernel not in BY_ITEM:
            return False
        width = 0
        for tensor in (x, *others):
            if isinstance(tensor, Tensor):
                if type(tensor) not in OF_HOST:
                    return False
                width = max(width, tensor.item_bytes)
        units = len(x) if shape is None else shape.macs * max(1, FULL_TERMS / _terms(shape))
        side, floor = self._costs.cpu, self._floor
        line = side.item if shape is None else side.product
        result = 0 if shape is None else shape.out_items
        return line.start + WIDTH[width] * (line.each * units + side.item.each * result) < floor

    def _decide(self, kernel: str, arguments: tuple[Any, ...]) -> bool:
        if self._costs is None:
            assert self._source is not None
            found = self._source() if callable(self._source) else self._source
            self._costs = found
            self._floor = found.device.item.start + (1 + RETURNING) * found.link.latency
        cpu_side, device_side, link = self._costs
        maps = list(_maps(arguments))
        work = _works(kernel, arguments)
        copies = dict.fromkeys(Place, 0.0)
        for x in maps:
            copies[_place(x)] += link.seconds(x.nbytes)
        weights = sum(x.nbytes for x in maps if x.memo is not None)
        cpu = _seconds(cpu_side, work) + copies[Place.DEVICE]
        device = _seconds(device_side, work) + copies[Place.HOST]
        device += weights * link.byte / USES_OF_WEIGHTS
        if copies[Place.DEVICE] or copies[Place.BOTH]:
            return device * LEAVING < cpu
        widest = max((x.item_bytes for x in maps), default=2)
        return device + RETURNING * link.seconds(work[-1].result * widest) < cpu


def _place(x: Tensor) -> Place:
    if x.memo is not None:
        return Place.RESIDENT
    if isinstance(x, Intermediate):
        return Place.DEVICE
    if isinstance(x, OnDevice) and x.operand is not None:
        return Place.DEVICE if x.on_host is None else Place.BOTH
    return Place.HOST


def _signature(argument: Any) -> Any:
    """What a decision depends on."""
    if isinstance(argument, Tensor):
        return len(argument), argument.item_bytes, _place(argument)
    if isinstance(argument, Step):
        return argument.kernel, *map(_signature, argument.arguments)
    if isinstance(argument, list | tuple):
        return tuple(map(_signature, argument))
    return argument


def _maps(arguments: Sequence[Any]) -> list[Tensor]:
    """All tensors among the arguments, those of a chain's steps too."""
    found: list[Tensor] = []
    for argument in arguments:
        if isinstance(argument, Tensor):
            found.append(argument)
        elif isinstance(argument, Step):
            found += _maps(argument.arguments)
        elif isinstance(argument, list | tuple):
            found += _maps(argument)
    return found


def _works(kernel: str, arguments: tuple[Any, ...]) -> list[Work]:
    """What each kernel of a call does."""
    width = WIDTH[max((x.item_bytes for x in _maps(arguments)), default=2)]
    if kernel != "chain":
        return [_work(kernel, arguments, len(_maps(arguments)[0]), width)]
    x, steps = arguments
    works: list[Work] = []
    for step in steps:
        length = works[-1].result if works else len(x)
        works.append(_work(step.kernel, (x, *step.arguments), length, width))
    return works


def _work(kernel: str, arguments: tuple[Any, ...], length: int, width: int) -> Work:
    """What one kernel does with a map of `length` items and the arguments' shape or sizes."""
    kind = "function" if kernel in FUNCTIONS else "item"
    shape = next((a for a in arguments if isinstance(a, ConvShape | MatmulShape | PoolShape)), None)
    match shape:
        case ConvShape() | MatmulShape():
            units = shape.macs * max(1, FULL_TERMS / _terms(shape))
            return Work("product", units * width, shape.out_items)
        case PoolShape():
            return Work(kind, shape.out_items * shape.window_items * width, shape.out_items)
    if kernel == "view":
        length = prod(arguments[2])
    elif kernel in ("gather", "concatenate"):
        first = arguments[0]
        length = sum(map(len, first)) if isinstance(first, list) else len(first) * arguments[2]
    return Work(kind, length * width, length)


def _terms(shape: ConvShape | MatmulShape) -> int:
    """Products that one item of the result sums."""
    return shape.terms if isinstance(shape, ConvShape) else shape.inner


def _seconds(side: Side, works: list[Work]) -> float:
    """Of all kernels of a call; what follows a product in a chain starts with it."""
    lines = [getattr(side, work.kind) for work in works]
    ran = sum(line.each * work.units for line, work in zip(lines, works, strict=True))
    fused = works[0].kind == "product"
    return float(ran + sum(line.start for line in (lines[:1] if fused else lines)))
