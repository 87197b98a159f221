"""Lists of operations: other names for their values, and those that nothing reads left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from smartvm.compiler.integer_graph import Operation


def renamed(operation: Operation, names: Mapping[str, str]) -> Operation:
    """The operation with values called by other names."""
    inputs = tuple(names.get(name, name) for name in operation.inputs)
    output = names.get(operation.output, operation.output)
    if inputs == operation.inputs and output == operation.output:
        return operation
    return replace(operation, output=output, inputs=inputs)


def needed(operations: list[Operation], outputs: Iterable[str]) -> list[Operation]:
    """The operations on whose values the outputs depend."""
    live, kept = set(outputs), []
    for operation in reversed(operations):
        if operation.output in live:
            live.update(operation.inputs)
            kept.append(operation)
    return kept[::-1]
