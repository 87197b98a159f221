"""OperandStack: py-evm's Stack, off which operands come faster."""

from __future__ import annotations

from typing import Any

from eth.vm.stack import Stack


class OperandStack(Stack):
    """The Stack of a DNN contract's frame, where most items are integers, not bytes."""

    __slots__ = ()

    def serve(self, frame: Any) -> None:
        """Become the Stack of a frame.

        py-evm makes its methods attributes of each frame when they are first used, which takes
        longer than most instructions.
        """
        frame._stack = self
        frame.stack_pop1_int, frame.stack_pop_ints = self.pop1_int, self.pop_ints
        frame.stack_pop1_any, frame.stack_push_int = self.pop1_any, self.push_int
        frame.stack_pop1_bytes, frame.stack_push_bytes = self.pop1_bytes, self.push_bytes

    def pop1_int(self) -> int:
        """The top item."""
        values = self.values
        if values and type(values[-1]) is int:
            return values.pop()  # type: ignore[return-value]
        return super().pop1_int()

    def pop_ints(self, num_items: int) -> tuple[int, ...]:
        """The top items, the topmost first."""
        popped = self.values[: -num_items - 1 : -1]
        if len(popped) < num_items or bytes in map(type, popped):
            return super().pop_ints(num_items)
        del self.values[-num_items:]
        return tuple(popped)  # type: ignore[arg-type]
