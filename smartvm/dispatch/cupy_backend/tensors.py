"""Tensors whose items lie in device memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smartvm.dispatch.cupy_backend.device import Device, Memory
from smartvm.dispatch.tensor import WIDE_BYTES, Deferred, Tensor
from smartvm.words import MAX_LIMBS

__all__ = ["OnDevice", "Operand", "downloaded", "uploaded"]

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
    def nbytes(self) -> int:
        """Bytes of device memory, for the cache of resident tensors."""
        return self.memory.nbytes


class OnDevice(Deferred):
    """A tensor in device memory, brought to the host when somebody looks at its items.

    Attributes:
        operand: its items. They may be stored in more bytes than the narrowest form has.
    """

    __slots__ = ("operand",)

    def __init__(
        self,
        length: int,
        bounds: tuple[int, int],
        operand: Operand,
        bring: Callable[[], Tensor],
    ) -> None:
        """Items with exact bounds, and what brings them to the host."""
        super().__init__(length, bounds, bring)
        self.operand = operand


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
