"""Recurrent layers: RNN, GRU and LSTM, unrolled over their static time steps.

The products of all steps' inputs with W are one instruction; each step then adds the product of
its state with R, which every step reads from the same blocks.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from smartvm.compiler.float_model import Node
from smartvm.compiler.integer_graph import Value
from smartvm.compiler.lowering.arithmetic import view
from smartvm.compiler.lowering.builder import Lowering
from smartvm.compiler.lowering.recurrent_cells import Cell, GRUCell, Layer, LSTMCell, RNNCell
from smartvm.compiler.lowering.registry import lowers, require
from smartvm.compiler.operations import Concatenate, MultiplyConstant

CELLS: dict[str, type[Cell]] = {"RNN": RNNCell, "GRU": GRUCell, "LSTM": LSTMCell}
DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
"""For each direction of a layer whether it begins at the last step."""
LENGTHS, INITIAL_STATE, INITIAL_MEMORY = 4, 5, 6
"""Optional inputs."""


class Run(NamedTuple):
    """One direction's values: the state after each step, by its place in time; the last ones."""

    states: list[str]
    last_state: str
    last_memory: str


@lowers("RNN", "GRU", "LSTM")
def recurrent(lowering: Lowering, node: Node) -> None:
    """All steps of all directions; the outputs are Y, Y_h and, for an LSTM, Y_c."""
    require(not node.attributes.get("input_forget", 0), "its input and forget gates are coupled")
    layer = layer_of(lowering, node)
    require_full_sequences(lowering, node, layer.steps)
    x = steps_first(lowering, node.inputs[0], layer)
    runs = [
        unrolled(CELLS[node.operator](lowering, node, layer, direction), x, direction, backward)
        for direction, backward in enumerate(directions_of(node))
    ]
    states = [run.states[step] for step in range(layer.steps) for run in runs]
    lowering.output(node, joined(lowering, layer, states))
    lowering.output(node, joined(lowering, layer, [run.last_state for run in runs]), 1)
    lowering.output(node, joined(lowering, layer, [run.last_memory for run in runs]), 2)


def layer_of(lowering: Lowering, node: Node) -> Layer:
    """The sizes of a node's layer."""
    batch_first = bool(node.attributes.get("layout", 0))
    steps, batch, features = lowering.shape(node.inputs[0])
    if batch_first:
        steps, batch = batch, steps
    return Layer(steps, batch, features, lowering.shape(node.inputs[2])[2], batch_first)


def directions_of(node: Node) -> tuple[bool, ...]:
    """For each direction whether it begins at the last step."""
    return DIRECTIONS[node.attributes.get("direction", "forward")]


def require_full_sequences(lowering: Lowering, node: Node, steps: int) -> None:
    """Refuse sequences that end before the last step."""
    name = node.input(LENGTHS)
    if name:
        lengths = lowering.constant(name)
        full = lengths is not None and bool((lengths == steps).all())
        require(full, f"its sequences must all have {steps} steps (input sequence_lens)")


def steps_first(lowering: Lowering, tensor: str, layer: Layer) -> str:
    """The input as (steps, batch, features), at the network's scale."""
    x = lowering.rescale(lowering.value(tensor), lowering.scale)
    steps, batch, features = layer.steps, layer.batch, layer.features
    if not layer.batch_first:
        return x
    return view(lowering, x, (steps, batch, features), (features, steps * features, 1))


def unrolled(cell: Cell, x: str, direction: int, backward: bool) -> Run:
    """The steps of one direction."""
    layer, projected = cell.layer, cell.project(x)
    state = initial(cell, INITIAL_STATE, direction, projected)
    memory = state
    if isinstance(cell, LSTMCell):
        memory = initial(cell, INITIAL_MEMORY, direction, projected)
    states = []
    order = range(layer.steps)
    for step in reversed(order) if backward else order:
        state, memory = cell.step(projected, step, state, memory)
        states.append(state)
    return Run(states[::-1] if backward else states, state, memory)


def initial(cell: Cell, index: int, direction: int, projected: str) -> str:
    """The (batch, units) state or memory before the first step; zeros where none is given."""
    lowering, layer, name = cell.lowering, cell.layer, cell.node.input(index)
    array = lowering.constant(name) if name else None
    if not name or (array is not None and not array.any()):
        return zeros(cell, projected)
    value = lowering.rescale(lowering.value(name), lowering.scale)
    units, dims = layer.units, (layer.batch, layer.units)
    if layer.batch_first:
        count = len(directions_of(cell.node))
        return view(lowering, value, dims, (count * units, 1), direction * units)
    return view(lowering, value, dims, (units, 1), direction * prod(dims))


def zeros(cell: Cell, projected: str) -> str:
    """(batch, units) zeros: items of the projection times zero, which take no block of weights."""
    some = cell.gate(cell.at_step(projected, 0), 0)
    gives = Value(cell.lowering.shape_of(some), cell.lowering.scale)
    return cell.lowering.add(MultiplyConstant, some, gives=gives, factor=0)


def joined(lowering: Lowering, layer: Layer, parts: list[str]) -> str:
    """Maps (batch, units) one after the other, or within each example if the batch comes first."""
    if len(parts) == 1:
        return parts[0]
    shape = (len(parts), layer.batch, layer.units)
    if layer.batch_first:
        shape = (layer.batch, len(parts), layer.units)
    gives = Value(shape, lowering.scale_of(parts[0]))
    outer = layer.batch if layer.batch_first else 1
    return lowering.add(Concatenate, *parts, gives=gives, outer=outer)
