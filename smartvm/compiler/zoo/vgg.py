"""VGG: Simonyan and Zisserman, "Very Deep Convolutional Networks", 2014."""

from __future__ import annotations

from smartvm.compiler.zoo.builder import GraphBuilder, Tensor

STAGES_OF_11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))


def vgg11(net: GraphBuilder) -> Tensor:
    """Configuration A: eight convolutions, three fully connected layers, 132,863,336 weights."""
    x = net.input
    for stage in STAGES_OF_11:
        for channels in stage:
            x = net.relu(net.conv(x, channels, 3, padding=1))
        x = net.max_pool(x, 2, stride=2)
    x = net.flatten(x)
    for features in (4096, 4096):
        x = net.relu(net.dense(x, features))
    return net.dense(x, 1000)
