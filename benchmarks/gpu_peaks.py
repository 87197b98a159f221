"""What a card can do: copies, PyTorch's matrix products, and our exact one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gpu_device import Watched, seconds_of
from gpu_networks import allow_tf32, cupy_backend, seconds

from smartvm.dispatch.cupy_backend.device import Device
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import MatmulShape

LIMB_PRODUCTS = 4
"""Products of 8-bit limbs for one of 16 bits."""


def peaks(device: Device, torch_device: str, size: int, copied: int) -> dict[str, float]:
    """Bytes a second (read and written), and multiply-accumulates a second.

    Args:
        device: where our kernels run.
        torch_device: where PyTorch's do.
        size: rows and columns of the matrices.
        copied: bytes of the copy.
    """
    import torch

    a, b, product = (torch.rand(size, size, device=torch_device) for _ in range(3))
    source = torch.randint(0, 99, (copied,), dtype=torch.uint8, device=torch_device)
    target = torch.empty_like(source)
    found = {"copy bytes/s": 2 * copied / torch_seconds(lambda: target.copy_(source))}
    for kind, allowed in (("float32", False), ("TF32", True)):
        allow_tf32(allowed)
        found[f"{kind} MAC/s"] = size**3 / torch_seconds(lambda: torch.mm(a, b, out=product))
    exact = size**3 / product_seconds(device, size)
    return found | {"exact 16-bit MAC/s": exact, "int8 limb MAC/s": LIMB_PRODUCTS * exact}


def torch_seconds(run: Callable[[], Any], repeats: int = 10) -> float:
    """The mean seconds of some runs in a row, waited for at the end."""
    import torch

    def wait() -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    def rows() -> None:
        for _ in range(repeats):
            run()
        wait()

    rows()
    return min(seconds(rows) for _ in range(3)) / repeats


def product_seconds(device: Device, size: int) -> float:
    """Of our product of two square matrices of 16 bits, all its kernels together."""
    watched = Watched(device)
    backend = cupy_backend(watched, "gpu")
    random = np.random.default_rng(0)
    a, b = (Tensor.from_array(random.integers(-9999, 9999, size * size)) for _ in range(2))
    b.memo = {}  # resident, as weights are
    shape = MatmulShape(size, size, size)
    backend.matmul(a, b, shape)  # compiles, uploads and packs what is resident
    with watched.watch():
        backend.matmul(a, b, shape)
    if not watched.launches:
        raise RuntimeError("the product did not run on the device")
    return seconds_of(device, watched.launches, 5)
