"""Which function lowers which ONNX operator.

To add an operator: write a function in the file of its family and put `@lowers("Name")` above
it; the file is imported by `lowering/__init__.py`. The function reads the node's inputs from the
`Lowering`, appends integer operations to it, and binds each output with `lowering.output`. What
it cannot lower it refuses with `UnsupportedNode` and a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smartvm.compiler.float_model import Node
    from smartvm.compiler.lowering.builder import Lowering

Lowerer = Callable[["Lowering", "Node"], None]

LOWERERS: dict[str, Lowerer] = {}
"""By the name of the ONNX operator."""


class UnsupportedNode(Exception):
    """Raised by a lowering function with the reason why it cannot lower a node."""


@dataclass(frozen=True)
class Problem:
    """Why a node cannot be lowered."""

    node: str
    operator: str
    reason: str

    def __str__(self) -> str:
        return f"{self.operator} {self.node!r}: {self.reason}"


def lowers(*operators: str) -> Callable[[Lowerer], Lowerer]:
    """Register a function for ONNX operators of these names."""

    def register(lowerer: Lowerer) -> Lowerer:
        for operator in operators:
            LOWERERS[operator] = lowerer
        return lowerer

    return register


def require(condition: bool, reason: str) -> None:
    """Refuse the node with a reason unless the condition holds."""
    if not condition:
        raise UnsupportedNode(reason)
