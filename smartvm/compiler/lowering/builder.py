"""Lowering: the integer graph of a float model, node by node, with the scale of every value.

A real number r becomes the integer nearest r·scale. Every tensor of the model with real numbers
gets a value at the scale of the whole network; indices and counts are themselves (scale 1).
Within a node values may have any other scale, most often that of a product.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np

from smartvm.compiler.float_model import FloatModel, Node, Shape
from smartvm.compiler.integer_graph import IntegerGraph, Interval, Operation, Value
from smartvm.compiler.lowering.pruning import needed, renamed
from smartvm.compiler.lowering.quantise import Quantiser, fitting, rounded_outwards
from smartvm.compiler.lowering.registry import LOWERERS, Problem, UnsupportedNode, require
from smartvm.compiler.operations import Load, MultiplyConstant, Rescale, View
from smartvm.exceptions import ModelError, ShapeError
from smartvm.words import bytes_for

DEFAULT_SCALE = 1000


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
        self._quantiser = Quantiser(model.constants, model.shapes)
        self._operations: list[Operation] = []
        self._values: dict[str, Value] = {}
        self._bound: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
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
            except (UnsupportedNode, ShapeError) as reason:
                self.problems.append(Problem(node.name, node.operator, str(reason)))
                self._bind_nothing(node)

    def _lower(self, node: Node) -> None:
        if any(name and not self._is_known(name) for name in node.inputs):
            self._bind_nothing(node)  # a consequence of a problem that is listed
            return
        require(node.operator in LOWERERS, "this operator is not supported")
        for name in filter(None, (*node.inputs, *node.outputs)):
            require(name in self.model.shapes, f"{name!r} is no tensor of known shape")
            known = 0 not in self.model.shapes[name] or name in self.model.constants
            require(known, f"tensor {name!r} has no items")
        LOWERERS[node.operator](self, node)

    def _is_known(self, tensor: str) -> bool:
        """Whether a tensor is a constant, or was given a value by the nodes before."""
        return tensor in self._bound or tensor in self.model.constants

    def _bind_nothing(self, node: Node) -> None:
        """Give outputs of known shape values all the same, so that what follows is looked at."""
        for name in node.outputs:
            if name in self.model.shapes:
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

    def integers(self, array: np.ndarray) -> str:
        """The constant of an array whose items are integers already."""
        return self.weight(array, 1)

    def load(self, array: np.ndarray, scale: int) -> str:
        """A map that holds a constant array at a scale."""
        constant = self.weight(array, scale)
        return self.add(Load, constant, gives=Value(array.shape, scale), length=array.size)

    def add(
        self,
        operation: Callable[..., Operation],
        *inputs: str,
        gives: Value,
        **fields: object,
    ) -> str:
        """Append an operation of these inputs and fields; the name of the value that it gives.

        Args:
            operation: its class.
            inputs: names of values and constants.
            gives: shape and scale of the value that it gives.
            fields: the other attributes of the operation.
        """
        output = self._fresh_name()
        self._operations.append(operation(output, inputs, source=self.node.name, **fields))
        self._values[output] = gives
        return output

    def _fresh_name(self) -> str:
        """A name that nothing has, after the first output of the node."""
        output = next(filter(None, self.node.outputs), "constant")
        return self._free(f"{output}#{len(self._operations) - self._first + 1}")

    def _free(self, name: str) -> str:
        """The name, or one like it that nothing has."""
        while name in self._values or name in self.model.shapes:
            name += "'"
        return name

    def like(self, operation: Callable[..., Operation], *inputs: str, **fields: object) -> str:
        """Append an operation whose value has the shape and the scale of its first input."""
        return self.add(operation, *inputs, gives=self._values[inputs[0]], **fields)

    def alias(self, value: str, *, shape: Shape | None = None, scale: int | None = None) -> str:
        """The same items under another shape or scale; it appends nothing."""
        known = self._values[value]
        seen = Value(known.shape if shape is None else shape, scale or known.scale)
        if seen == known:
            return value
        name = self._free(f"{value}~{len(self._aliases) + 1}")
        self._aliases[name] = self._root(value)
        self._values[name] = seen
        return name

    def _root(self, value: str) -> str:
        """The value whose items an alias names."""
        return self._aliases.get(value, value)

    def scaled(self, value: str, factor: Fraction | int, scale: int) -> str:
        """The integers of a value times an exact factor, to nearest; the result is at `scale`.

        A factor whose terms do not fit the instructions is rounded to 60 bits.
        """
        fraction, shape = fitting(Fraction(factor)), self.shape_of(value)
        if (times := fraction.numerator) != 1:
            gives = Value(shape, scale * fraction.denominator)
            value = self.add(MultiplyConstant, value, gives=gives, factor=times)
        if (divisor := fraction.denominator) != 1:
            value = self.add(Rescale, value, gives=Value(shape, scale), divisor=divisor)
        return self.alias(value, scale=scale)

    def rescale(self, value: str, scale: int) -> str:
        """The value at another scale, to nearest."""
        return self.scaled(value, Fraction(scale, self.scale_of(value)), scale)

    def output(self, node: Node, value: str, index: int = 0) -> None:
        """Bind an output of the node to a value, which is brought to the scale of the tensor."""
        tensor = node.output(index)
        if not tensor:
            return
        value = self.rescale(value, self.tensor_scale(tensor))
        self._bound[tensor] = self._named(value, tensor)

    def _named(self, value: str, tensor: str) -> str:
        """The value under the name of its tensor, if this node made it and it has none yet."""
        root = self._root(value)
        made = any(op.output == root for op in self._operations[self._first :])
        if not made or any(self._root(name) == root for name in self._bound.values()):
            return self.alias(value, shape=self.shape(tensor))
        scale = self.scale_of(value)
        for index in range(self._first, len(self._operations)):
            self._operations[index] = renamed(self._operations[index], {root: tensor})
        for name in [name for name, of in self._aliases.items() if of == root]:
            self._aliases[name] = tensor
        self._aliases[root] = tensor
        self._aliases[root] = tensor  # the lowering function may still know it by that name
        self._values[tensor] = Value(self.shape(tensor), scale)
        return tensor

    # What comes of it

    def graph(self, ranges: Mapping[str, tuple[float, float]]) -> IntegerGraph:
        """The integer graph of all that was appended, without operations that nothing reads.

        Args:
            ranges: for each input of the model the least and the greatest number it may hold.

        Raises:
            ModelError: an input has no range, or an output no items.
            WeightRangeError: a weight passes 64 bits at its scale.
        """
        outputs = self._outputs()
        operations = [renamed(operation, self._aliases) for operation in self._operations]
        operations = needed(operations, outputs)
        names = {name for op in operations for name in (*op.inputs, op.output)}
        values = {name: self._values[name] for name in (*self.model.inputs, *sorted(names))}
        for tensor, value in zip(self.model.outputs, outputs, strict=True):
            values[value] = Value(self.shape(tensor), self._values[value].scale)
        return IntegerGraph(
            name=self.model.name,
            inputs=self.model.inputs,
            outputs=outputs,
            values=values,
            constants=self._quantiser.arrays(names),
            operations=operations,
            input_ranges={name: self._input_range(name, ranges) for name in self.model.inputs},
        )

    def _outputs(self) -> tuple[str, ...]:
        """A value for each output, with none named twice."""
        outputs: list[str] = []
        for tensor in self.model.outputs:
            if 0 in self.shape(tensor):
                raise ModelError(f"output {tensor!r} has no items")
            value = self._root(self.value(tensor))
            reshaped = value in self.model.inputs and self.shape(tensor) != self.shape(value)
            if value in outputs or reshaped:  # a shape of its own for each
                gives = self._values[value]
                value = self.add(View, value, gives=gives, dims=(gives.items,), strides=(1,))
            outputs.append(value)
        return tuple(outputs)

    def _input_range(self, name: str, ranges: Mapping[str, tuple[float, float]]) -> Interval:
        if name not in ranges:
            raise ModelError(f"input {name!r}: no range is given for it")
        low, high = ranges[name]
        if not np.isfinite((low, high)).all() or low > high:
            raise ModelError(f"input {name!r}: ({low}, {high}) is no range of finite numbers")
        interval = rounded_outwards(low, high, self.scale_of(name))
        if bytes_for(*interval) > 8:
            raise ModelError(
                f"input {name!r}: its range passes 64 bits at scale {self.scale_of(name)}; "
                "choose a smaller range or scale"
            )
        return interval
