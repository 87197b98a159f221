"""Lowering: the integer graph of a float model, node by node, with the scale of every value.

A real number r becomes the integer nearest r·scale. Every tensor of the model with real numbers
gets a value at the scale of the whole network; indices and counts are themselves (scale 1).
Within a node values may have any other scale, most often that of a product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from math import prod

import numpy as np

from smartvm.compiler.float_model import FloatModel, Node, Shape
from smartvm.compiler.integer_graph import IntegerGraph, Interval, Operation, Value
from smartvm.compiler.lowering.quantise import Quantiser, rounded_outwards
from smartvm.compiler.lowering.registry import LOWERERS, Problem, UnsupportedNode, require
from smartvm.compiler.operations import Load, MultiplyConstant, Rescale
from smartvm.exceptions import ModelError

DEFAULT_SCALE = 1000
LARGEST_DIVISOR = (1 << 64) - 1


class Lowering:
    """Appends integer operations for one node after another.

    What a lowering function uses: `value`, `constant`, `shape`, `scale_of`, `shape_of`, `weight`,
    `load`, `add`, `scaled`, `rescale` and `output`.

    Attributes:
        model: the float model.
        scale: the integer that stands for 1.0 in every tensor of the model.
        weight_scale: the one for weights, by default the same.
        per_channel: whether convolutions and fully connected layers give each output channel
            a multiple of the weight scale, a power of two, that uses the width of the widest.
        node: the node that is being lowered.
        problems: why nodes could not be lowered.

    Args:
        input_scales: scales of inputs that differ from `scale`, such as 255 for pixels.
    """

    def __init__(
        self,
        model: FloatModel,
        *,
        scale: int = DEFAULT_SCALE,
        weight_scale: int | None = None,
        per_channel: bool = False,
        input_scales: Mapping[str, int] | None = None,
    ) -> None:
        self.model = model
        self.scale = scale
        self.weight_scale = weight_scale or scale
        self.per_channel = per_channel
        self.problems: list[Problem] = []
        self.node = Node("", "", (), ())
        self._quantiser = Quantiser()
        self._operations: list[Operation] = []
        self._values: dict[str, Value] = {}
        self._bound: dict[str, str] = {}
        self._first = 0
        for name in model.inputs:
            own = (input_scales or {}).get(name, self.tensor_scale(name))
            self._values[name] = Value(model.shapes[name], own)
            self._bound[name] = name

    def lower_nodes(self) -> None:
        """Lower every node; those that cannot be are added to `problems`."""
        for node in self.model.nodes:
            self.node, self._first = node, len(self._operations)
            try:
                self._lower(node)
            except UnsupportedNode as reason:
                self.problems.append(Problem(node.name, node.operator, str(reason)))
                self._bind_nothing(node)

    def _lower(self, node: Node) -> None:
        require(node.operator in LOWERERS, "this operator is not supported")
        for name in (*node.inputs, *node.outputs):
            known = not name or 0 not in self.model.shapes[name] or name in self.model.constants
            require(known, f"tensor {name!r} has no items")
        LOWERERS[node.operator](self, node)

    def _bind_nothing(self, node: Node) -> None:
        """Give the outputs values all the same, so that the nodes behind can be looked at."""
        for name in filter(None, node.outputs):
            self._values[name] = Value(self.model.shapes[name], self.tensor_scale(name))
            self._bound[name] = name

    # What a node reads

    def tensor_scale(self, tensor: str) -> int:
        """The scale of a tensor of the model."""
        return self.scale if self.model.is_float(tensor) else 1

    def shape(self, tensor: str) -> Shape:
        """The shape of a tensor of the model."""
        return self.model.shapes[tensor]

    def constant(self, tensor: str) -> np.ndarray | None:
        """The array of a tensor that is known now, else None."""
        return self.model.constants.get(tensor)

    def value(self, tensor: str) -> str:
        """The value of a tensor of the model; a constant is loaded as a map at its scale."""
        if tensor not in self._bound:
            array = self.model.constants[tensor]
            self._bound[tensor] = self.load(array, self.tensor_scale(tensor))
        return self._bound[tensor]

    def shape_of(self, value: str) -> Shape:
        """The shape of a value."""
        return self._values[value].shape

    def scale_of(self, value: str) -> int:
        """The scale of a value."""
        return self._values[value].scale

    # What a node appends

    def weight(self, array: np.ndarray, scale: int) -> str:
        """The constant of a float or integer array at a scale; equal requests give one constant.

        The same array object and scale always give the same constant, so that steps which share
        weights share their blocks.
        """
        name = self._quantiser.constant(array, scale, hint=self.node.name)
        self._values.setdefault(name, Value(array.shape, scale))
        return name

    def integers(self, array: np.ndarray, scale: int) -> str:
        """The constant of an array whose items are integers already, at `scale`."""
        name = self._quantiser.constant(array, 1, hint=self.node.name)
        self._values.setdefault(name, Value(array.shape, scale))
        return name

    def load(self, array: np.ndarray, scale: int) -> str:
        """A map that holds a constant array at a scale."""
        constant = self.weight(array, scale)
        return self.add(Load, constant, shape=array.shape, scale=scale, length=array.size)

    def add(
        self,
        operation: Callable[..., Operation],
        *inputs: str,
        shape: Iterable[int],
        scale: int,
        **fields: object,
    ) -> str:
        """Append an operation of these inputs and fields; the name of the value that it gives."""
        output = f"{self.node.outputs[0]}:{len(self._operations) - self._first + 1}"
        self._operations.append(operation(output, inputs, source=self.node.name, **fields))
        self._values[output] = Value(tuple(shape), scale)
        return output

    def scaled(self, value: str, factor: Fraction | int, scale: int) -> str:
        """The integers of a value times an exact factor, to nearest; the result is at `scale`.

        A factor whose terms do not fit the instructions is rounded to 60 bits.
        """
        fraction, shape = fitting(Fraction(factor)), self.shape_of(value)
        if fraction.numerator != 1:
            times = fraction.numerator
            label = scale * fraction.denominator
            value = self.add(MultiplyConstant, value, shape=shape, scale=label, factor=times)
        if fraction.denominator != 1:
            divisor = fraction.denominator
            value = self.add(Rescale, value, shape=shape, scale=scale, divisor=divisor)
        return value

    def rescale(self, value: str, scale: int) -> str:
        """The value at another scale, to nearest."""
        return self.scaled(value, Fraction(scale, self.scale_of(value)), scale)

    def output(self, node: Node, value: str, index: int = 0) -> None:
        """Bind an output of the node to a value, which is brought to the scale of the tensor."""
        tensor = node.output(index)
        if not tensor:
            return
        value = self.rescale(value, self.tensor_scale(tensor))
        if self._is_fresh(value):
            self._rename(value, tensor)
            value = tensor
        self._bound[tensor] = value

    def _is_fresh(self, value: str) -> bool:
        """Whether this node made the value and no tensor is bound to it."""
        made = any(op.output == value for op in self._operations[self._first :])
        return made and value not in self._bound.values()

    def _rename(self, old: str, new: str) -> None:
        """Give a value of this node the name of its tensor, and the tensor's shape."""
        for index in range(self._first, len(self._operations)):
            operation = self._operations[index]
            inputs = tuple(new if name == old else name for name in operation.inputs)
            output = new if operation.output == old else operation.output
            self._operations[index] = replace(operation, output=output, inputs=inputs)
        self._values[new] = Value(self.shape(new), self._values.pop(old).scale)

    # What comes of it

    def graph(self, ranges: Mapping[str, tuple[float, float]]) -> IntegerGraph:
        """The integer graph of all that was appended, without operations that nothing reads.

        Args:
            ranges: for each input of the model the least and the greatest number it may hold.

        Raises:
            ModelError: an input has no range.
            WeightRangeError: a weight passes 64 bits at its scale.
        """
        outputs = tuple(self.value(name) for name in self.model.outputs)
        operations = _needed(self._operations, outputs)
        used = {name for operation in operations for name in operation.inputs}
        made = {operation.output for operation in operations} | set(self.model.inputs)
        for tensor, value in zip(self.model.outputs, outputs, strict=True):
            assert prod(self.shape(tensor)) == self._values[value].items
        return IntegerGraph(
            name=self.model.name,
            inputs=self.model.inputs,
            outputs=outputs,
            values={name: self._values[name] for name in self._values if name in used | made},
            constants=self._quantiser.arrays(used),
            operations=operations,
            input_ranges={name: self._input_range(name, ranges) for name in self.model.inputs},
        )

    def _input_range(self, name: str, ranges: Mapping[str, tuple[float, float]]) -> Interval:
        if name not in ranges:
            raise ModelError(f"input {name!r}: no range is given for it")
        low, high = ranges[name]
        return rounded_outwards(low, high, self.scale_of(name))


def fitting(factor: Fraction) -> Fraction:
    """The factor, or the nearest whose divisor is below 2⁶⁴ and whose terms have 60 bits."""
    if factor.denominator <= LARGEST_DIVISOR:
        return factor
    bits = min(63, 60 - int(np.floor(np.log2(float(abs(factor))))))
    return Fraction(round(factor * (1 << bits)), 1 << bits)


def _needed(operations: list[Operation], outputs: tuple[str, ...]) -> list[Operation]:
    """The operations on whose values the outputs depend."""
    live, kept = set(outputs), []
    for operation in reversed(operations):
        if operation.output in live:
            live.update(operation.inputs)
            kept.append(operation)
    return kept[::-1]
