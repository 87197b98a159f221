"""MobileNet: Howard et al., "MobileNets: Efficient Convolutional Neural Networks", 2017."""

from __future__ import annotations

from smartvm.compiler.zoo.builder import GraphBuilder, Tensor

LAYERS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5,
          (1024, 2), (1024, 1))  # fmt: skip
"""Channels and stride of each depthwise separable convolution."""


def mobilenet_v1(net: GraphBuilder) -> Tensor:
    """Thirteen depthwise separable convolutions: 4,231,976 weights."""
    x = net.relu(net.normalised_conv(net.input, 32, 3, stride=2))
    for channels, stride in LAYERS:
        x = net.relu(net.normalised_conv(x, x.shape[1], 3, stride, groups=x.shape[1]))
        x = net.relu(net.normalised_conv(x, channels, 1))
    return net.dense(net.flatten(net.global_average_pool(x)), 1000)
