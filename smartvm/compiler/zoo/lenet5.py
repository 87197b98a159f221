"""LeNet-5 with the project's trained weights (`smartvm.compiler.lenet5`)."""

from __future__ import annotations

from smartvm.compiler.lenet5 import weights
from smartvm.compiler.zoo.builder import GraphBuilder, Tensor


def lenet5(net: GraphBuilder) -> Tensor:
    """Three convolutions, two fully connected layers: 61,706 trained weights, input in [0, 1]."""
    trained = weights()
    x = net.input
    for layer in ("conv1", "conv2", "conv3"):
        if layer != "conv1":
            x = net.max_pool(x, 2, stride=2)
        x = net.relu(net.conv_with(x, trained[f"{layer}.weight"], trained[f"{layer}.bias"]))
    x = net.flatten(x)
    x = net.relu(net.dense_with(x, trained["fc1.weight"], trained["fc1.bias"]))
    return net.dense_with(x, trained["fc2.weight"], trained["fc2.bias"])
