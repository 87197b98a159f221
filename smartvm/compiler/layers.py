"""The layers of emitted code: what each adds up to, and to which an executed step belongs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from smartvm.compiler.emit import Emitted, MoveCode
from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.numbering import push_bytes
from smartvm.compiler.plan import Run
from smartvm.opcodes import STANDARD
from smartvm.trace import Step


@dataclass(frozen=True)
class Layer:
    """What one node of the model became.

    Attributes:
        name: of the node.
        instructions: that it executes, pushes included, calls of shared routines not.
        macs: multiply-accumulates for one example.
        shape: of its last output.
    """

    name: str
    instructions: int
    macs: int
    shape: tuple[int, ...]


def layers(graph: IntegerGraph, emitted: Emitted) -> tuple[Layer, ...]:
    """The layers in the order in which they begin; operations of no node are left out."""
    moves: dict[str, list[MoveCode]] = {}
    for move in emitted.moves:
        moves.setdefault(move.source, []).append(move)
    return tuple(_layer(graph, name, codes) for name, codes in moves.items() if name)


def _layer(graph: IntegerGraph, name: str, codes: list[MoveCode]) -> Layer:
    runs = [code.move.operation for code in codes if isinstance(code.move, Run)]
    return Layer(
        name,
        sum(code.program.instruction_count for code in codes),
        sum(operation.macs for operation in runs),
        graph.values[runs[-1].output].shape,
    )


def attribute(sources: Iterable[str], steps: Iterable[Step]) -> Iterator[tuple[Step, str]]:
    """Each step of a run of a contract with the layer that it belongs to, "" for none.

    The first DNN instruction reads the input; after it come those of the network, in order, each
    with the steps that lead to it, so that shared routines do not matter.

    Args:
        sources: the layer of each DNN instruction of the network (`instruction_sources`).
        steps: of the run.
    """
    remaining = iter(["", *sources])
    waiting: list[Step] = []
    for step in steps:
        waiting.append(step)
        if step.depth == 0 and step.opcode in STANDARD.by_opcode:
            source = next(remaining, "")
            yield from ((step, source) for step in waiting)
            waiting.clear()
    yield from ((step, "") for step in waiting)


def instruction_sources(emitted: Emitted) -> Iterator[str]:
    """The layer of each DNN instruction, in order; "" for none."""
    for move in emitted.moves:
        code, position = move.code, 0
        while position < len(code):
            pushed = push_bytes(code[position])
            if code[position] in STANDARD.by_opcode:
                yield move.source
            position += 1 + pushed
