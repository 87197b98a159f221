"""AlexNet: Krizhevsky, "One weird trick for parallelizing convolutional networks", 2014."""

from __future__ import annotations

from smartvm.compiler.zoo.builder import GraphBuilder, Tensor


def alexnet(net: GraphBuilder) -> Tensor:
    """Five convolutions, three fully connected layers: 61,100,840 weights."""
    x = net.relu(net.conv(net.input, 64, 11, stride=4, padding=2))
    x = net.max_pool(x, 3, stride=2)
    x = net.relu(net.conv(x, 192, 5, padding=2))
    x = net.max_pool(x, 3, stride=2)
    for channels in (384, 256, 256):
        x = net.relu(net.conv(x, channels, 3, padding=1))
    x = net.flatten(net.max_pool(x, 3, stride=2))
    for features in (4096, 4096):
        x = net.relu(net.dense(x, features))
    return net.dense(x, 1000)
