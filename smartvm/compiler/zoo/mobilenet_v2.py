"""MobileNet v2: Sandler et al., "Inverted Residuals and Linear Bottlenecks", 2018."""

from __future__ import annotations

from smartvm.compiler.zoo.builder import GraphBuilder, Tensor

STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
          (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip
"""Expansion, channels, blocks and first stride of each stage."""
BRANCH_SCALE = 0.5
"""Scale of a residual branch's last normalisation, so that untrained sums do not grow."""


def mobilenet_v2(net: GraphBuilder) -> Tensor:
    """Seventeen inverted residuals with linear bottlenecks: 3,504,872 weights."""
    x = net.relu6(net.normalised_conv(net.input, 32, 3, stride=2))
    for expansion, channels, blocks, first_stride in STAGES:
        for block in range(blocks):
            x = inverted_residual(net, x, expansion, channels, 1 if block else first_stride)
    x = net.relu6(net.normalised_conv(x, 1280, 1))
    return net.dense(net.flatten(net.global_average_pool(x)), 1000)


def inverted_residual(
    net: GraphBuilder, x: Tensor, expansion: int, channels: int, stride: int
) -> Tensor:
    """Widen, filter depthwise, narrow without a rectifier; added to x where shapes agree."""
    shortcut = x
    width = expansion * x.shape[1]
    if expansion > 1:
        x = net.relu6(net.normalised_conv(x, width, 1))
    x = net.relu6(net.normalised_conv(x, width, 3, stride, groups=width))
    x = net.normalised_conv(x, channels, 1, scale=BRANCH_SCALE)
    return net.add(x, shortcut) if x.shape == shortcut.shape else x
