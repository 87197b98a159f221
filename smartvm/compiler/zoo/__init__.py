"""The zoo: well-known networks as ONNX models with seeded weights.

>>> from smartvm.compiler import zoo
>>> model = zoo.build("resnet18")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from smartvm.compiler.zoo.alexnet import alexnet
from smartvm.compiler.zoo.builder import GraphBuilder, Tensor
from smartvm.compiler.zoo.lenet5 import lenet5
from smartvm.compiler.zoo.lstm import FEATURES, STEPS, lstm
from smartvm.compiler.zoo.mobilenet_v1 import mobilenet_v1
from smartvm.compiler.zoo.mobilenet_v2 import mobilenet_v2
from smartvm.compiler.zoo.resnet import resnet18
from smartvm.compiler.zoo.squeezenet import squeezenet
from smartvm.compiler.zoo.vgg import vgg11

if TYPE_CHECKING:
    import onnx

__all__ = ["build", "names"]

IMAGE = (1, 3, 224, 224)


class Network(NamedTuple):
    """How a network is defined, and the shape of its input, batch included."""

    define: Callable[[GraphBuilder], Tensor]
    input_shape: tuple[int, ...]


NETWORKS = {
    "lenet5": Network(lenet5, (1, 1, 32, 32)),
    "alexnet": Network(alexnet, IMAGE),
    "resnet18": Network(resnet18, IMAGE),
    "mobilenet_v1": Network(mobilenet_v1, IMAGE),
    "mobilenet_v2": Network(mobilenet_v2, IMAGE),
    "squeezenet": Network(squeezenet, IMAGE),
    "vgg11": Network(vgg11, IMAGE),
    "lstm": Network(lstm, (STEPS, 1, FEATURES)),
}


def names() -> list[str]:
    """The names that `build` knows."""
    return list(NETWORKS)


def build(name: str, seed: int = 0) -> onnx.ModelProto:
    """The network as an ONNX model with one input, "input", and one output, "output".

    Args:
        name: one of `names()`.
        seed: of the weights; LeNet-5 has trained ones and takes no notice of it.

    Raises:
        ValueError: no such network.
    """
    if name not in NETWORKS:
        raise ValueError(f"no network is called {name!r}; there are {', '.join(NETWORKS)}")
    define, input_shape = NETWORKS[name]
    net = GraphBuilder(name, input_shape, seed)
    return net.model(define(net))
