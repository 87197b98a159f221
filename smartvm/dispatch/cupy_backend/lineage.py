"""Lineage: how a tensor of the device came about, so that the CPU can work it out again.

A device that fails takes its memory with it. So each tensor there knows the kernel that made it
and, for each map that this kernel took, the lineage of that map: not the map, whose memory is let
go as ever. It ends at tensors of the host.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.cupy_backend.pattern import MAP
from smartvm.dispatch.cupy_backend.tensors import OnDevice
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor

__all__ = ["Lineage", "Recipe", "recipe_of"]


class Recipe(NamedTuple):
    """A call without its maps.

    Attributes:
        kernel: its name, or `chain`.
        arguments: MAP for its maps, one after the other.
        maps: how many those are.
    """

    kernel: str
    arguments: tuple[Any, ...]
    maps: int

    def follow(self, cpu: Backend, maps: Sequence[Tensor]) -> Tensor:
        """The result, or the last one of a chain, computed one by one."""
        rest = iter(maps)
        found: Any
        arguments = _replaced(self.arguments, lambda x: next(rest) if x is MAP else x)
        if self.kernel != "chain":
            found = getattr(cpu, self.kernel)(*arguments)
        else:
            found, steps = arguments
            for step in steps:
                found = getattr(cpu, step.kernel)(found, *step.arguments)
        assert isinstance(found, Tensor)
        return found


def recipe_of(kernel: str, arguments: Sequence[Any], result: Any) -> Recipe:
    """Of the result of a kernel, or of the last result that a chain has."""
    maps = 0

    def bare(x: Any) -> Any:
        nonlocal maps
        if not isinstance(x, Tensor) or x.memo is not None:
            return x
        maps += 1
        return MAP

    if kernel == "chain":
        arguments = arguments[0], arguments[1][: len(result)]
    return Recipe(kernel, _replaced(tuple(arguments), bare), maps)


def _replaced(argument: Any, change: Callable[[Any], Any]) -> Any:
    """An argument changed, or what is in it if it is a sequence or a step."""
    if isinstance(argument, Step):
        return Step(argument.kernel, _replaced(argument.arguments, change))
    if isinstance(argument, list | tuple):
        return type(argument)(_replaced(item, change) for item in argument)
    return change(argument)


class Lineage:
    """A recipe with its maps, those of the device replaced by their own lineage.

    Attributes:
        held: bytes of the maps of the host that the longest way to here keeps alive.
    """

    __slots__ = ("_parents", "_recipe", "_tensor", "held")

    def __init__(self, recipe: Recipe, maps: Sequence[Tensor]) -> None:
        """Of the result of a call that has succeeded; it may have taken more maps."""
        self._recipe: Recipe | None = recipe
        self._parents = [_ancestry(x) for x in maps[: recipe.maps]]
        self._tensor: Tensor | None = None
        own = most = 0
        for parent in self._parents:
            if isinstance(parent, Lineage):
                most = max(most, parent.held)
            else:
                own += parent.nbytes
        self.held: int = own + most

    def worked_out(self, cpu: Backend) -> Tensor:
        """The tensor, computed by another backend and kept."""
        waiting = [self]
        while waiting:
            node = waiting[-1]
            missing = [x for x in node._parents if isinstance(x, Lineage) and x._tensor is None]
            if missing:
                waiting += missing
                continue
            if node._tensor is None:
                node._compute(cpu)
            waiting.pop()
        assert self._tensor is not None
        return self._tensor

    def _compute(self, cpu: Backend) -> None:
        assert self._recipe is not None
        maps = [x._tensor if isinstance(x, Lineage) else x for x in self._parents]
        self._tensor = self._recipe.follow(cpu, maps)  # type: ignore[arg-type]
        self._recipe, self._parents = None, []


def _ancestry(x: Tensor) -> Lineage | Tensor:
    if not isinstance(x, OnDevice):
        return x
    lineage = x.lineage  # first, for another thread may bring the items, and then let go of it
    if x.on_host is not None:
        return Tensor(x.on_host, x.bounds)
    assert isinstance(lineage, Lineage)
    return lineage
