from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import smartvm
from smartvm.compiler.abi import decode_int256_array, encode_call
from smartvm.compiler.contract import build_contract
from smartvm.compiler.contract_abi import PREDICT
from smartvm.compiler.integer_graph import IntegerGraph, Interval, Value
from smartvm.compiler.packing import InputFormat
from smartvm.compiler.sequential import Sequential
from smartvm.exceptions import ModelError, SmartVMError

Call = Callable[..., smartvm.Execution]
PIXELS = InputFormat("image", (1, 2, 3), 255, Interval(0, 255), 6)


@pytest.mark.parametrize(
    ("interval", "nbytes", "values"),
    [
        (Interval(-128, 127), 1, [-128, 127]),
        (Interval(0, 127), 1, [0, 127]),
        (Interval(0, 256), 2, [0, 256]),
        (Interval(0, 40_000), 2, [40_000, 32_767]),
        (Interval(-1, 1 << 20), 3, [-1, 1 << 20]),
        (Interval(0, 2**64 - 1), 8, [2**64 - 1, 2**63]),
        (Interval(-(2**255), 2**255 - 1), 32, [-(2**255), 2**255 - 1]),
    ],
)
def test_items_take_the_fewest_bytes_that_hold_the_range(
    call: Call, interval: Interval, nbytes: int, values: list[int]
) -> None:
    network = Sequential("identity", (2,), scale=1, input_range=interval)
    contract = build_contract(
        network.fully_connected("fc", np.identity(2, dtype=int), np.zeros(2, dtype=int)).graph
    )
    packed = contract.input_format.pack(np.array(values, dtype=object))
    assert len(packed) == 2 * nbytes
    output = call(contract, encode_call(PREDICT, packed)).raise_for_error().output
    assert decode_int256_array(output) == values


def test_floats_are_brought_to_the_scale_and_integers_are_taken_as_they_are() -> None:
    assert PIXELS.pack(np.array([0, 0.5, 1, 1, 1, 1])) == bytes([0, 128, 255, 255, 255, 255])
    assert PIXELS.pack(np.array([[1, 2, 3], [4, 5, 255]])) == bytes([1, 2, 3, 4, 5, 255])
    assert PIXELS.pack(np.array([1, 2, 3, 4, 5, 255], np.uint8)) == bytes([1, 2, 3, 4, 5, 255])


def test_inputs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SmartVMError, match="image: expected 6 items, found 5"):
        PIXELS.pack(np.zeros(5))
    with pytest.raises(SmartVMError, match=r"from 0 to 255 .*, found 258 to 258"):
        PIXELS.pack(np.full(6, 1.01))


def test_a_graph_has_a_format_if_it_has_one_input() -> None:
    graph = IntegerGraph("two", inputs=("x", "y"), values={"x": Value((1,)), "y": Value((1,))})
    with pytest.raises(ModelError, match=r"two: a model contract takes one input, found 2 \(x, y"):
        InputFormat.of(graph)
