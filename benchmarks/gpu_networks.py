"""Networks on a GPU and beside it: SmartVM on any backend, and PyTorch on the same card."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from contenders import OnChain, prepare, torch_model
from cpu_scaling import multiply_accumulates
from cpu_speed import input_of

from smartvm.compiler import zoo
from smartvm.compiler.artefact import Artefact
from smartvm.dispatch import Backend, available_backends, make_dispatcher
from smartvm.dispatch.cupy_backend.backend import CupyBackend
from smartvm.dispatch.cupy_backend.device import Device
from smartvm.dispatch.cupy_backend.placement import Placement


class Network:
    """A network for so many inputs at once, as a contract and as an ONNX model.

    Attributes:
        model: the ONNX file.
        chain: the contract on a chain of its own.
        x: float32, its input.
        calldata: the call with this input.
    """

    def __init__(self, name: str, batch: int, scale: int) -> None:
        self.name, self.batch = name, batch
        self.model, path = prepare(name, scale, batch)
        self.chain = OnChain(Artefact.load(str(path)))
        self.x = input_for(name, batch)
        self.calldata = self.chain.pack(self.x)

    def frame(self) -> bytes:
        """The contract's frame: from the calldata to the words that it returns."""
        return self.chain.frame(self.calldata)

    def with_backend(self, backend: str | Backend) -> Callable[[], bytes]:
        """The frame on another backend."""
        dispatcher = make_dispatcher(backend)

        def run() -> bytes:
            self.chain.use(dispatcher)
            return self.frame()

        return run

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return multiply_accumulates(self.chain.artefact.contract.graph)


def input_for(name: str, batch: int) -> np.ndarray:
    """A float32 input, images or the steps of a sequence."""
    shape = zoo.NETWORKS[name].input_shape
    if len(shape) == 4:
        return input_of(name, batch)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def cpu_backend() -> str:
    """The fastest backend of the CPU."""
    return next(name for name in ("native", "numpy") if name in available_backends())


def cupy_backend(device: Device, choice: str) -> CupyBackend:
    """The cupy backend: by the cost model (`auto`), or all that it has on one side."""
    return CupyBackend(device, placement=None if choice == "auto" else Placement(choice=choice))


def seconds(run: Callable[[], Any]) -> float:
    """Of one run."""
    started = perf_counter()
    run()
    return perf_counter() - started


def torch_contenders(network: Network, device: str) -> dict[str, Callable[[], Any]]:
    """PyTorch from input to output on the host as SmartVM, and with both on the device.

    Each in float32, and on a card with TF32 as well.
    """
    import torch

    forward = torch_model(network.model, device)
    torch.backends.cudnn.benchmark = True  # shapes never change: let it choose
    host, there = torch.from_numpy(network.x), torch.from_numpy(network.x).to(device)

    def whole(tf32: bool) -> None:
        allow_tf32(tf32)
        forward(host.to(device)).cpu().numpy()

    def resident(tf32: bool) -> None:
        allow_tf32(tf32)
        forward(there)
        if device != "cpu":
            torch.cuda.synchronize()

    runs: dict[str, Callable[[], Any]] = {}
    for tf32 in (False, True) if device != "cpu" else (False,):
        kind = "TF32" if tf32 else "float32"
        runs[f"PyTorch {kind}"] = lambda tf32=tf32: whole(tf32)
        runs[f"PyTorch {kind}, input there"] = lambda tf32=tf32: resident(tf32)
    return runs


def allow_tf32(allowed: bool) -> None:
    """Whether PyTorch may round the factors of float32 products to 11 bits."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def torch_peak_bytes(network: Network, device: str) -> int:
    """The most memory of a card that PyTorch's tensors take, weights and input included."""
    import torch

    if device == "cpu":
        return 0
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    run = torch_contenders(network, device)["PyTorch float32"]
    run()  # cuDNN tries its algorithms, some of which take much memory
    torch.cuda.reset_peak_memory_stats()
    run()
    return torch.cuda.max_memory_allocated() - before
