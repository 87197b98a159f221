"""From results to tensors: the narrowest form, found from the values' bounds."""

from __future__ import annotations

import numpy as np

from smartvm.dispatch.numpy_backend.limbs import Array
from smartvm.dispatch.tensor import NARROW, Tensor, form_bytes
from smartvm.words import limbs_for


def narrow_dtype(low: int, high: int) -> np.dtype[np.signedinteger] | None:
    """The narrowest dtype of a tensor that holds [low, high]; None beyond 64 bits."""
    limbs = limbs_for(low, high)
    return None if limbs > 4 else NARROW[{2: 0, 4: 1, 8: 2}[form_bytes(limbs)]]


def to_tensor(result: Array) -> Tensor:
    """The tensor of numbers of a kernel's own: integers as such or in floats, or (…, 16) limbs.

    It may take the array over, which nobody must write to any more.
    """
    if result.dtype == np.uint16:
        return Tensor.from_wide(np.ascontiguousarray(result).reshape(-1, result.shape[-1]))
    if not result.size:
        return Tensor.zeros(0)
    bounds = int(result.min()), int(result.max())
    dtype = narrow_dtype(*bounds)
    assert dtype is not None
    return Tensor(result.astype(dtype, order="C", copy=False).reshape(-1), bounds)
