"""ResNet: He et al., "Deep Residual Learning for Image Recognition", 2015."""

from __future__ import annotations

from smartvm.compiler.zoo.builder import GraphBuilder, Tensor

BRANCH_SCALE = 0.5
"""Scale of a residual branch's last normalisation, so that untrained sums do not grow."""


def resnet18(net: GraphBuilder) -> Tensor:
    """Four stages of two basic blocks: 11,689,512 weights."""
    x = net.relu(net.normalised_conv(net.input, 64, 7, stride=2))
    x = net.max_pool(x, 3, stride=2, padding=1)
    for channels, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        x = basic_block(net, x, channels, stride)
        x = basic_block(net, x, channels, 1)
    return net.dense(net.flatten(net.global_average_pool(x)), 1000)


def basic_block(net: GraphBuilder, x: Tensor, channels: int, stride: int) -> Tensor:
    """Two 3 x 3 convolutions beside the identity, or beside a 1 x 1 convolution of stride 2."""
    shortcut = net.normalised_conv(x, channels, 1, stride) if stride > 1 else x
    x = net.relu(net.normalised_conv(x, channels, 3, stride))
    x = net.normalised_conv(x, channels, 3, scale=BRANCH_SCALE)
    return net.relu(net.add(x, shortcut))
