"""Compiling a float model and running it in the VM, and what that costs; for other benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import onnx

from smartvm.compiler.certify import certify
from smartvm.compiler.float_model import FloatModel
from smartvm.compiler.graph_execution import ExecutableGraph, executable
from smartvm.compiler.importer import load_model
from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.lowering import lower
from smartvm.dispatch import make_dispatcher
from smartvm.dispatch.tensor import Tensor

INPUT_RANGE = (-3.0, 3.0)


@dataclass(frozen=True)
class Compiled:
    """A model in floating point and as code.

    Attributes:
        model: the simplified float model, of one input and one output.
        executable: the integer graph and its code.
        seconds: from the ONNX model to the code, certificate included.
    """

    model: FloatModel
    executable: ExecutableGraph
    seconds: float

    @property
    def graph(self) -> IntegerGraph:
        """The integer graph."""
        return self.executable.graph

    @property
    def scale(self) -> int:
        """That of the input."""
        return self.graph.values[self.graph.inputs[0]].scale

    def integers(self, x: np.ndarray) -> np.ndarray:
        """The input at its scale, flat."""
        return np.rint(x.reshape(-1).astype(np.float64) * self.scale).astype(np.int64)

    def float_tensors(self, x: np.ndarray) -> Mapping[str, np.ndarray]:
        """Every tensor of the float model for an input."""
        return self.model.run({self.model.inputs[0]: x})

    def fixed_tensors(self, x: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
        """Values of the integer graph as real numbers, in their shapes."""
        values = self.graph.values
        feed = {self.graph.inputs[0]: Tensor.from_array(self.integers(x))}
        made = self.graph.evaluate(make_dispatcher(), feed, names)
        return {
            name: as_floats(made[name], values[name].scale).reshape(values[name].shape)
            for name in names
        }


def as_floats(tensor: Tensor, scale: int) -> np.ndarray:
    """What integers at a scale stand for."""
    if tensor.is_wide:
        return np.array([item / scale for item in tensor.to_ints()])
    return tensor.data / np.float64(scale)


@dataclass(frozen=True)
class Costs:
    """What a run in the VM costs.

    Attributes:
        gas: of the frame, all blocks cold, the copying of the input from the calldata included.
        seconds: of the run, blocks on hand.
        code_bytes: of the code.
        instructions: in the code, pushes counted.
        block_bytes: of all weight blocks.
        peak_items: most items on the Buffer at once.
        total_items: items of all maps together.
    """

    gas: int
    seconds: float
    code_bytes: int
    instructions: int
    block_bytes: int
    peak_items: int
    total_items: int


def compiled(proto: onnx.ModelProto, scale: int) -> Compiled:
    """Compile a model of one input at a scale."""
    started = perf_counter()
    model = load_model(proto)
    graph = lower(model, {model.inputs[0]: INPUT_RANGE}, scale=scale)
    certify(graph)
    made = executable(graph)
    return Compiled(model, made, perf_counter() - started)


def costs(compiled: Compiled, x: np.ndarray) -> tuple[Costs, np.ndarray]:
    """Run an input in the VM: the costs, and the output as real numbers."""
    runnable, graph = compiled.executable, compiled.graph
    items = compiled.integers(x).tolist()
    started = perf_counter()
    buffer, execution = runnable.run({graph.inputs[0]: items})
    seconds = perf_counter() - started
    emitted = runnable.emitted
    return Costs(
        gas=execution.gas_used,
        seconds=seconds,
        code_bytes=len(runnable.code),
        instructions=emitted.program.instruction_count,
        block_bytes=sum(len(b.items) * b.item_bytes for b in emitted.blocks.values()),
        peak_items=runnable.plan.peak_items,
        total_items=runnable.plan.total_items,
    ), as_floats(Tensor.from_ints(buffer[-1]), graph.values[graph.outputs[-1]].scale)


def smooth_images(count: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """(count, *shape) images of soft blobs: noise of 8 x 8 cells, interpolated, within the range.

    White noise would do no network justice: averaged over a plane, one image is like another.
    """
    random = np.random.default_rng(seed)
    cells = random.standard_normal((count, *shape[:-2], 8, 8))
    rows, columns = (_interpolation(side) for side in shape[-2:])
    return np.clip(1.5 * (rows @ cells @ columns.T), *INPUT_RANGE).astype(np.float32)


def _interpolation(side: int) -> np.ndarray:
    """(side, 8): linear weights of the cells."""
    positions = np.linspace(0, 7, side)
    cell = np.minimum(positions.astype(int), 6)
    matrix = np.zeros((side, 8))
    matrix[np.arange(side), cell] = 1 - (positions - cell)
    matrix[np.arange(side), cell + 1] = positions - cell
    return matrix
