"""The peak of PyTorch's activations in one inference, measured; for other benchmarks.

The nodes of a float model run one by one in eager mode without gradients, each tensor dropped
after its last use, as the local variables of a module's `forward` are. Every storage that an
operator allocates is counted from its creation until PyTorch frees it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from smartvm.compiler.float_model import FloatModel, Node


class AllocationCounter(TorchDispatchMode):
    """Counts the bytes of all storages that operators return while it is active."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator, then count what it returned."""
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self.count(leaf)
        return result

    def ignore(self, tensor: torch.Tensor) -> None:
        """Leave a tensor out, and all views of it."""
        self._known.add(tensor.untyped_storage().data_ptr())

    def count(self, tensor: torch.Tensor) -> None:
        """Count a tensor's storage, unless it is known."""
        storage = tensor.untyped_storage()
        address, size = storage.data_ptr(), storage.nbytes()
        if address in self._known:
            return
        self._known.add(address)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._freed, address, size)

    def _freed(self, address: int, size: int) -> None:
        self._known.discard(address)
        self.now -= size


def activation_peak(model: FloatModel, x: np.ndarray) -> int:
    """Bytes of activations, the input among them, at the worst moment of one inference."""
    parameters = {name: torch.tensor(array) for name, array in model.constants.items()}
    last = {name: i for i, node in enumerate(model.nodes) for name in node.inputs}
    counter = AllocationCounter()
    for tensor in parameters.values():
        counter.ignore(tensor)
    with torch.no_grad(), counter:
        live = {model.inputs[0]: torch.tensor(x)}
        for index, node in enumerate(model.nodes):
            run_node(node, parameters, live)
            for name in node.inputs:
                if last[name] == index:
                    live.pop(name, None)
    return counter.peak


def run_node(
    node: Node, parameters: dict[str, torch.Tensor], live: dict[str, torch.Tensor]
) -> None:
    """Run one node and keep its outputs."""
    tensors = [live[name] if name in live else parameters.get(name) for name in node.inputs]
    results = OPERATORS[node.operator](node, *tensors)
    results = results if isinstance(results, tuple) else (results,)
    live.update(zip(node.outputs, results, strict=False))


def conv(node: Node, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None = None) -> Any:
    """Conv with the same padding before and after."""
    return functional.conv2d(
        x,
        w,
        b,
        stride=list(node.attributes.get("strides", (1, 1))),
        padding=list(node.attributes.get("pads", (0, 0))[:2]),
        groups=node.attributes.get("group", 1),
    )


def max_pool(node: Node, x: torch.Tensor) -> Any:
    """MaxPool with the same padding before and after."""
    kernel, strides = (list(node.attributes[name]) for name in ("kernel_shape", "strides"))
    return functional.max_pool2d(x, kernel, strides, list(node.attributes["pads"][:2]))


def lstm(node: Node, x: torch.Tensor, w: torch.Tensor, r: torch.Tensor, b: torch.Tensor) -> Any:
    """LSTM of one direction; PyTorch orders the gates i, f, c, o, ONNX i, o, f, c."""
    units = node.attributes["hidden_size"]

    def reordered(rows: torch.Tensor) -> torch.Tensor:
        i, o, f, c = rows.split(units)
        return torch.cat([i, f, c, o])

    biases = b[0].split(4 * units)
    weights = [reordered(rows) for rows in (w[0], r[0], *biases)]
    state = torch.zeros(1, x.shape[1], units, device=x.device)
    y, h, c = torch.lstm(x, (state, state), weights, True, 1, 0.0, False, False, False)
    return y, h, c


OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": lambda node, x, y: x + y,
    "Clip": lambda node, x, low, high: functional.hardtanh(x, low.item(), high.item()),
    "Conv": conv,
    "Gemm": lambda node, x, w, b: functional.linear(x, w, b),
    "GlobalAveragePool": lambda node, x: functional.adaptive_avg_pool2d(x, 1),
    "LSTM": lstm,
    "MaxPool": max_pool,
    "Relu": lambda node, x: functional.relu(x),
    "Reshape": lambda node, x, shape: x.reshape(shape.tolist()),
}
