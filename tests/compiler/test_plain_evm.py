"""The plain-EVM twin: exact integers, stock instructions only, and what each loop costs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from eth.exceptions import Revert
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from hypothesis import given
from hypothesis import strategies as st

from smartvm import Program, execute
from smartvm.compiler.network import (
    AveragePool,
    Convolution,
    FullyConnected,
    Layer,
    MaxPool,
    Network,
    ReLU,
)
from smartvm.compiler.plain_evm import generate, run_twin, storage_slots
from smartvm.compiler.sequential import compile_network
from smartvm.words import SIGN_BIT, WORD_MODULUS, wrap

PUSH1, PUSH32 = 0x60, 0x7F
CODE_SIZE_LIMIT = 24_576
"""EIP-170."""


def integers(shape: tuple[int, ...], low: int = -99, high: int = 99, seed: int = 1) -> np.ndarray:
    """Random integers of a fixed seed."""
    return np.random.default_rng(seed).integers(low, high, shape, endpoint=True)


def convolution(
    out_channels: int, in_channels: int, kernel: int, stride: int = 1, padding: int = 0
) -> Convolution:
    weights = integers((out_channels, in_channels, kernel, kernel))
    return Convolution("conv", weights, integers((out_channels,), -999, 999), stride, padding)


def fully_connected(weights: list[list[int]], bias: list[int]) -> FullyConnected:
    return FullyConnected("fc", np.array(weights, dtype=object), np.array(bias, dtype=object))


def network(input_shape: tuple[int, int, int], scale: int, *layers: Layer) -> Network:
    return Network("test", input_shape, scale, layers)


def evaluate(network: Network, values: list[int]) -> list[int]:
    """The network in Python integers, straight from the definitions."""
    x = np.array(values, dtype=object).reshape(network.input_shape)
    for layer, shape in zip(network.layers, network.shapes(), strict=True):
        x = _apply(layer, x, network.scale).reshape(shape)
    return x.ravel().tolist()


def _apply(layer: Layer, x: np.ndarray, scale: int) -> np.ndarray:
    if isinstance(layer, ReLU):
        return np.array([max(value, 0) for value in x.ravel()], dtype=object)
    if isinstance(layer, FullyConnected):
        sums = layer.weights.astype(object) @ x.ravel() + layer.bias
        return np.array([rescale(value, scale) for value in sums], dtype=object)
    if isinstance(layer, Convolution):
        x, kernel = padded(x, layer.padding), layer.weights.shape[2]
        sums = [
            int((window * weights).sum()) + int(bias)
            for weights, bias in zip(layer.weights.astype(object), layer.bias, strict=True)
            for window in windows(x, kernel, layer.stride)
        ]
        return np.array([rescale(value, scale) for value in sums], dtype=object)
    planes = [window for plane in x for window in windows(plane[None], layer.kernel, layer.stride)]
    if isinstance(layer, MaxPool):
        return np.array([max(window.ravel()) for window in planes], dtype=object)
    means = [int(Fraction(wrap(window.sum()), layer.kernel**2)) for window in planes]
    return np.array(means, dtype=object)


def padded(x: np.ndarray, padding: int) -> np.ndarray:
    channels, height, width = x.shape
    result = np.zeros((channels, height + 2 * padding, width + 2 * padding), dtype=object)
    result[:, padding : padding + height, padding : padding + width] = x
    return result


def windows(x: np.ndarray, kernel: int, stride: int) -> list[np.ndarray]:
    """The windows of (channels, height, width), row by row."""
    rows = range(0, x.shape[1] - kernel + 1, stride)
    columns = range(0, x.shape[2] - kernel + 1, stride)
    return [x[:, y : y + kernel, z : z + kernel] for y, z in product(rows, columns)]


def rescale(value: int, scale: int) -> int:
    """Modulo 2²⁵⁶, then to the nearest: Fraction rounds ties to even."""
    return round(Fraction(wrap(value), scale))


def run_dnn(network: Network, values: list[int]) -> list[int]:
    """The output of the same network as DNN instructions."""
    compiled = compile_network(network)
    program = Program().op("CALLDATASIZE").push(0).push(0).op("CALLDATACOPY")
    program.op("MTOB", offset=0, count=network.input_items).include(compiled.program)
    calldata = b"".join((value % WORD_MODULUS).to_bytes(32, "big") for value in values)
    blocks = {number: block.items for number, block in compiled.blocks.items()}
    execution = execute(program.bytecode(), calldata=calldata, blocks=blocks)
    return execution.raise_for_error().buffer[-1]


def assert_agrees(network: Network, values: list[int]) -> None:
    """Integers, stock bytecode and DNN instructions give the same map."""
    expected = evaluate(network, values)
    assert run_twin(network, values).output == expected
    assert run_dnn(network, values) == expected


LAYERS = {
    "one channel": ((1, 5, 5), convolution(1, 1, 3)),
    "stride and padding": ((3, 6, 7), convolution(4, 3, 3, stride=2, padding=1)),
    "stride beyond the kernel": ((2, 5, 8), convolution(3, 2, 2, stride=3)),
    "kernel of the map": ((2, 4, 4), convolution(5, 2, 4)),
    "kernel of the padded map": ((2, 3, 3), convolution(2, 2, 5, padding=1)),
    "kernel of one cell": ((4, 3, 2), convolution(3, 4, 1)),
    "padding beyond the map": ((1, 1, 1), convolution(1, 1, 3, padding=2)),
    "max": ((2, 6, 6), MaxPool("pool", 2, 2)),
    "overlapping max": ((2, 7, 5), MaxPool("pool", 3, 2)),
    "max of single cells": ((1, 7, 7), MaxPool("pool", 1, 3)),
    "global max": ((3, 4, 4), MaxPool("pool", 4, 4)),
    "average": ((2, 6, 6), AveragePool("pool", 2, 2)),
    "overlapping average": ((2, 5, 7), AveragePool("pool", 3, 1)),
    "ReLU": ((2, 3, 3), ReLU("relu")),
    "ReLU of one item": ((1, 1, 1), ReLU("relu")),
    "fully connected": ((3, 2, 2), FullyConnected("fc", integers((5, 12)), integers((5,)))),
    "one output": ((7, 1, 1), FullyConnected("fc", integers((1, 7)), integers((1,)))),
    "one weight": ((1, 1, 1), FullyConnected("fc", integers((1, 1)), integers((1,)))),
}


@pytest.mark.parametrize(("input_shape", "layer"), LAYERS.values(), ids=LAYERS)
def test_each_kind_of_layer_gives_the_exact_integers(
    input_shape: tuple[int, int, int], layer: Layer
) -> None:
    values = integers(input_shape, seed=2).ravel().tolist()
    assert_agrees(network(input_shape, 10, layer), values)


def test_a_whole_network_runs_layer_after_layer() -> None:
    case = network(
        (1, 12, 12),
        100,
        convolution(3, 1, 3, padding=1),
        ReLU("relu"),
        MaxPool("pool", 2, 2),
        convolution(4, 3, 3, padding=1),
        AveragePool("mean", 2, 2),
        convolution(6, 4, 3),
        FullyConnected("fc", integers((3, 6)), integers((3,))),
    )
    assert_agrees(case, integers((144,), 0, 255).tolist())


@pytest.mark.parametrize("divisor", [1, 2, 7, 10, 1000, (1 << 64) - 1, (1 << 64) - 2])
def test_division_rounds_to_nearest_with_ties_to_even(divisor: int) -> None:
    halves = [quotient * divisor + divisor // 2 for quotient in range(-3, 3)]
    values = [half + offset for half in halves for offset in (-1, 0, 1)]
    values += [0, SIGN_BIT - 1, -SIGN_BIT, 1 - SIGN_BIT]
    identity = np.identity(len(values), dtype=int)
    case = network(
        (len(values), 1, 1), divisor, fully_connected(identity.tolist(), [0] * len(values))
    )
    result = run_twin(case, values).output
    assert result == [round(Fraction(value, divisor)) for value in values]
    assert result == run_dnn(case, values)


def test_sums_wrap_modulo_two_to_the_256() -> None:
    weights = [[SIGN_BIT - 1, SIGN_BIT - 1, 2], [-SIGN_BIT, -SIGN_BIT, -1], [1 << 200, 3, -5]]
    case = network((3, 1, 1), 3, fully_connected(weights, [SIGN_BIT - 1, -SIGN_BIT, 7]))
    assert_agrees(case, [SIGN_BIT - 1, 2, -SIGN_BIT])


def test_a_convolution_wraps_modulo_two_to_the_256() -> None:
    weights = integers((2, 2, 2, 2)).astype(object) << 248
    case = network((2, 3, 3), 1000, Convolution("conv", weights, weights[:, 0, 0, 0], padding=1))
    assert_agrees(case, [value << 100 for value in integers((18,)).tolist()])


def test_pooling_compares_signed_words_and_its_sum_wraps() -> None:
    values = [-SIGN_BIT, SIGN_BIT - 1, -1, 5]
    assert run_twin(network((1, 2, 2), 1, MaxPool("pool", 2, 2)), values).output == [SIGN_BIT - 1]
    lowest = [-SIGN_BIT] * 4
    assert run_twin(network((1, 2, 2), 1, MaxPool("pool", 2, 2)), lowest).output == [-SIGN_BIT]
    high = [SIGN_BIT - 1, SIGN_BIT - 1, 0, 0]
    assert_agrees(network((1, 2, 2), 1, AveragePool("pool", 2, 2)), high)


@st.composite
def small_networks(draw: st.DrawFn) -> tuple[Network, list[int]]:
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
    weights = tensor(out_channels, channels, kernel, kernel)
    layers: list[Layer] = [Convolution("conv", weights, tensor(out_channels), stride, padding)]
    case = network((channels, height, width), draw(st.integers(1, 999)), *layers)
    shape = case.shapes()[-1]
    if draw(st.booleans()):
        pool = draw(st.sampled_from([MaxPool, AveragePool]))
        layers.append(pool("pool", draw(st.integers(1, min(shape[1:]))), draw(small)))
    if draw(st.booleans()):
        layers.append(ReLU("relu"))
    shape = replace(case, layers=tuple(layers)).shapes()[-1]
    if draw(st.booleans()):
        layers.append(FullyConnected("fc", tensor(2, int(np.prod(shape))), tensor(2)))
    return replace(case, layers=tuple(layers)), tensor(case.input_items).tolist()


@given(small_networks())
def test_any_small_network_agrees(case: tuple[Network, list[int]]) -> None:
    assert_agrees(*case)


def test_slots_hold_the_weights_layer_by_layer_each_followed_by_its_biases() -> None:
    case = network(
        (1, 1, 2),
        1,
        Convolution("conv", np.array([[[[1]]], [[[-2]]]]), np.array([3, 4])),
        ReLU("relu"),
        fully_connected([[5, 6, 7, 8]], [9]),
    )
    words = [1, WORD_MODULUS - 2, 3, 4, 5, 6, 7, 8, 9]
    assert storage_slots(case) == dict(enumerate(words))


def lenet5() -> Network:
    """A network of LeNet-5's shape."""
    return network(
        (1, 32, 32),
        1000,
        convolution(6, 1, 5),
        ReLU("relu1"),
        MaxPool("pool1", 2, 2),
        convolution(16, 6, 5),
        ReLU("relu2"),
        MaxPool("pool2", 2, 2),
        convolution(120, 16, 5),
        ReLU("relu3"),
        FullyConnected("fc1", integers((84, 120)), integers((84,))),
        ReLU("relu4"),
        FullyConnected("fc2", integers((10, 84)), integers((10,))),
    )


def test_the_code_of_lenet5_is_stock_and_below_the_size_limit() -> None:
    code = generate(lenet5()).code
    assert len(code) < CODE_SIZE_LIMIT
    position = 0
    while position < len(code):
        opcode = code[position]
        assert opcode in PRAGUE_OPCODES
        position += opcode - PUSH1 + 2 if PUSH1 <= opcode <= PUSH32 else 1


def test_calldata_of_another_length_is_reverted() -> None:
    case = network((1, 2, 2), 1, ReLU("relu"))
    with pytest.raises(Revert):
        run_twin(case, [1, 2, 3])
    with pytest.raises(Revert):
        run_twin(case, [1, 2, 3, 4, 5])


def test_code_and_slots_run_as_an_ordinary_contract() -> None:
    case = network((3, 6, 7), 10, convolution(4, 3, 3, stride=2, padding=1), ReLU("relu"))
    values = integers((3 * 6 * 7,)).tolist()
    calldata = b"".join((value % WORD_MODULUS).to_bytes(32, "big") for value in values)
    execution = execute(generate(case).code, calldata=calldata, storage=storage_slots(case))
    twin = run_twin(case, values)
    words = [value.to_bytes(32, "big", signed=True) for value in twin.output]
    assert execution.output == b"".join(words)
    assert execution.gas_used == twin.gas_used


def fully_connected_cost(in_features: int) -> tuple[int, int]:
    weights = np.ones((1, in_features), dtype=int)
    case = network((in_features, 1, 1), 1, FullyConnected("fc", weights, np.array([0])))
    (layer,) = run_twin(case, [1] * in_features).layers
    return layer.executed_instructions, layer.gas_used


def test_a_multiply_accumulate_takes_twenty_instructions() -> None:
    instructions, gas = fully_connected_cost(10)
    more_instructions, more_gas = fully_connected_cost(11)
    assert more_instructions - instructions == 20
    # JUMPDEST; DUP, MLOAD, DUP, cold SLOAD, MUL, ADD; two SWAP, PUSH, ADD, SWAP; the comparison
    assert more_gas - gas == 1 + (3 + 3 + 3 + 2_100 + 5 + 3) + 2 * 4 * 3 + (4 * 3 + 10)


def test_costs_of_layers_are_reported_in_order_and_within_the_totals() -> None:
    case = network((1, 4, 4), 10, convolution(2, 1, 3), ReLU("relu"), MaxPool("pool", 2, 2))
    reported = []
    result = run_twin(case, [1] * 16, reported.append)
    assert list(result.layers) == reported
    assert [layer.name for layer in reported] == ["conv", "relu", "pool"]
    around = result.executed_instructions - sum(layer.executed_instructions for layer in reported)
    assert around == 5 + 1 + 4 + 3  # length check, its JUMPDEST, CALLDATACOPY, RETURN
    assert result.gas_used > sum(layer.gas_used for layer in reported)
