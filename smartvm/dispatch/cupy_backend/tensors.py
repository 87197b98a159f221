"""Tensors whose items lie in device memory, or can be worked out there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from smartvm.dispatch.cupy_backend.device import Device, Memory
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import WIDE_BYTES, Deferred, Tensor
from smartvm.words import MAX_LIMBS

__all__ = ["Home", "Intermediate", "OnDevice", "Operand", "downloaded", "placed", "uploaded"]

_MEMO = "cupy"


class Operand(NamedTuple):
    """Items in device memory.

    Attributes:
        memory: where.
        item_bytes: how they are stored: 2, 4 or 8 bytes each, or 32, little-endian.
    """

    memory: Memory
    item_bytes: int

    @property
    def address(self) -> int:
        """The address of the first item."""
        return self.memory.address

    @property
    def located(self) -> tuple[int, int]:
        """Address and bytes an item, as the kernels' structs have them."""
        return self.memory.address, self.item_bytes

    @property
    def nbytes(self) -> int:
        """Bytes of device memory, for the cache of resident tensors."""
        return self.memory.nbytes


class Home:
    """What brings tensors of a device to the host, and works out what was left out."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def bring(self, tensor: OnDevice) -> Tensor:
        """The items of a tensor as one of the host."""
        assert tensor.operand is not None
        return downloaded(self.device, tensor.operand, len(tensor))

    def run(self, x: Tensor, steps: Sequence[Step]) -> Tensor:
        """The result of some kernels, each on the one before it, the first on x."""
        raise NotImplementedError("this device has no backend")


class OnDevice(Deferred):
    """A tensor in device memory, brought to the host when somebody looks at its items.

    Attributes:
        home: what brings it.
        operand: its items; None once they are on the host and the device needs the memory. They
            may be stored in more bytes than the narrowest form has.
        lineage: how it came about, for a device that fails; or None.
        origin: which entry of which run of a tape it is the result of, or None.
        seen: a range that holds its items, and those of the same result in earlier runs.
    """

    __slots__ = ("__weakref__", "home", "lineage", "operand", "origin", "seen")

    def __init__(self, length: int, bounds: tuple[int, int], operand: Operand, home: Home) -> None:
        """Items with exact bounds."""
        super().__init__(length, bounds, None)  # a function of this tensor would keep it alive
        self.home = home
        self.operand: Operand | None = operand
        self.lineage: Any = None
        self.origin: tuple[object, int] | None = None
        self.seen = bounds

    @property
    def data(self) -> np.ndarray:  # type: ignore[override]
        """The items in the narrowest form, on the host.

        Raises:
            ValueError: they are not what the device has measured.
        """
        if self._found is None:
            tensor = self.home.bring(self)
            if len(tensor) != len(self) or tensor.bounds != self.bounds:
                found = f"{len(tensor)} items in {tensor.bounds}"
                raise ValueError(f"{len(self)} items in {self.bounds} expected, {found} found")
            self._found = tensor.data
            self.lineage = None
        return self._found

    @property
    def on_host(self) -> np.ndarray | None:
        """The items, if they have been brought."""
        return self._found

    def leave(self) -> None:
        """Bring the items to the host, and let go of the device's memory."""
        if self.operand is not None:
            assert self.data is not None
            self.operand = None


class Intermediate(Deferred):
    """A result on the way through a chain, worked out if somebody wants it."""

    __slots__ = ("_home", "_source")

    def __init__(
        self,
        length: int,
        bounds: tuple[int, int],
        home: Home,
        x: Tensor,
        steps: Sequence[Step],
        count: int,
    ) -> None:
        """What the first steps, so many, make of x, its length and exact bounds being known."""
        super().__init__(length, bounds, None)
        self._home = home
        self._source: tuple[Tensor, Sequence[Step], int] = x, steps, count

    def result(self) -> Tensor:
        """The tensor itself."""
        x, steps, count = self._source  # at once, for two threads may come here
        if count:
            x = self._home.run(x, steps[:count])
            self._source = x, (), 0
        return x

    @property
    def data(self) -> np.ndarray:  # type: ignore[override]
        """The items in the narrowest form, on the host."""
        return self.result().data


def placed(tensor: Tensor) -> Operand | None:
    """The items of a tensor that lies on the device, else None."""
    if isinstance(tensor, Intermediate):
        tensor = tensor.result()
    return tensor.operand if isinstance(tensor, OnDevice) else None


def downloaded(device: Device, operand: Operand, length: int) -> Tensor:
    """The items as a tensor of the host."""
    if operand.item_bytes == WIDE_BYTES:
        wide = np.empty((length, MAX_LIMBS), "<u2")
        device.read(operand.memory, wide)
        return Tensor.from_wide(wide)
    items = np.empty(length, f"<i{operand.item_bytes}")
    device.read(operand.memory, items)
    return Tensor.from_array(items)


def uploaded(device: Device, tensor: Tensor) -> Operand:
    """The items of a tensor of the host; those of a resident one are kept in its memo."""
    memo = tensor.memo
    found = memo.get(_MEMO) if memo else None
    if found is None:
        found = Operand(device.upload(tensor.data), tensor.item_bytes)
        if memo is not None:
            found = memo.setdefault(_MEMO, found)
    assert isinstance(found, Operand)
    return found
