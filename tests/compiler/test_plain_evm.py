"""The plain-EVM twin: exact integers, stock instructions only, and what each loop costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from eth.exceptions import Revert
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from hypothesis import given
from hypothesis import strategies as st

from smartvm import Program, execute
from smartvm.compiler import lenet5
from smartvm.compiler.emit import emit
from smartvm.compiler.integer_graph import IntegerGraph, Interval
from smartvm.compiler.operations import Rescale
from smartvm.compiler.plain_evm import generate, run_twin, storage_slots
from smartvm.compiler.plan import plan
from smartvm.compiler.sequential import Sequential
from smartvm.exceptions import SmartVMError
from smartvm.words import SIGN_BIT, WORD_MODULUS

PUSH1, PUSH32 = 0x60, 0x7F
CODE_SIZE_LIMIT = 24_576
"""EIP-170."""
AddLayer = Callable[[Sequential], Sequential]
Evaluate = Callable[[IntegerGraph, list[int]], list[int]]


def integers(shape: tuple[int, ...], low: int = -99, high: int = 99, seed: int = 1) -> np.ndarray:
    """Random integers of a fixed seed."""
    return np.random.default_rng(seed).integers(low, high, shape, endpoint=True)


def sequential(input_shape: tuple[int, int, int], scale: int) -> Sequential:
    return Sequential("test", input_shape, scale=scale, input_range=Interval(-999, 999))


def convolution(out_channels: int, in_channels: int, kernel: int, **options: int) -> AddLayer:
    weights = integers((out_channels, in_channels, kernel, kernel))
    bias = integers((out_channels,), -999, 999)
    return lambda network: network.convolution("conv", weights, bias, **options)


def dense(out_features: int, in_features: int) -> AddLayer:
    weights, bias = integers((out_features, in_features)), integers((out_features,))
    return lambda network: network.fully_connected("fc", weights, bias)


def fully_connected(
    shape: tuple[int, int, int], scale: int, weights: list[list[int]], bias: list[int]
) -> IntegerGraph:
    return (
        sequential(shape, scale)
        .fully_connected("fc", np.array(weights, dtype=object), np.array(bias, dtype=object))
        .graph
    )


def max_pool(kernel: int, stride: int) -> AddLayer:
    return lambda network: network.max_pool("pool", kernel, stride)


def average_pool(kernel: int, stride: int) -> AddLayer:
    return lambda network: network.average_pool("pool", kernel, stride)


def relu(network: Sequential) -> Sequential:
    return network.relu("relu")


def run_dnn(graph: IntegerGraph, values: list[int]) -> list[int]:
    """The output of the same network as DNN instructions."""
    emitted = emit(graph, plan(graph))
    program = Program().op("CALLDATASIZE").push(0).push(0).op("CALLDATACOPY")
    program.op("MTOB", offset=0, count=len(values)).include(emitted.program)
    calldata = b"".join((value % WORD_MODULUS).to_bytes(32, "big") for value in values)
    blocks = {number: block.tensor for number, block in emitted.blocks.items()}
    execution = execute(program.bytecode(), calldata=calldata, blocks=blocks)
    return execution.raise_for_error().buffer[-1]


def assert_agrees(evaluate: Evaluate, graph: IntegerGraph, values: list[int]) -> None:
    """Integers, stock bytecode and DNN instructions give the same map."""
    expected = evaluate(graph, values)
    assert run_twin(graph, values).output == expected
    assert run_dnn(graph, values) == expected


LAYERS = {
    "one channel": ((1, 5, 5), convolution(1, 1, 3)),
    "stride and padding": ((3, 6, 7), convolution(4, 3, 3, stride=2, padding=1)),
    "stride beyond the kernel": ((2, 5, 8), convolution(3, 2, 2, stride=3)),
    "kernel of the map": ((2, 4, 4), convolution(5, 2, 4)),
    "kernel of the padded map": ((2, 3, 3), convolution(2, 2, 5, padding=1)),
    "kernel of one cell": ((4, 3, 2), convolution(3, 4, 1)),
    "padding beyond the map": ((1, 1, 1), convolution(1, 1, 3, padding=2)),
    "max": ((2, 6, 6), max_pool(2, 2)),
    "overlapping max": ((2, 7, 5), max_pool(3, 2)),
    "max of single cells": ((1, 7, 7), max_pool(1, 3)),
    "global max": ((3, 4, 4), max_pool(4, 4)),
    "average": ((2, 6, 6), average_pool(2, 2)),
    "overlapping average": ((2, 5, 7), average_pool(3, 1)),
    "ReLU": ((2, 3, 3), relu),
    "ReLU of one item": ((1, 1, 1), relu),
    "fully connected": ((3, 2, 2), dense(5, 12)),
    "one output": ((7, 1, 1), dense(1, 7)),
    "one weight": ((1, 1, 1), dense(1, 1)),
}


@pytest.mark.parametrize(("input_shape", "add_layer"), LAYERS.values(), ids=LAYERS)
def test_each_kind_of_layer_gives_the_exact_integers(
    evaluate: Evaluate, input_shape: tuple[int, int, int], add_layer: AddLayer
) -> None:
    values = integers(input_shape, seed=2).ravel().tolist()
    assert_agrees(evaluate, add_layer(sequential(input_shape, 10)).graph, values)


def test_a_whole_network_runs_layer_after_layer(evaluate: Evaluate) -> None:
    network = sequential((1, 12, 12), 100)
    network.convolution("a", integers((3, 1, 3, 3)), integers((3,)), padding=1).relu("relu")
    network.max_pool("max", 2)
    network.convolution("b", integers((4, 3, 3, 3)), integers((4,)), padding=1)
    network.average_pool("mean", 2).convolution("c", integers((6, 4, 3, 3)), integers((6,)))
    network.fully_connected("fc", integers((3, 6)), integers((3,)))
    assert_agrees(evaluate, network.graph, integers((144,), 0, 255).tolist())


@pytest.mark.parametrize("divisor", [1, 2, 7, 10, 1000, (1 << 64) - 1, (1 << 64) - 2])
def test_division_rounds_to_nearest_with_ties_to_even(divisor: int) -> None:
    halves = [quotient * divisor + divisor // 2 for quotient in range(-3, 3)]
    values = [half + offset for half in halves for offset in (-1, 0, 1)]
    values += [0, SIGN_BIT - 1, -SIGN_BIT, 1 - SIGN_BIT]
    identity = np.identity(len(values), dtype=int).tolist()
    graph = fully_connected((len(values), 1, 1), divisor, identity, [0] * len(values))
    result = run_twin(graph, values).output
    assert result == [round(Fraction(value, divisor)) for value in values]
    assert result == run_dnn(graph, values)


def test_sums_wrap_modulo_two_to_the_256(evaluate: Evaluate) -> None:
    weights = [[SIGN_BIT - 1, SIGN_BIT - 1, 2], [-SIGN_BIT, -SIGN_BIT, -1], [1 << 200, 3, -5]]
    graph = fully_connected((3, 1, 1), 3, weights, [SIGN_BIT - 1, -SIGN_BIT, 7])
    assert_agrees(evaluate, graph, [SIGN_BIT - 1, 2, -SIGN_BIT])


def test_a_convolution_wraps_modulo_two_to_the_256(evaluate: Evaluate) -> None:
    weights = integers((2, 2, 2, 2)).astype(object) << 248
    network = sequential((2, 3, 3), 1000)
    network.convolution("conv", weights, weights[:, 0, 0, 0], padding=1)
    assert_agrees(evaluate, network.graph, [value << 100 for value in integers((18,)).tolist()])


def test_pooling_compares_signed_words_and_its_sum_wraps(evaluate: Evaluate) -> None:
    values, lowest = [-SIGN_BIT, SIGN_BIT - 1, -1, 5], [-SIGN_BIT] * 4
    greatest = max_pool(2, 2)(sequential((1, 2, 2), 1)).graph
    assert run_twin(greatest, values).output == [SIGN_BIT - 1]
    assert run_twin(greatest, lowest).output == [-SIGN_BIT]
    mean = average_pool(2, 2)(sequential((1, 2, 2), 1)).graph
    assert_agrees(evaluate, mean, [SIGN_BIT - 1, SIGN_BIT - 1, 0, 0])


@st.composite
def small_networks(draw: st.DrawFn) -> tuple[IntegerGraph, list[int]]:
    """A convolution, then perhaps a pooling and a fully connected layer, with an input."""
    magnitude = 1 << draw(st.sampled_from([4, 20, 130, 254]))
    numbers = st.integers(-magnitude, magnitude)

    def tensor(*shape: int) -> np.ndarray:
        size = int(np.prod(shape))
        values = draw(st.lists(numbers, min_size=size, max_size=size))
        return np.array(values, dtype=object).reshape(shape)

    small = st.integers(1, 3)
    channels, out_channels, kernel, stride = (draw(small) for _ in range(4))
    padding = draw(st.integers(0, 2))
    height, width = (draw(st.integers(max(kernel - 2 * padding, 1), 5)) for _ in range(2))
    network = sequential((channels, height, width), draw(st.integers(1, 999)))
    weights = tensor(out_channels, channels, kernel, kernel)
    network.convolution("conv", weights, tensor(out_channels), stride=stride, padding=padding)
    if draw(st.booleans()):
        smallest = min(network.graph.values["conv"].shape[1:])
        pool = draw(st.sampled_from([network.max_pool, network.average_pool]))
        pool("pool", draw(st.integers(1, smallest)), draw(small))
    if draw(st.booleans()):
        network.relu("relu")
    if draw(st.booleans()):
        features = network.graph.values[network.graph.outputs[0]].items
        network.fully_connected("fc", tensor(2, features), tensor(2))
    return network.graph, tensor(channels * height * width).tolist()


@given(small_networks())
def test_any_small_network_agrees(evaluate: Evaluate, case: tuple[IntegerGraph, list[int]]) -> None:
    assert_agrees(evaluate, *case)


def test_slots_hold_the_weights_layer_by_layer_each_followed_by_its_biases() -> None:
    network = sequential((1, 1, 2), 1)
    network.convolution("conv", np.array([[[[1]]], [[[-2]]]]), np.array([3, 4])).relu("relu")
    network.fully_connected("fc", np.array([[5, 6, 7, 8]]), np.array([9]))
    words = [1, WORD_MODULUS - 2, 3, 4, 5, 6, 7, 8, 9]
    assert storage_slots(network.graph) == dict(enumerate(words))


@pytest.mark.parametrize(
    "change",
    [
        lambda graph: replace(graph.operations[0], inputs=("elsewhere", "conv.weight")),
        lambda graph: Rescale("conv.products", ("input",), 3, source="conv"),
        lambda graph: replace(
            graph.operations[0], shape=replace(graph.operations[0].shape, stride=(1, 1, 2))
        ),
    ],
)
def test_what_has_no_twin_is_refused(change: Callable[[IntegerGraph], object]) -> None:
    graph = convolution(2, 1, 3)(sequential((1, 4, 4), 10)).graph
    graph.operations[0] = change(graph)
    with pytest.raises(SmartVMError, match="twin"):
        generate(graph)


def test_the_code_of_lenet5_is_stock_and_below_the_size_limit() -> None:
    code = generate(lenet5.load(input_scale=lenet5.SCALE)).code
    assert len(code) < CODE_SIZE_LIMIT
    position = 0
    while position < len(code):
        opcode = code[position]
        assert opcode in PRAGUE_OPCODES
        position += opcode - PUSH1 + 2 if PUSH1 <= opcode <= PUSH32 else 1


def test_calldata_of_another_length_is_reverted() -> None:
    case = relu(sequential((1, 2, 2), 1)).graph
    with pytest.raises(Revert):
        run_twin(case, [1, 2, 3])
    with pytest.raises(Revert):
        run_twin(case, [1, 2, 3, 4, 5])


def test_code_and_slots_run_as_an_ordinary_contract() -> None:
    case = relu(convolution(4, 3, 3, stride=2, padding=1)(sequential((3, 6, 7), 10))).graph
    values = integers((3 * 6 * 7,)).tolist()
    calldata = b"".join((value % WORD_MODULUS).to_bytes(32, "big") for value in values)
    execution = execute(generate(case).code, calldata=calldata, storage=storage_slots(case))
    twin = run_twin(case, values)
    words = [value.to_bytes(32, "big", signed=True) for value in twin.output]
    assert execution.output == b"".join(words)
    assert execution.gas_used == twin.gas_used


def fully_connected_cost(in_features: int) -> tuple[int, int]:
    case = fully_connected((in_features, 1, 1), 1, [[1] * in_features], [0])
    (layer,) = run_twin(case, [1] * in_features).layers
    return layer.executed_instructions, layer.gas_used


def test_a_multiply_accumulate_takes_twenty_instructions() -> None:
    instructions, gas = fully_connected_cost(10)
    more_instructions, more_gas = fully_connected_cost(11)
    assert more_instructions - instructions == 20
    # JUMPDEST; DUP, MLOAD, DUP, cold SLOAD, MUL, ADD; two SWAP, PUSH, ADD, SWAP; the comparison
    assert more_gas - gas == 1 + (3 + 3 + 3 + 2_100 + 5 + 3) + 2 * 4 * 3 + (4 * 3 + 10)


def test_costs_of_layers_are_reported_in_order_and_within_the_totals() -> None:
    case = max_pool(2, 2)(relu(convolution(2, 1, 3)(sequential((1, 4, 4), 10)))).graph
    reported = []
    result = run_twin(case, [1] * 16, reported.append)
    assert list(result.layers) == reported
    assert [layer.name for layer in reported] == ["conv", "relu", "pool"]
    around = result.executed_instructions - sum(layer.executed_instructions for layer in reported)
    assert around == 5 + 1 + 4 + 3  # length check, its JUMPDEST, CALLDATACOPY, RETURN
    assert result.gas_used > sum(layer.gas_used for layer in reported)
