from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import smartvm
from smartvm.compiler import lenet5
from smartvm.compiler.network import (
    AveragePool,
    Convolution,
    FullyConnected,
    Layer,
    MaxPool,
    Network,
    ReLU,
)
from smartvm.compiler.program import Program
from smartvm.compiler.sequential import BLOCK_BYTES, CompiledNetwork, compile_network

Evaluate = Callable[[Network, list[int]], list[int]]


def run(compiled: CompiledNetwork, items: list[int]) -> smartvm.Execution:
    """The network's code on a map that MTOB reads from Memory, 32 bytes an item."""
    program = Program()
    for index, item in enumerate(items):
        program.push(item).push(32 * index).op("MSTORE")
    program.op("MTOB", offset=0, count=len(items)).include(compiled.program)
    blocks = {number: block.items for number, block in compiled.blocks.items()}
    return smartvm.execute(program.bytecode(), blocks=blocks).raise_for_error()


def tensor(draw: st.DrawFn, shape: tuple[int, ...], magnitude: int) -> np.ndarray:
    count = int(np.prod(shape))
    items = st.integers(-magnitude, magnitude)
    return np.array(draw(st.lists(items, min_size=count, max_size=count)), object).reshape(shape)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """A convolution, ReLU, a pooling and a fully connected layer, of every size and width."""
    magnitude = 1 << draw(st.sampled_from([1, 7, 8, 15, 31, 64, 250]))
    channels, kernel, padding = draw(st.tuples(*[st.integers(1, 2)] * 3))
    height, width = draw(st.tuples(*[st.integers(4, 6)] * 2))
    out_channels, classes = draw(st.tuples(*[st.integers(1, 3)] * 2))
    layers: list[Layer] = [
        Convolution(
            "conv",
            tensor(draw, (out_channels, channels, kernel, kernel), magnitude),
            tensor(draw, (out_channels,), magnitude),
            draw(st.integers(1, 2)),
            padding,
        ),
        ReLU("relu"),
        draw(st.sampled_from([MaxPool, AveragePool]))("pool", 2, draw(st.integers(1, 2))),
    ]
    body = Network("body", (channels, height, width), draw(st.integers(1, 1000)), tuple(layers))
    features = int(np.prod(body.shapes()[-1]))
    weights = tensor(draw, (classes, features), magnitude)
    head = FullyConnected("fc", weights, tensor(draw, (classes,), magnitude))
    return Network("test", body.input_shape, body.scale, (*layers, head))


@given(networks(), st.data())
def test_the_code_computes_the_network(
    evaluate: Evaluate, network: Network, data: st.DataObject
) -> None:
    count = network.input_items
    items = data.draw(st.lists(st.integers(-(1 << 40), 1 << 40), min_size=count, max_size=count))
    assert run(compile_network(network), items).buffer == [evaluate(network, items)]


@pytest.fixture
def small_network() -> Network:
    random = np.random.default_rng(3)
    weights = random.integers(-90, 90, (4, 2, 3, 3))
    layers = (
        Convolution("conv", weights, random.integers(-900, 900, 4)),
        ReLU("relu"),
        MaxPool("pool", 2, 2),
        FullyConnected("fc", random.integers(-900, 900, (3, 16)), np.array([1, -2, 70_000])),
    )
    return Network("small", (2, 6, 6), 10, layers)


def test_a_batch_gives_each_example_its_own_result(
    evaluate: Evaluate, small_network: Network
) -> None:
    first, second = np.random.default_rng(4).integers(-50, 50, (2, 72)).tolist()
    both = run(compile_network(small_network), first + second)
    assert both.buffer == [evaluate(small_network, first) + evaluate(small_network, second)]


def test_each_tensor_has_a_block_of_the_narrowest_width(small_network: Network) -> None:
    blocks = compile_network(small_network).blocks
    assert {number: (len(block.items), block.item_bytes) for number, block in blocks.items()} == {
        1: (72, 1),
        2: (4, 2),
        3: (48, 2),
        4: (3, 4),
    }


def test_large_tensors_are_cut_into_consecutive_blocks(
    evaluate: Evaluate, small_network: Network
) -> None:
    compiled = compile_network(small_network, first_block=7, block_bytes=20)
    sizes = [len(block.items) * block.item_bytes for block in compiled.blocks.values()]
    assert list(compiled.blocks) == list(range(7, 7 + 4 + 1 + 5 + 1))
    assert max(sizes) == 20
    items = list(range(72))
    assert run(compiled, items).buffer == [evaluate(small_network, items)]


def test_the_map_of_layers_covers_the_code(small_network: Network) -> None:
    compiled = compile_network(small_network)
    starts = [layer.start for layer in compiled.layers]
    stops = [layer.stop for layer in compiled.layers]
    assert starts[0] == 0
    assert all(stop == start for (_, stop), (start, _) in pairwise(zip(starts, stops, strict=True)))
    assert stops[-1] == len(compiled.program.bytecode()) - len(smartvm.MAGIC)
    counts = [layer.instructions for layer in compiled.layers]
    assert sum(counts) == compiled.program.instruction_count
    assert [layer.macs for layer in compiled.layers] == [72 * 16, 0, 0, 48]


def test_lenet5_is_75_instructions_and_416_520_macs() -> None:
    compiled = compile_network(lenet5.load())
    assert compiled.program.instruction_count == 75
    assert sum(layer.macs for layer in compiled.layers) == 416_520
    assert len(compiled.blocks) == 10
    assert all(len(b.items) * b.item_bytes <= BLOCK_BYTES for b in compiled.blocks.values())
