"""What one step of an RNN, a GRU and an LSTM does.

States stand at the network's scale, sums of products at their own until they are added up.
Formulas are those of ONNX's operators. Operations are appended in an order in which each mostly
finds what it consumes on top of the Buffer: unrolled, a copy is a copy a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar, NamedTuple

import numpy as np

from smartvm.compiler.float_model import Node
from smartvm.compiler.integer_graph import Value, nearest_integers
from smartvm.compiler.lowering.arithmetic import (
    minus,
    plus,
    plus_constant,
    times,
    times_constant,
    view,
)
from smartvm.compiler.lowering.builder import Lowering
from smartvm.compiler.lowering.registry import require
from smartvm.compiler.operations import (
    Clip,
    FullyConnected,
    Rectify,
    Sigmoid,
    Tanh,
)
from smartvm.shapes import MatmulShape

ACTIVATIONS = ("Sigmoid", "Tanh", "Relu")


class Layer(NamedTuple):
    """Sizes of a recurrent layer; `batch_first` is ONNX's layout 1."""

    steps: int
    batch: int
    features: int
    units: int
    batch_first: bool


class Weights(NamedTuple):
    """Parameters of one direction: W (rows, features), R (rows, units), their biases (rows)."""

    inputs: np.ndarray
    state: np.ndarray
    input_bias: np.ndarray
    state_bias: np.ndarray


class Cell:
    """What one direction of a layer does in a step; a subclass an operator.

    Attributes:
        gates: how many blocks of `units` rows the weights have.
        default_activations: where the node names none.
    """

    gates: ClassVar[int]
    default_activations: ClassVar[tuple[str, ...]]

    def __init__(self, lowering: Lowering, node: Node, layer: Layer, direction: int) -> None:
        self.lowering, self.node, self.layer = lowering, node, layer
        self.weights = self._weights(direction)
        self.activations = self._activations(direction)
        self.peepholes = self._parameter(7, direction)

    def project(self, x: str) -> str:
        """W·x + biases of all steps: (steps, batch, rows) of (steps, batch, features)."""
        return self.product(x, self.weights.inputs, self.projected_bias())

    def projected_bias(self) -> np.ndarray:
        """What is added to the products of the inputs."""
        return np.asarray(self.weights.input_bias + self.weights.state_bias)

    def step(self, projected: str, index: int, state: str, memory: str) -> tuple[str, str]:
        """The next (state, memory), given the projection of all inputs and the step's index."""
        raise NotImplementedError

    def at_step(self, projected: str, index: int) -> str:
        """The (batch, rows) sums of one step's input."""
        *_, batch, rows = self.lowering.shape_of(projected)
        return view(self.lowering, projected, (batch, rows), (rows, 1), index * batch * rows)

    def product(self, x: str, weights: np.ndarray, bias: np.ndarray | None = None) -> str:
        """x·weightsᵀ + bias of (…, inner), (rows, inner) and (rows)."""
        lowering = self.lowering
        *outer, inner = lowering.shape_of(x)
        scale = lowering.scale_of(x) * lowering.weight_scale
        constants = [lowering.weight(weights, lowering.weight_scale)]
        if bias is not None and bias.any():
            constants.append(lowering.integers(nearest_integers(bias, scale)))
        return lowering.add(
            FullyConnected,
            x,
            *constants,
            gives=Value((*outer, len(weights)), scale),
            shape=MatmulShape(prod(outer), inner, len(weights), transpose_b=True),
        )

    def gate(self, sums: str, index: int) -> str:
        """The (batch, units) items of one gate of (batch, rows)."""
        units, rows = self.layer.units, self.lowering.shape_of(sums)[1]
        dims, strides = (self.layer.batch, units), (rows, 1)
        return view(self.lowering, sums, dims, strides, index * units)

    def settled(self, value: str) -> str:
        """The value at the network's scale."""
        return self.lowering.rescale(value, self.lowering.scale)

    def gated(self, sums: str, index: int) -> str:
        """An activation of sums, clipped where the node asks for it (as onnxruntime does it)."""
        lowering, value = self.lowering, self.settled(sums)
        if limit := round(self.node.attributes.get("clip", 0.0) * lowering.scale):
            value = lowering.like(Clip, value, low=-limit, high=limit)
        return self.activated(value, index)

    def activated(self, value: str, index: int) -> str:
        """One of the layer's activations of a value at the network's scale."""
        lowering, name = self.lowering, self.activations[index]
        if name == "Relu":
            return lowering.like(Rectify, value)
        operation = Sigmoid if name == "Sigmoid" else Tanh
        return lowering.like(operation, value, scale=lowering.scale)

    def _weights(self, direction: int) -> Weights:
        inputs, state = (self._parameter(index, direction) for index in (1, 2))
        assert inputs is not None and state is not None
        bias = self._parameter(3, direction)
        bias = np.zeros(2 * len(inputs), inputs.dtype) if bias is None else bias
        return Weights(inputs, state, *np.split(bias, 2))

    def _parameter(self, index: int, direction: int) -> np.ndarray | None:
        """The part of an input that belongs to a direction; None where the input is left out."""
        name = self.node.input(index)
        if not name:
            return None
        array = self.lowering.constant(name)
        require(array is not None, f"its weights {name!r} are computed")
        assert array is not None
        return np.asarray(array[direction])

    def _activations(self, direction: int) -> Sequence[str]:
        count = len(self.default_activations)
        named = self.node.attributes.get("activations") or self.default_activations * 2
        mine = named[direction * count : (direction + 1) * count]
        for name in mine:
            require(
                name in ACTIVATIONS, f"its activation {name} is none of {', '.join(ACTIVATIONS)}"
            )
        return tuple(mine)


class RNNCell(Cell):
    """H' = f(W·x + R·H + b)."""

    gates = 1
    default_activations = ("Tanh",)

    def step(self, projected: str, index: int, state: str, memory: str) -> tuple[str, str]:
        """One sum, one activation."""
        product = self.product(state, self.weights.state)
        return self.gated(plus(self.lowering, self.at_step(projected, index), product), 0), memory


class GRUCell(Cell):
    """z, r = f(W·x + R·H + b); n = g(W·x + R·(r·H) + b); H' = n + z·(H − n).

    Attributes:
        resets_after: whether r multiplies the product with R and its bias, not H before it.
        state_rows: the rows of R that multiply H as it is.
        reset_rows: those that multiply r·H.
    """

    gates = 3
    default_activations = ("Sigmoid", "Tanh")
    update_gate, reset_gate, new_gate = range(3)

    def __init__(self, lowering: Lowering, node: Node, layer: Layer, direction: int) -> None:
        super().__init__(lowering, node, layer, direction)
        self.resets_after = bool(node.attributes.get("linear_before_reset", 0))
        rows = (self.gates if self.resets_after else self.new_gate) * layer.units
        self.state_rows, self.reset_rows = np.split(self.weights.state, [rows])
        self.new_bias = self.weights.state_bias[self.new_gate * layer.units :]

    def projected_bias(self) -> np.ndarray:
        """Without the bias of R for the new state where that is multiplied by r."""
        bias = self.weights.state_bias.copy()
        if self.resets_after:
            bias[self.new_gate * self.layer.units :] = 0
        return np.asarray(self.weights.input_bias + bias)

    def step(self, projected: str, index: int, state: str, memory: str) -> tuple[str, str]:
        """Gates, then the new state between them."""
        lowering = self.lowering
        product = self.product(state, self.state_rows)
        sums = self.at_step(projected, index)
        reset = self._gate(sums, product, self.reset_gate)
        product_of_reset = self._reset_product(product, reset, state)
        new = self.gate(sums, self.new_gate)
        new = self.gated(plus(lowering, new, product_of_reset), 1)
        change = minus(lowering, state, new)
        kept = times(lowering, self._gate(sums, product, self.update_gate), change)
        return plus(lowering, self.settled(kept), new), memory

    def _gate(self, sums: str, product: str, index: int) -> str:
        """A gate of the sums of the input and those of the state."""
        product = self.gate(product, index)
        return self.gated(plus(self.lowering, self.gate(sums, index), product), 0)

    def _reset_product(self, product: str, reset: str, state: str) -> str:
        """r·(R·H + b), or R·(r·H)."""
        lowering = self.lowering
        if not self.resets_after:
            return self.product(self.settled(times(lowering, reset, state)), self.reset_rows)
        sums = plus_constant(lowering, self.gate(product, self.new_gate), self.new_bias)
        return times(lowering, self.settled(sums), reset)


class LSTMCell(Cell):
    """i, o, f = f(W·x + R·H + P·C + b); C' = f·C + i·g(…); H' = o·h(C')."""

    gates = 4
    default_activations = ("Sigmoid", "Tanh", "Tanh")
    input_gate, output_gate, forget_gate, cell_gate = range(4)

    def step(self, projected: str, index: int, state: str, memory: str) -> tuple[str, str]:
        """Gates, the memory, the state."""
        lowering = self.lowering
        product = self.product(state, self.weights.state)
        sums = self.settled(plus(lowering, self.at_step(projected, index), product))
        new = self.gated(self.gate(sums, self.cell_gate), 1)
        added = times(lowering, self._gate(sums, self.input_gate, memory), new)
        kept = times(lowering, self._gate(sums, self.forget_gate, memory), memory)
        memory = self.settled(plus(lowering, kept, added))
        shown = self._gate(sums, self.output_gate, memory)
        return self.settled(times(lowering, self.activated(memory, 2), shown)), memory

    def _gate(self, sums: str, index: int, memory: str) -> str:
        """A gate, which looks through its peephole at the memory."""
        value, units = self.gate(sums, index), self.layer.units
        if self.peepholes is not None and self.peepholes.any():
            peephole = self.peepholes[index * units : (index + 1) * units]
            seen = self.settled(times_constant(self.lowering, memory, peephole))
            value = plus(self.lowering, value, seen)
        return self.gated(value, 0)
