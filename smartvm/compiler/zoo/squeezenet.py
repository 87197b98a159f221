"""SqueezeNet 1.1: Iandola et al., "SqueezeNet: AlexNet-level accuracy", 2016."""

from __future__ import annotations

from smartvm.compiler.zoo.builder import GraphBuilder, Tensor

POOL = None
STAGES = ((16, 64), (16, 64), POOL, (32, 128), (32, 128), POOL, (48, 192), (48, 192), (64, 256),
          (64, 256))  # fmt: skip
"""Channels of each fire module's squeeze and of either expansion."""


def squeezenet(net: GraphBuilder) -> Tensor:
    """Eight fire modules between two convolutions: 1,235,496 weights."""
    x = net.max_pool(net.relu(net.conv(net.input, 64, 3, stride=2)), 3, stride=2)
    for stage in STAGES:
        x = net.max_pool(x, 3, stride=2) if stage is POOL else fire(net, x, *stage)
    x = net.relu(net.conv(x, 1000, 1))
    return net.flatten(net.global_average_pool(x))


def fire(net: GraphBuilder, x: Tensor, squeeze: int, expand: int) -> Tensor:
    """A 1 x 1 convolution, then 1 x 1 and 3 x 3 convolutions side by side."""
    x = net.relu(net.conv(x, squeeze, 1))
    narrow = net.relu(net.conv(x, expand, 1))
    wide = net.relu(net.conv(x, expand, 3, padding=1))
    return net.concat(narrow, wide)
