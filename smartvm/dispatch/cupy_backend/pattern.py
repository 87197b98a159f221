"""Pattern: the arguments of a call with its maps left out, by which calls are found alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from smartvm.dispatch.cupy_backend.tensors import Intermediate
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor

__all__ = ["MAP", "Pattern", "is_alike", "maps_in", "parted"]

MAP = object()
"""Stands for a map. A resident tensor is none: of those, alike is only the very same."""

Pattern = list[Any]
"""What a kernel's arguments hold, flat: the items of sequences behind their number, and a step's
arguments behind its kernel. Tensors are arguments of the kernel, or in a list, or in a step."""


def parted(arguments: Sequence[Any]) -> tuple[Pattern, list[Tensor]]:
    """The pattern of arguments, and the maps that it leaves out, in their order.

    A result on the way through a chain is worked out.
    """
    pattern = _flattened(arguments)
    maps: list[Tensor] = []
    for place, leaf in enumerate(pattern):
        if isinstance(leaf, Tensor) and leaf.memo is None:
            maps.append(leaf.result() if isinstance(leaf, Intermediate) else leaf)
            pattern[place] = MAP
    return pattern, maps


def is_alike(pattern: Pattern, other: Pattern) -> bool:
    """Whether two patterns are the same."""
    return pattern is other or _compare(pattern, other) is not None


def maps_in(pattern: Pattern, arguments: Sequence[Any]) -> list[Tensor] | None:
    """The maps of arguments of this pattern, None of those of another one.

    Nothing is worked out: a result on the way through a chain is a map like any other.
    """
    return _compare(pattern, _flattened(arguments))


def _flattened(arguments: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for argument in arguments:
        kind = type(argument)
        if kind is Step:
            found.append(argument.kernel)
            found += argument.arguments
        elif kind is list or kind is tuple:
            found.append(len(argument))
            found += _flattened(argument)
        else:
            found.append(argument)
    return found


def _compare(pattern: Pattern, leaves: list[Any]) -> list[Tensor] | None:
    """The maps among leaves where the pattern has them, None if it is another one."""
    maps: list[Tensor] = []
    if len(pattern) != len(leaves):
        return None
    for wanted, given in zip(pattern, leaves):  # noqa: B905 - that takes longer than the rest
        if wanted is given:
            continue
        if wanted is MAP:
            if not isinstance(given, Tensor) or given.memo is not None:
                return None
            maps.append(given)
        elif isinstance(wanted, Tensor) or isinstance(given, Tensor) or wanted != given:
            return None
    return maps
