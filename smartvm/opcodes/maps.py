"""BUF_CLS, BUF_FIL, BUF_INIT, BUF_ALLO, BUF_FREE, BUF_COPY: the maps (paper, Table 1)."""

from __future__ import annotations

from smartvm import gas
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import OperandError, ShapeError
from smartvm.opcodes.frame import Frame, at_least_one, charge_growth, up_to
from smartvm.opcodes.fusion import Follower
from smartvm.words import fields, limbs_for, to_signed

WHOLE_MAP = 1
"""The mode (f3) of BUF_FREE and BUF_COPY that names a map instead of items."""


def buf_cls(frame: Frame) -> None:
    """Set the last items to zero."""
    # STACK
    count = frame.stack_pop1_int()
    # SHAPE
    top = frame.buffer.top
    count = up_to(count, len(top), "count") or len(top)
    # GAS
    frame.consume_gas(gas.elementwise(len(top), top.limbs), "BUF_CLS")
    # OPERATION
    kept = [top[: len(top) - count]] if count < len(top) else []
    frame.buffer.replace(Tensor.concatenate([*kept, Tensor.zeros(count)]))


def buf_fil(frame: Frame) -> None:
    """Set every item to a value."""
    # STACK
    value = to_signed(frame.stack_pop1_int())
    # SHAPE
    items, limbs = len(frame.buffer.top), limbs_for(value, value)
    # GAS
    frame.consume_gas(gas.elementwise(items, limbs), "BUF_FIL")
    charge_growth(frame, items, limbs)
    # OPERATION
    frame.buffer.replace(Tensor.full(items, value))


def buf_init(frame: Frame) -> None:
    """Drop all maps and push one zero map."""
    # STACK
    size = frame.stack_pop1_int()
    # SHAPE
    frame.buffer.clear()
    # GAS
    frame.consume_gas(gas.elementwise(size, 1), "BUF_INIT")
    charge_growth(frame, size, 1)
    # OPERATION
    if size:
        frame.buffer.push(Tensor.zeros(size))


def buf_allo(frame: Frame) -> None:
    """Push a zero map."""
    # STACK
    size = frame.stack_pop1_int()
    # SHAPE
    at_least_one(size, "size")
    # GAS
    frame.consume_gas(gas.elementwise(size, 1), "BUF_ALLO")
    charge_growth(frame, size, 1)
    # OPERATION
    frame.buffer.push(Tensor.zeros(size))


def buf_free(frame: Frame) -> None:
    """Release the last items of the top map, or a whole map."""
    # STACK
    word = frame.stack_pop1_int()
    # SHAPE
    size, mode = _mode(word, "size")
    depth = size if mode == WHOLE_MAP else 0
    frame.buffer.peek(depth, "size")
    length = len(frame.buffer.top)
    freed = length if mode == WHOLE_MAP else up_to(size, length, "size") or length
    # GAS
    frame.consume_gas(gas.elementwise(length - freed, frame.buffer.top.limbs), "BUF_FREE")
    # OPERATION
    if freed == length:
        frame.buffer.drop(depth)
    else:
        frame.buffer.replace(_copied(frame.buffer.top, 0, length - freed))


def follow_buf_free(items: int, word: int) -> Follower | None:
    """BUF_FREE of a map below the one to come."""
    depth, mode = _mode(word, "size")
    return Follower(None, items, 0, frees=depth) if mode == WHOLE_MAP and depth else None


def buf_copy(frame: Frame) -> None:
    """Push a copy of items of the top map, or of a whole map."""
    # STACK
    start_word, end = frame.stack_pop_ints(2)
    # SHAPE
    start, mode = _mode(start_word, "start")
    if mode == WHOLE_MAP:
        source, start = frame.buffer.peek(start, "start"), up_to(end, 0, "end")
    else:
        source = frame.buffer.top
    end = up_to(end, len(source), "end") or len(source)
    if start >= end:
        raise ShapeError("start", f"less than the end {end}", start)
    # GAS
    frame.consume_gas(gas.elementwise(end - start, source.limbs), "BUF_COPY")
    charge_growth(frame, end - start, source.limbs)
    # OPERATION
    frame.buffer.push(source if end - start == len(source) else _copied(source, start, end))


def _mode(word: int, operand: str) -> tuple[int, int]:
    """(f0, f3) of a word whose f3 is 0, or 1 for a whole map."""
    f0, f1, f2, f3 = fields(word)
    if f1 or f2 or f3 > WHOLE_MAP:
        raise OperandError(operand, "f1 = f2 = 0 and f3 of 0 or 1", hex(word))
    return f0, f3


def _copied(tensor: Tensor, start: int, end: int) -> Tensor:
    """Some items, in memory of their own: a slice would hold on to that of all the others."""
    part = tensor[start:end]
    return Tensor(part.data.copy(), part.bounds)
