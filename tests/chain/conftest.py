"""A small model, whose contract and weights every test of the chain may use."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.contract import ModelContract, build_contract
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.sequential import Sequential


@pytest.fixture(scope="session")
def linear() -> ModelContract:
    """A fully connected layer of 7 × 6, its weights in 7 blocks."""
    weights = np.random.default_rng(1).integers(-900, 900, (7, 6))
    network = Sequential("linear", (1, 2, 3), scale=255, input_range=Interval(0, 255))
    network.fully_connected("fc", weights, np.arange(7) * 70_000)
    return build_contract(network.graph, block_bytes=20)
