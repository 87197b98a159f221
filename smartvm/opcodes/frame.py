"""What an instruction sees of its call frame, and the steps that many of them share."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from smartvm import gas, words
from smartvm.buffer import Buffer
from smartvm.dispatch import Dispatcher
from smartvm.dispatch.tensor import form_bytes
from smartvm.exceptions import OperandError, ShapeError
from smartvm.opcodes.decoding import Code
from smartvm.words import Address

if TYPE_CHECKING:
    from smartvm.opcodes.fusion import Waiting

KEPT_DECODINGS = 1024
"""How many decoded operands each function keeps that works them out."""


class Frame(Protocol):
    """The part of a py-evm computation that instructions use, with the Buffer and the kernels.

    Attributes:
        decoded: its code.
        instructions: the DNN instructions that it has.
        waiting: results of instructions to come, the next one last.
    """

    buffer: Buffer
    code: Any
    decoded: Code
    instructions: Any
    kernels: Dispatcher
    msg: Any
    state: Any
    waiting: list[Waiting]
    _stack: Any
    stack_pop_ints: Callable[[int], tuple[int, ...]]
    stack_pop1_int: Callable[[], int]
    stack_push_int: Callable[[int], None]

    def consume_gas(self, amount: int, reason: str) -> None:
        """Take gas from the frame or raise OutOfGas."""

    def get_gas_remaining(self) -> int:
        """The gas that is left."""

    def extend_memory(self, start_position: int, size: int) -> None:
        """Grow Memory to hold the range, and pay for it."""

    def memory_read_bytes(self, start_position: int, size: int) -> bytes:
        """The bytes of a range of Memory."""

    def memory_write(self, start_position: int, size: int, value: bytes) -> None:
        """Write a range of Memory that has been extended."""


def charge_growth(frame: Frame, items: int, limbs: int) -> None:
    """Pay for `items` items of at most `limbs` limbs on top of what the Buffer holds now."""
    buffer = frame.buffer
    size = buffer.nbytes + items * form_bytes(limbs)
    if size > buffer.paid:
        frame.consume_gas(gas.buffer_growth(buffer.paid, size), "Buffer growth")
        buffer.paid = size


def batch_of(length: int, example: int, operands: str) -> int:
    """How many examples of `example` items a map of that length holds.

    Raises:
        ShapeError: the length is not a whole multiple.
    """
    if length % example:
        raise ShapeError(operands, f"a map of a multiple of {example} items", length)
    return length // example


@lru_cache(KEPT_DECODINGS)
def plain_address(word: int, operand: str, *, transposable: bool = False) -> Address:
    """An address whose rows and columns follow from the other operands, and so must be 0."""
    place = words.address(word, operand)
    if place.rows or place.columns:
        raise OperandError(operand, "f1 = f2 = 0", (place.rows, place.columns))
    if place.transposed and not transposable:
        raise OperandError(operand, "an address that is not transposed", "bit 2 of f3")
    return place


def at_least_one(value: int, operand: str) -> int:
    """A channel or item count, which must not be zero."""
    if value < 1:
        raise OperandError(operand, "at least 1", value)
    return value


def up_to(value: int, limit: int, operand: str) -> int:
    """A value that must not pass `limit`."""
    if value > limit:
        raise OperandError(operand, f"at most {limit}", value)
    return value


def named_fields(word: int, count: int, operand: str) -> tuple[int, ...]:
    """The first `count` fields of a word whose other fields must be zero."""
    result = words.fields(word)
    if any(result[count:]):
        raise OperandError(operand, f"no field beyond f{count - 1}", hex(word))
    return result[:count]
