"""The LSTM of SmartVM's paper: 28 cells, 55,296 weights.

The paper gives no shape. A layer of 96 units that reads 48 features at each of 28 steps has
exactly 4 · 96 · (48 + 96) = 55,296 weights in its two matrices.
"""

from __future__ import annotations

import numpy as np

from smartvm.compiler.zoo.builder import GraphBuilder, Tensor

STEPS, FEATURES, UNITS, CLASSES = 28, 48, 96, 10


def lstm(net: GraphBuilder) -> Tensor:
    """An LSTM over 28 steps whose last state is read out by a fully connected layer."""
    deviation = UNITS**-0.5
    shapes = {"W": (1, 4 * UNITS, FEATURES), "R": (1, 4 * UNITS, UNITS), "B": (1, 8 * UNITS)}
    parameters = {
        name: net.random.uniform(-deviation, deviation, shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    last_state = net.add_node(
        "LSTM", [net.input], (1, 1, UNITS), parameters, output_index=1, hidden_size=UNITS
    )
    return net.dense(Tensor(net.flatten(last_state).name, (1, UNITS)), CLASSES)
