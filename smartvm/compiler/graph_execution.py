"""Running an integer graph in the VM without a contract: for tests, reports and ONNX's backend.

The code reads the inputs from the calldata and leaves the outputs on the Buffer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from smartvm.compiler.emit import Emitted, WeightBlock, emit
from smartvm.compiler.integer_graph import IntegerGraph, as_tensor
from smartvm.compiler.plan import Plan, plan
from smartvm.compiler.program import Program
from smartvm.dispatch import Backend
from smartvm.execution import CONTRACT, Execution, execute, fresh_state
from smartvm.storage import encode_block
from smartvm.vm import SmartVMState
from smartvm.words import bytes_for

UNLIMITED_GAS = 1 << 62


@dataclass(frozen=True)
class ExecutableGraph:
    """A graph with its code, ready to run.

    Attributes:
        graph: the operations and constants.
        plan: the order in which they run.
        emitted: their code and blocks.
        code: the bytecode, the reading of the inputs included.
    """

    graph: IntegerGraph
    plan: Plan
    emitted: Emitted
    code: bytes
    _state: SmartVMState = field(repr=False)

    def run(
        self, inputs: Mapping[str, Sequence[int]], backend: str | Backend | None = None
    ) -> tuple[list[list[int]], Execution]:
        """The items of the outputs, and the whole execution.

        Args:
            inputs: items of each input, within its range.
            backend: the backend's name or an instance; the best available by default.

        Raises:
            VMError: the frame halted, for instance at a division by zero.
        """
        calldata = b"".join(
            item.to_bytes(input_bytes(self.graph, name), "big", signed=True)
            for name in self.graph.inputs
            for item in inputs[name]
        )
        execution = execute(
            self.code, calldata=calldata, gas=UNLIMITED_GAS, backend=backend, state=self._state
        ).raise_for_error()
        return execution.buffer, execution


def executable(graph: IntegerGraph) -> ExecutableGraph:
    """Plan and emit a graph, and put its blocks into a state of its own."""
    planned = plan(graph)
    emitted = emit(graph, planned)
    code = reading_inputs(graph).include(emitted.program).bytecode()
    return ExecutableGraph(graph, planned, emitted, code, state_with(emitted.blocks))


def state_with(blocks: Mapping[int, WeightBlock]) -> SmartVMState:
    """A fresh state in which the blocks belong to the contract that `execute` runs."""
    state = fresh_state()
    for number, (items, item_bytes) in blocks.items():
        state.set_block(CONTRACT, number, encode_block(as_tensor(items), item_bytes))
    state.lock_changes()
    return state


def input_bytes(graph: IntegerGraph, name: str) -> int:
    """Bytes of each item of an input in the calldata."""
    return bytes_for(*graph.input_ranges[name])


def reading_inputs(graph: IntegerGraph) -> Program:
    """Code that copies the calldata to Memory and makes a map of each input."""
    program = Program()
    program.op("CALLDATASIZE").push(0).push(0).op("CALLDATACOPY")
    offset = 0
    for name in graph.inputs:
        count, item_bytes = graph.values[name].items, input_bytes(graph, name)
        program.op("MTOB", offset=offset, count=count, item_bytes=item_bytes)
        offset += count * item_bytes
    return program
