"""Results of native kernels in their narrowest form.

A kernel computes in a form that is proved wide enough, and finds the exact bounds of its results
on the way. It writes them in the form they are likely to need; where that was wrong, the bounds
say what is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from smartvm.dispatch.numpy_backend.forms import INT16, INT32, INT64, narrow_dtype
from smartvm.dispatch.tensor import Tensor

__all__ = ["INT16", "INT32", "INT64", "narrow_dtype", "written"]

Dtype = np.dtype[np.signedinteger]


def written(
    length: int, dtype: Dtype, kernel: Callable[..., tuple[int, int]], *terms: Any
) -> Tensor:
    """The tensor that `kernel(out, *terms)` writes; it returns the bounds of its results.

    Args:
        length: of the result.
        dtype: of `out` at first. Where it proves too narrow, the kernel runs once more.
        kernel: a function of the compiled module.
        terms: its other arguments.
    """
    out = np.empty(length, dtype)
    bounds = kernel(out, *terms)
    needed = narrow_dtype(*bounds)
    assert needed is not None
    if needed.itemsize < dtype.itemsize:
        out = out.astype(needed)
    elif needed.itemsize > dtype.itemsize:
        out = np.empty(length, needed)
        kernel(out, *terms)
    return Tensor(out, bounds)
