"""The Buffer of one call frame: a stack of feature maps that grows and shrinks with them.

(Paper §3.3, the elastic Buffer.) Maps are immutable tensors, so that copies are shared until
something else takes their place; no program can observe that.
"""

from __future__ import annotations

from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import MapMissing


class Buffer:
    """A stack of feature maps, the top one last.

    Attributes:
        paid: the peak in bytes for which the frame has paid gas.
        peak: the greatest number of bytes that the maps have had.
    """

    __slots__ = ("_maps", "nbytes", "paid", "peak")

    def __init__(self) -> None:
        self._maps: list[Tensor] = []
        self.nbytes = 0
        self.paid = 0
        self.peak = 0

    def __len__(self) -> int:
        return len(self._maps)

    @property
    def maps(self) -> tuple[Tensor, ...]:
        """All maps, the top one last."""
        return tuple(self._maps)

    @property
    def top(self) -> Tensor:
        """The top map; the validator has checked that there is one."""
        return self._maps[-1]

    def peek(self, depth: int, operand: str) -> Tensor:
        """The map `depth` below the top.

        Raises:
            MapMissing: there are not that many.
        """
        if depth >= len(self._maps):
            raise MapMissing(operand, f"a map {depth} below the top", f"{len(self)} maps")
        return self._maps[-1 - depth]

    def push(self, tensor: Tensor) -> None:
        """Put a map on top."""
        size = tensor.nbytes
        self._maps.append(tensor)
        self._account(size)

    def replace(self, tensor: Tensor) -> None:
        """Put a map in the place of the top one."""
        change = tensor.nbytes - self._maps[-1].nbytes
        self._maps[-1] = tensor
        self._account(change)

    def drop(self, depth: int) -> None:
        """Release the map `depth` below the top, which is there."""
        self._account(-self._maps.pop(-1 - depth).nbytes)

    def clear(self) -> None:
        """Release all maps."""
        self._maps.clear()
        self.nbytes = 0

    def _account(self, change: int) -> None:
        self.nbytes += change
        if self.nbytes > self.peak:
            self.peak = self.nbytes
