"""What a compiled model costs in the VM, and sample inputs; for other benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from smartvm.compiler.abi import encode_call
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.contract_abi import PREDICT
from smartvm.compiler.integer_graph import IntegerGraph, as_tensor
from smartvm.compiler.plan import Copy, Drop, Run, plan
from smartvm.compiler.price import run_bound, run_gas
from smartvm.dispatch import make_dispatcher
from smartvm.execution import execute

UNLIMITED_GAS = 1 << 62
INPUT_RANGE = (-3.0, 3.0)


@dataclass(frozen=True)
class Costs:
    """What one inference costs.

    Attributes:
        gas: of the transaction for this input, exactly.
        bound: of the transaction for any input in range.
        seconds: of `predict` in the VM, the blocks on hand but unpacked anew.
        code_bytes: of the contract.
        instructions: of the network, pushes included.
        block_bytes: of all weight blocks.
        buffer_bytes: most bytes on the Buffer at once, each map in its narrowest form.
        held_items: most items that the Buffer holds when an instruction has ended.
    """

    gas: int
    bound: int
    seconds: float
    code_bytes: int
    instructions: int
    block_bytes: int
    buffer_bytes: int
    held_items: int


def costs(artefact: Artefact, x: np.ndarray) -> Costs:
    """Run one input through the contract."""
    contract = artefact.contract
    packed = contract.input_format.pack(x)
    blocks = {number: block.tensor for number, block in contract.blocks.items()}
    calldata = encode_call(PREDICT, packed)
    started = perf_counter()
    execution = execute(
        contract.runtime, calldata=calldata, gas=UNLIMITED_GAS, blocks=blocks, trace=True
    ).raise_for_error()
    seconds = perf_counter() - started
    return Costs(
        gas=run_gas(contract, packed).total,
        bound=run_bound(contract, artefact.certificate).total,
        seconds=seconds,
        code_bytes=len(contract.runtime),
        instructions=sum(layer.instructions for layer in contract.layers),
        block_bytes=sum(len(b.items) * b.item_bytes for b in contract.blocks.values()),
        buffer_bytes=buffer_bytes(contract.graph, contract.input_format.quantise(x)),
        held_items=max(sum(step.buffer_maps) for step in execution.steps),
    )


def buffer_bytes(graph: IntegerGraph, x: np.ndarray) -> int:
    """Most bytes on the Buffer at once for an input, an operation's output beside what it reads."""
    feed = {graph.inputs[0]: as_tensor(x.reshape(-1))}
    made = graph.evaluate(make_dispatcher(), feed, [op.output for op in graph.operations])
    sizes = {name: tensor.nbytes for name, tensor in (made | feed).items()}
    stack, peak = list(graph.inputs), 0
    for move in plan(graph).moves:
        match move:
            case Copy(depth):
                stack.append(stack[-1 - depth])
            case Drop(depth):
                del stack[-1 - depth]
            case Run(operation, _):
                peak = max(peak, sum(sizes[name] for name in (*stack, operation.output)))
                del stack[len(stack) - len(operation.consumed) :]
                stack.append(operation.output)
        peak = max(peak, sum(sizes[name] for name in stack))
    return peak


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
