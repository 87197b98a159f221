"""Fusion: a convolution or matrix product is computed together with what follows it.

The instructions that follow and do no more than replace the top map are found by look-ahead and
handed to the backend with the product, as one chain of steps. The product's own result becomes
the top map; those of the others wait in the frame. The instructions then execute as ever, with
their checks, gas and errors, and take the waiting result where they would have computed it. So
nothing of this can be seen: not in gas, in errors, in the trace or in the Buffer.

What is computed ahead is not paid yet. But it is worth less gas than the frame has left, and on
the way to its instruction nothing but an error can end the frame, and that takes this gas.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from eth.exceptions import VMError

from smartvm.dispatch import Backend
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.opcodes.frame import Frame
from smartvm.opcodes.instruction import Instruction
from smartvm.opcodes.lookahead import KEPT, Position, upcoming
from smartvm.opcodes.tensors import resident_tensor
from smartvm.words import MAX_LIMBS, Address, Space

MOST_FOLLOWERS = 8
"""Most instructions that are computed ahead."""
DEEPEST = 64
"""The deepest map, counted from the top, that they may name."""


class Waiting(NamedTuple):
    """The result of a step on a map, until its instruction comes to it."""

    x: Tensor
    step: Step
    result: Tensor


class Wanted(NamedTuple):
    """A tensor that a step takes behind the map: where it lies and its length."""

    place: Address
    items: int


class Follower(NamedTuple):
    """What an instruction will do to a map of which only the length is known.

    Attributes:
        step: its kernel, or None where it leaves the map as it is.
        items: length of the result.
        gas: what it costs for each limb of the widest item.
        growth: limbs by which the widest item may grow.
        wanted: a tensor that comes before the step's other arguments, or None.
        frees: how deep below the map lies another one that it releases, 0 if it does not.
    """

    step: Step | None
    items: int
    gas: int
    growth: int = 0
    wanted: Wanted | None = None
    frees: int = 0


def apply(frame: Frame, step: Step) -> None:
    """Replace the top map by the result of a kernel on it, which may be waiting."""
    top = frame.buffer.top
    if frame.waiting:
        x, expected, result = frame.waiting.pop()
        if x is top and (expected is step or expected.matches(step)):
            frame.buffer.replace(result)
            return
        frame.waiting.clear()
    frame.buffer.replace(_call(frame.kernels, top, step))


def apply_fused(frame: Frame, steps: Sequence[Step], items: int, limbs: int) -> None:
    """Replace the top map by the result of steps, one on the other, computed with what follows.

    Args:
        frame: whose top map it is.
        steps: those of the instruction itself.
        items: length of their result.
        limbs: the most that an item of it may have.
    """
    chain = [*steps, *_followers(frame, steps[0], items, limbs)]
    x = frame.buffer.top
    results = frame.kernels.chain(x, chain) if len(chain) > 1 else None
    if results is None:
        for step in steps:
            x = _call(frame.kernels, x, step)
        frame.buffer.replace(x)
        return
    frame.buffer.replace(results[len(steps) - 1])
    frame.waiting = list(map(Waiting, results, chain[1:], results[1:]))[len(steps) - 1 :]
    frame.waiting.reverse()


def _followers(frame: Frame, first: Step, items: int, limbs: int) -> list[Step]:
    """The steps of the instructions behind this one, as far as they may be computed with it."""
    found: list[Step] = []
    if not frame.kernels.chains(first.kernel):
        return found
    affordable = frame.get_gas_remaining()
    for step, _, cost, growth, wanted, _ in _plan(Position.of(frame), items):
        if wanted is not None and step is not None:
            tensor = _at_hand(frame, wanted)
            if tensor is None:
                break
            step = Step(step.kernel, (tensor, *step.arguments))
            limbs = max(limbs, tensor.limbs)
        affordable -= cost * limbs
        limbs = min(limbs + growth, MAX_LIMBS)
        if affordable < 0:
            break
        if step is not None:
            found.append(step)
    return found


@lru_cache(KEPT)
def _plan(position: Position, items: int) -> tuple[Follower, ...]:
    """What the instructions from a position on do to a map, up to the first that does more.

    Maps that they name are counted from the top as it is at the position.
    """
    found: list[Follower] = []
    depths = list(range(1, DEEPEST + 1))
    for _, instruction, operands in upcoming(position, MOST_FOLLOWERS):
        follower = _follower(instruction, items, operands)
        if follower is None:
            break
        if follower.wanted is not None and follower.wanted.place.space is not Space.STORAGE:
            wanted = _before_releases(follower.wanted, depths)
            if wanted is None:
                break
            follower = follower._replace(wanted=wanted)
        if follower.frees:
            del depths[follower.frees - 1 : follower.frees]
        found.append(follower)
        items = follower.items
    return tuple(found)


def _follower(
    instruction: Instruction, items: int, operands: tuple[int | None, ...]
) -> Follower | None:
    """What an instruction will do, or None where that is more, or not known, or an error."""
    if instruction.follow is None or None in operands:
        return None
    with suppress(Exception):  # what is wrong shows when the instruction executes
        follower: Follower | None = instruction.follow(items, *operands)
        return follower
    return None


def _before_releases(wanted: Wanted, depths: list[int]) -> Wanted | None:
    """The same map, other than the top one, by the depth that it had at the position."""
    place = wanted.place
    if place.space is not Space.BUFFER or not 1 <= place.base <= len(depths):
        return None
    return wanted._replace(place=place._replace(base=depths[place.base - 1]))


def _at_hand(frame: Frame, wanted: Wanted) -> Tensor | None:
    """A tensor, if nothing need be read and paid for it."""
    place, items = wanted
    if place.space is Space.STORAGE:
        try:
            return resident_tensor(frame, place.base, items)
        except VMError:
            return None
    if place.base >= len(frame.buffer):
        return None
    tensor = frame.buffer.peek(place.base, "address")
    return tensor if len(tensor) == items else None


def _call(kernels: Backend, x: Tensor, step: Step) -> Tensor:
    result: Tensor = getattr(kernels, step.kernel)(x, *step.arguments)
    return result
