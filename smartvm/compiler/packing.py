"""How a network's input is packed into calldata: big-endian items of the narrowest width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smartvm.compiler.integer_graph import IntegerGraph, Interval, as_tensor, nearest_integers
from smartvm.dispatch.packing import pack_items
from smartvm.exceptions import ModelError, SmartVMError
from smartvm.words import bytes_for


@dataclass(frozen=True)
class InputFormat:
    """The packed form of one input.

    Attributes:
        name: of the input.
        shape: of one example.
        scale: the integer that stands for 1.0.
        interval: what items may be; the certificate holds for these.
        items: how many they are.
    """

    name: str
    shape: tuple[int, ...]
    scale: int
    interval: Interval
    items: int

    @classmethod
    def of(cls, graph: IntegerGraph) -> InputFormat:
        """The format of a graph's only input.

        Raises:
            ModelError: the graph has no input, or several.
        """
        name = only_input(graph.name, graph.inputs)
        value = graph.values[name]
        return cls(name, value.shape, value.scale, graph.input_ranges[name], value.items)

    @property
    def unsigned(self) -> bool:
        """Whether items are unsigned: where that saves a byte, as for 8-bit pixels."""
        low, high = self.interval
        return low >= 0 and bytes_for(-1, high >> 1) < bytes_for(low, high)

    @property
    def item_bytes(self) -> int:
        """Bytes of an item."""
        low, high = self.interval
        return bytes_for(-1, high >> 1) if self.unsigned else bytes_for(low, high)

    @property
    def nbytes(self) -> int:
        """Bytes of one input."""
        return self.items * self.item_bytes

    def quantise(self, values: np.ndarray) -> np.ndarray:
        """Integers at the scale, to nearest; integers are taken as they are.

        Raises:
            SmartVMError: a number that is not finite.
        """
        if values.dtype.kind in "iuO":
            return values
        if not np.isfinite(values).all():
            raise SmartVMError(f"{self.name}: expected finite numbers, found NaN or infinity")
        return nearest_integers(values, self.scale)

    def pack(self, values: np.ndarray) -> bytes:
        """The calldata of one example: floats are quantised, integers packed as they are.

        Raises:
            SmartVMError: another number of items, or one outside the interval.
        """
        values = np.asarray(values)
        if values.size != self.items:
            raise SmartVMError(f"{self.name}: expected {self.items} items, found {values.size}")
        integers = self.quantise(values).reshape(-1)
        low, high = int(integers.min()), int(integers.max())
        if low < self.interval.low or high > self.interval.high:
            raise SmartVMError(
                f"{self.name}: expected items from {self.interval.low} to {self.interval.high} "
                f"(scale {self.scale}), found {low} to {high}"
            )
        if self.unsigned:
            top = 1 << 8 * self.item_bytes - 1
            integers = np.where(integers >= top, integers.astype(object) - 2 * top, integers)
        return pack_items(as_tensor(integers), self.item_bytes, "big")


def only_input(model: str, inputs: Sequence[str]) -> str:
    """The one input that a model contract takes.

    Raises:
        ModelError: there is none, or there are several.
    """
    if len(inputs) != 1:
        listed = f" ({', '.join(inputs)})" if inputs else ""
        raise ModelError(f"{model}: a model contract takes one input, found {len(inputs)}{listed}")
    return inputs[0]
