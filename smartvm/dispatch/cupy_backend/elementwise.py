"""Kernels that take each item by itself."""

from __future__ import annotations

from smartvm.dispatch.cupy_backend.calls import INT64, Call, Output, Range, fits
from smartvm.dispatch.tensor import Tensor

__all__ = ["add", "clip"]


def add(call: Call, x: Tensor, addend: Tensor, plane: int) -> Tensor | None:
    """See `Backend.add`; shapes checked, gas paid."""

    def proof(values: Range, terms: Range) -> bool:
        return fits((values[0] + terms[0], values[1] + terms[1]))

    if call.domains(proof, x, addend) is None:
        return None
    data, terms = call.operand(x), call.operand(addend)

    def launch(out: Output) -> None:
        arguments = (data.address, data.item_bytes, terms.address, terms.item_bytes, *out)
        call.launch(
            "elementwise.combine", (*arguments, len(x), len(addend), plane, 0), items=len(x)
        )

    return call.result(len(x), max(x.item_bytes, addend.item_bytes), launch)


def clip(call: Call, x: Tensor, low: int, high: int) -> Tensor | None:
    """See `Backend.clip`; shapes checked, gas paid."""
    limits = max(low, INT64[0]), min(high, INT64[1])
    if call.domains(fits, x) is None or limits[0] > limits[1]:
        return None
    data = call.operand(x)

    def launch(out: Output) -> None:
        arguments = (data.address, data.item_bytes, *out)
        call.launch("elementwise.clip", (*arguments, len(x), *limits), items=len(x))

    return call.result(len(x), x.item_bytes, launch)
