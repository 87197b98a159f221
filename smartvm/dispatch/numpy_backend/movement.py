"""Strided views, joined maps and rows looked up: copies of items in the form that they have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smartvm.dispatch.movement import check_indices, with_items
from smartvm.dispatch.numpy_backend.forms import to_tensor
from smartvm.dispatch.numpy_backend.limbs import Array
from smartvm.dispatch.tensor import Tensor


def view(x: Tensor, offset: int, dims: Sequence[int], strides: Sequence[int]) -> Tensor:
    """See `Backend.view`; shapes checked, gas paid.

    Axes of one index are left out: their strides may be beyond any array.
    """
    data = np.ascontiguousarray(x.data)
    size = data.strides[0]
    axes = [(length, size * step) for length, step in zip(dims, strides, strict=True) if length > 1]
    shape = (*(length for length, _ in axes), *data.shape[1:])
    steps = (*(step for _, step in axes), *data.strides[1:])
    items: Array = np.ndarray(shape, data.dtype, data, size * offset, steps)
    return to_tensor(items.copy(order="C"))


def concatenate(parts: list[Tensor], outer: int) -> Tensor:
    """See `Backend.concatenate`; shapes checked, gas paid."""
    parts = with_items(parts)
    if outer == 1:
        return Tensor.concatenate(parts)
    widest = max(part.item_bytes for part in parts)
    forms = [part.in_form(widest) for part in parts]
    rows = [form.reshape(outer, -1, *form.shape[1:]) for form in forms]
    joined = np.concatenate(rows, axis=1)
    bounds = (min(part.bounds[0] for part in parts), max(part.bounds[1] for part in parts))
    return Tensor(joined.reshape(-1, *forms[0].shape[1:]), bounds)


def gather(indices: Tensor, data: Tensor, columns: int) -> Tensor:
    """See `Backend.gather`; shapes checked, gas paid."""
    check_indices(indices, data, columns)
    table = data.data.reshape(-1, columns, *data.data.shape[1:])
    return to_tensor(table[indices.data].reshape(-1, *data.data.shape[1:]))
