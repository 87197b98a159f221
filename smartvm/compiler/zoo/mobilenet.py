"""MobileNet: Howard et al., 2017 (v1), and Sandler et al., 2018 (v2)."""

from __future__ import annotations

from smartvm.compiler.zoo.builder import GraphBuilder, Tensor

V1_LAYERS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5,
             (1024, 2), (1024, 1))  # fmt: skip
"""Channels and stride of each depthwise separable convolution."""
V2_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
             (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip
"""Expansion, channels, blocks and first stride of each stage."""
BRANCH_SCALE = 0.5
"""Scale of a residual branch's last normalisation, so that untrained sums do not grow."""


def mobilenet_v1(net: GraphBuilder) -> Tensor:
    """Thirteen depthwise separable convolutions: 4,231,976 weights."""
    x = net.relu(_normalised(net, net.input, 32, 3, stride=2))
    for channels, stride in V1_LAYERS:
        x = net.relu(_normalised(net, x, x.shape[1], 3, stride, groups=x.shape[1]))
        x = net.relu(_normalised(net, x, channels, 1))
    return net.dense(net.flatten(net.global_average_pool(x)), 1000)


def mobilenet_v2(net: GraphBuilder) -> Tensor:
    """Seventeen inverted residuals with linear bottlenecks: 3,504,872 weights."""
    x = net.relu6(_normalised(net, net.input, 32, 3, stride=2))
    for expansion, channels, blocks, first_stride in V2_STAGES:
        for block in range(blocks):
            x = _inverted_residual(net, x, expansion, channels, 1 if block else first_stride)
    x = net.relu6(_normalised(net, x, 1280, 1))
    return net.dense(net.flatten(net.global_average_pool(x)), 1000)


def _inverted_residual(
    net: GraphBuilder, x: Tensor, expansion: int, channels: int, stride: int
) -> Tensor:
    """Widen, filter depthwise, narrow without a rectifier; added to x where shapes agree."""
    shortcut = x
    width = expansion * x.shape[1]
    if expansion > 1:
        x = net.relu6(_normalised(net, x, width, 1))
    x = net.relu6(_normalised(net, x, width, 3, stride, groups=width))
    x = net.batch_norm(net.conv(x, channels, 1, bias=False), BRANCH_SCALE)
    return net.add(x, shortcut) if x.shape == shortcut.shape else x


def _normalised(
    net: GraphBuilder, x: Tensor, channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> Tensor:
    padding = kernel // 2
    x = net.conv(x, channels, kernel, stride, padding, groups=groups, bias=False)
    return net.batch_norm(x)
