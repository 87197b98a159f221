from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import smartvm
from smartvm.compiler import lenet5
from smartvm.compiler.emit import BLOCK_BYTES, Emitted, emit
from smartvm.compiler.integer_graph import IntegerGraph, Interval
from smartvm.compiler.plan import Run, plan
from smartvm.compiler.program import Program
from smartvm.compiler.sequential import Sequential

Evaluate = Callable[[IntegerGraph, list[int]], list[int]]
ANY = Interval(-(1 << 40), 1 << 40)


def compiled(graph: IntegerGraph, **options: int) -> Emitted:
    return emit(graph, plan(graph), **options)


def run(emitted: Emitted, items: list[int]) -> smartvm.Execution:
    """The network's code on a map that MTOB reads from Memory, 32 bytes an item."""
    program = Program()
    for index, item in enumerate(items):
        program.push(item).push(32 * index).op("MSTORE")
    program.op("MTOB", offset=0, count=len(items)).include(emitted.program)
    blocks = {number: block.tensor for number, block in emitted.blocks.items()}
    return smartvm.execute(program.bytecode(), blocks=blocks).raise_for_error()


def tensor(draw: st.DrawFn, shape: tuple[int, ...], magnitude: int) -> np.ndarray:
    count = int(np.prod(shape))
    items = st.integers(-magnitude, magnitude)
    return np.array(draw(st.lists(items, min_size=count, max_size=count)), object).reshape(shape)


@st.composite
def networks(draw: st.DrawFn) -> IntegerGraph:
    """A convolution, ReLU, a pooling and a fully connected layer, of every size and width."""
    magnitude = 1 << draw(st.sampled_from([1, 7, 8, 15, 31, 64, 250]))
    channels, kernel, padding = draw(st.tuples(*[st.integers(1, 2)] * 3))
    plane = draw(st.tuples(*[st.integers(4, 6)] * 2))
    out_channels, classes = draw(st.tuples(*[st.integers(1, 3)] * 2))
    scale, input_scale = draw(st.tuples(*[st.integers(1, 1000)] * 2))
    network = Sequential(
        "test", (channels, *plane), scale=scale, input_range=ANY, input_scale=input_scale
    )
    weights = tensor(draw, (out_channels, channels, kernel, kernel), magnitude)
    bias, stride = tensor(draw, (out_channels,), magnitude), draw(st.integers(1, 2))
    network.convolution("conv", weights, bias, stride=stride, padding=padding).relu("relu")
    pool = draw(st.sampled_from([network.max_pool, network.average_pool]))
    pool("pool", 2, draw(st.integers(1, 2)))
    features = network.graph.values["pool"].items
    network.fully_connected(
        "fc", tensor(draw, (classes, features), magnitude), tensor(draw, (classes,), magnitude)
    )
    return network.graph


@given(networks(), st.data())
def test_the_code_computes_the_network(
    evaluate: Evaluate, graph: IntegerGraph, data: st.DataObject
) -> None:
    count = graph.values["input"].items
    items = data.draw(st.lists(st.integers(*ANY), min_size=count, max_size=count))
    assert run(compiled(graph), items).buffer == [evaluate(graph, items)]


@pytest.fixture
def small_network() -> IntegerGraph:
    random = np.random.default_rng(3)
    network = Sequential("small", (2, 6, 6), scale=10, input_range=Interval(-50, 50))
    network.convolution(
        "conv", random.integers(-90, 90, (4, 2, 3, 3)), random.integers(-900, 900, 4)
    )
    network.relu("relu").max_pool("pool", 2)
    network.fully_connected("fc", random.integers(-900, 900, (3, 16)), np.array([1, -2, 70_000]))
    return network.graph


def test_a_batch_gives_each_example_its_own_result(
    evaluate: Evaluate, small_network: IntegerGraph
) -> None:
    first, second = np.random.default_rng(4).integers(-50, 50, (2, 72)).tolist()
    both = run(compiled(small_network), first + second)
    assert both.buffer == [evaluate(small_network, first) + evaluate(small_network, second)]


def test_shapes_and_scales_are_those_of_each_value(small_network: IntegerGraph) -> None:
    found = {name: (value.shape, value.scale) for name, value in small_network.values.items()}
    assert found == {
        "input": ((2, 6, 6), 10),
        "conv.weight": ((4, 2, 3, 3), 10),
        "conv.products": ((4, 4, 4), 100),
        "conv.bias": ((4,), 100),
        "conv.sums": ((4, 4, 4), 100),
        "conv": ((4, 4, 4), 10),
        "relu": ((4, 4, 4), 10),
        "pool": ((4, 2, 2), 10),
        "fc.weight": ((3, 16), 10),
        "fc.bias": ((3,), 100),
        "fc.sums": ((3,), 100),
        "fc": ((3,), 10),
    }


def test_each_operation_names_its_layer(small_network: IntegerGraph) -> None:
    sources = [operation.source for operation in small_network.operations]
    assert sources == ["conv", "conv", "conv", "relu", "pool", "fc", "fc"]


@pytest.mark.parametrize(
    ("scale", "operations"), [(255, 0), (1020, 1), (1000, 2), (51, 1)], ids=str
)
def test_an_input_of_another_scale_is_brought_to_that_of_the_network(
    evaluate: Evaluate, scale: int, operations: int
) -> None:
    pixels = Interval(0, 255)
    network = Sequential("p", (3, 1, 1), scale=scale, input_range=pixels, input_scale=255)
    assert len(network.graph.operations) == operations
    assert evaluate(network.graph, [0, 77, 255]) == [0, round(77 * scale / 255), scale]


def test_each_tensor_has_a_block_of_the_narrowest_width(small_network: IntegerGraph) -> None:
    blocks = compiled(small_network).blocks
    assert {number: (len(block.items), block.item_bytes) for number, block in blocks.items()} == {
        1: (72, 1),
        2: (4, 2),
        3: (48, 2),
        4: (3, 3),
    }


def test_large_tensors_are_cut_into_consecutive_blocks(
    evaluate: Evaluate, small_network: IntegerGraph
) -> None:
    emitted = compiled(small_network, first_block=7, block_bytes=20)
    sizes = [len(block.packed) for block in emitted.blocks.values()]
    assert list(emitted.blocks) == list(range(7, 7 + 4 + 1 + 5 + 1))
    assert emitted.tensors == {"conv.weight": 7, "conv.bias": 11, "fc.weight": 12, "fc.bias": 17}
    assert max(sizes) == 20
    items = list(range(72))
    assert run(emitted, items).buffer == [evaluate(small_network, items)]


def test_lenet5_is_75_instructions_and_416_520_macs() -> None:
    graph = lenet5.load(input_scale=lenet5.SCALE)
    emitted = compiled(graph)
    assert emitted.program.instruction_count == 75
    assert sum(m.move.operation.macs for m in emitted.moves if isinstance(m.move, Run)) == 416_520
    assert len(emitted.blocks) == 10
    assert all(len(block.packed) <= BLOCK_BYTES for block in emitted.blocks.values())
