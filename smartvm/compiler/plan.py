"""Planning: in which order operations run, and which map lies where on the Buffer.

An operation reads what it consumes from the top of the Buffer and everything else where it lies.
The planner keeps the stack of maps in mind: a map that lies deeper is copied to the top, and
released there if nothing else reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from smartvm.compiler.integer_graph import IntegerGraph, Operation
from smartvm.words import Address, Space


@dataclass(frozen=True)
class Copy:
    """BUF_COPY of the map `depth` below the top."""

    depth: int


@dataclass(frozen=True)
class Drop:
    """BUF_FREE of the map `depth` below the top."""

    depth: int


@dataclass(frozen=True)
class Run:
    """An operation, with the places of the maps that it addresses; None for a constant."""

    operation: Operation
    places: tuple[Address | None, ...]


Move = Copy | Drop | Run


@dataclass(frozen=True)
class Plan:
    """What the bytecode does, in order.

    Attributes:
        moves: copies, releases and operations.
        peak_items: most items that lie on the Buffer at once, the output of the operation that
            is running included.
        total_items: items of all maps together, as if none were ever released.
    """

    moves: tuple[Move, ...]
    peak_items: int
    total_items: int


def plan(graph: IntegerGraph) -> Plan:
    """The cheaper of the model's own order and a greedy one, by the peak of the Buffer."""
    orders = [graph.operations, greedy_order(graph)]
    return min((_Planner(graph).run(order) for order in orders), key=lambda p: p.peak_items)


def greedy_order(graph: IntegerGraph) -> list[Operation]:
    """An order that takes, of all operations whose inputs are there, the one that leaves least."""
    readers = Counter(name for op in graph.operations for name in set(op.inputs))
    readers.update(graph.outputs)
    known = {*graph.inputs, *graph.constants}
    waiting = list(graph.operations)
    order: list[Operation] = []
    while waiting:
        ready = [op for op in waiting if all(name in known for name in op.inputs)]
        chosen = min(ready, key=_growth(graph, readers))
        waiting.remove(chosen)
        order.append(chosen)
        known.add(chosen.output)
        readers.subtract(set(chosen.inputs))
    return order


def _growth(graph: IntegerGraph, readers: Counter[str]) -> Callable[[Operation], int]:
    """By how many items an operation lets the Buffer grow."""

    def growth(operation: Operation) -> int:
        freed = sum(
            graph.values[name].items
            for name in set(operation.inputs)
            if name not in graph.constants and readers[name] == 1
        )
        return graph.values[operation.output].items - freed

    return growth


class _Planner:
    """Walks the operations with the stack of maps in hand."""

    def __init__(self, graph: IntegerGraph) -> None:
        self.graph = graph
        self.stack = list(graph.inputs)
        self.moves: list[Move] = []
        self.readers = Counter(name for op in graph.operations for name in set(op.inputs))
        self.readers.update(graph.outputs)
        self.peak = 0
        self.total = sum(self._items(name) for name in graph.inputs)

    def run(self, order: list[Operation]) -> Plan:
        for operation in order:
            self._operate(self._swapped(operation))
        self._finish()
        return Plan(tuple(self.moves), self.peak, self.total)

    def _items(self, name: str) -> int:
        return self.graph.values[name].items

    def _swapped(self, operation: Operation) -> Operation:
        """The operation with its first inputs exchanged where that saves a copy."""
        if not operation.commutes:
            return operation
        first, second = operation.inputs
        if second in self.graph.constants or self._items(first) != self._items(second):
            return operation
        if self.stack[-1] == second != first and self.readers[second] == 1:
            return operation.with_inputs((second, first))
        return operation

    def _operate(self, operation: Operation) -> None:
        consumed = operation.consumed
        self.readers.subtract(set(operation.inputs))
        if not self._lie_ready(consumed):
            for position, name in enumerate(consumed):
                self._to_top(name, last=name not in consumed[position + 1 :])
        places = tuple(self._place(name) for name in operation.addressed)
        self.moves.append(Run(operation, places))
        self.total += self._items(operation.output)
        self._note_peak(self._items(operation.output))
        del self.stack[len(self.stack) - len(consumed) :]
        self.stack.append(operation.output)
        self._drop_dead()

    def _lie_ready(self, consumed: tuple[str, ...]) -> bool:
        """Whether they are the top of the stack, in order, and nothing else needs them."""
        top = tuple(self.stack[len(self.stack) - len(consumed) :])
        return top == consumed and all(self.readers[name] == 0 for name in consumed)

    def _to_top(self, name: str, last: bool) -> None:
        """Copy a value to the top; where this is its last use, its original is released."""
        depth = self._depth(name)
        self.moves.append(Copy(depth))
        self.stack.append(name)
        self._note_peak()
        if last and self.readers[name] == 0:
            self._drop(depth + 1)

    def _depth(self, name: str) -> int:
        """How far below the top a value lies: its deepest copy, which stays until it is dead."""
        return len(self.stack) - 1 - self.stack.index(name)

    def _drop(self, depth: int) -> None:
        self.moves.append(Drop(depth))
        del self.stack[len(self.stack) - 1 - depth]

    def _place(self, name: str) -> Address | None:
        if name in self.graph.constants:
            return None
        return Address(self._depth(name), space=Space.BUFFER)

    def _drop_dead(self) -> None:
        for depth in range(len(self.stack) - 1, -1, -1):
            if self.readers[self.stack[len(self.stack) - 1 - depth]] == 0:
                self._drop(depth)

    def _finish(self) -> None:
        """Leave the outputs alone on the Buffer, the first the deepest."""
        if tuple(self.stack) == self.graph.outputs:
            return
        self.readers.subtract(self.graph.outputs)
        for name in self.graph.outputs:
            self.moves.append(Copy(self._depth(name)))
            self.stack.append(name)
        self._note_peak()
        while len(self.stack) > len(self.graph.outputs):
            self._drop(len(self.stack) - 1)

    def _note_peak(self, coming: int = 0) -> None:
        self.peak = max(self.peak, sum(map(self._items, self.stack)) + coming)
