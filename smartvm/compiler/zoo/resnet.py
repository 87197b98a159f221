"""ResNet: He et al., "Deep Residual Learning for Image Recognition", 2015."""

from __future__ import annotations

from smartvm.compiler.zoo.builder import GraphBuilder, Tensor

BRANCH_SCALE = 0.5
"""Scale of a residual branch's last normalisation, so that untrained sums do not grow."""


def resnet18(net: GraphBuilder) -> Tensor:
    """Four stages of two basic blocks: 11,689,512 weights."""
    x = net.relu(net.batch_norm(net.conv(net.input, 64, 7, stride=2, padding=3, bias=False)))
    x = net.max_pool(x, 3, stride=2, padding=1)
    for channels, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        x = _basic_block(net, x, channels, stride)
        x = _basic_block(net, x, channels, 1)
    return net.dense(net.flatten(net.global_average_pool(x)), 1000)


def _basic_block(net: GraphBuilder, x: Tensor, channels: int, stride: int) -> Tensor:
    """Two 3 x 3 convolutions beside the identity, or beside a 1 x 1 convolution of stride 2."""
    shortcut = x
    if stride > 1:
        shortcut = net.batch_norm(net.conv(x, channels, 1, stride=stride, bias=False))
    x = net.relu(net.batch_norm(net.conv(x, channels, 3, stride=stride, padding=1, bias=False)))
    x = net.batch_norm(net.conv(x, channels, 3, padding=1, bias=False), BRANCH_SCALE)
    return net.relu(net.add(x, shortcut))
