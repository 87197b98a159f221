"""Each operation: `evaluate` gives what the VM computes, and `bound` holds for all of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.compiler import operations as ops
from smartvm.compiler.certify import certify
from smartvm.compiler.graph_execution import executable
from smartvm.compiler.integer_graph import IntegerGraph, Interval, Operation, Value
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import CertificateError
from smartvm.opcodes import STANDARD
from smartvm.shapes import ConvShape, MatmulShape, PoolShape
from smartvm.words import SIGN_BIT

PLANE = (1, 4, 5)
SQUARE = (1, 3, 3)
PADDED = ((0, 0), (1, 0), (0, 2))
CUBE = ((1, 1), (0, 1), (1, 0))


class Case(NamedTuple):
    """An operation with the lengths of what it reads; inputs are x, y, z, constants v and w."""

    operation: Operation
    lengths: dict[str, int]
    out: int
    least: int = -SIGN_BIT
    """Least item of x, of operations that halt below it."""


def conv(shape: ConvShape) -> Case:
    lengths = {"x": shape.in_items, "w": shape.weight_items}
    return Case(ops.Convolution("out", ("x", "w"), shape), lengths, shape.out_items)


def pool(kind: type[ops.MaxPool] | type[ops.AveragePool], shape: PoolShape, channels: int) -> Case:
    operation = kind("out", ("x",), shape, channels)
    return Case(operation, {"x": shape.in_items}, shape.out_items)


def same(operation: Operation, length: int = 6, least: int = -SIGN_BIT, **lengths: int) -> Case:
    return Case(operation, {"x": length, **lengths}, length, least)


CASES = {
    "Convolution": conv(ConvShape(1, 2, 3, 1, PLANE, SQUARE)),
    "Convolution of groups": conv(ConvShape(1, 4, 6, 2, PLANE, (1, 2, 3), (1, 2, 1), PADDED)),
    "Convolution of each channel": conv(ConvShape(2, 3, 3, 3, PLANE, SQUARE, dilation=(1, 1, 2))),
    "Convolution of a volume": conv(ConvShape(1, 2, 2, 1, (3, 3, 3), (2, 2, 2), padding=CUBE)),
    "Convolution of a flat volume": conv(ConvShape(1, 1, 1, 1, (3, 1, 1), (2, 1, 1))),
    "Convolution, transposed": conv(
        ConvShape(1, 2, 4, 2, PLANE, (1, 2, 3), (1, 2, 2), PADDED, transposed=True)
    ),
    "Convolution of a volume, transposed": conv(
        ConvShape(1, 1, 2, 1, (2, 2, 2), (2, 2, 2), (2, 1, 1), transposed=True)
    ),
    "FullyConnected": Case(
        ops.FullyConnected("out", ("x", "w"), MatmulShape(1, 5, 3, transpose_b=True)),
        {"x": 5, "w": 15},
        3,
    ),
    "FullyConnected, in × out": Case(
        ops.FullyConnected("out", ("x", "w"), MatmulShape(2, 5, 3)), {"x": 10, "w": 15}, 6
    ),
    "FullyConnected with bias": Case(
        ops.FullyConnected("out", ("x", "w", "v"), MatmulShape(2, 5, 3, transpose_b=True)),
        {"x": 10, "w": 15, "v": 3},
        6,
    ),
    "FullyConnected of two maps": Case(
        ops.FullyConnected("out", ("x", "y"), MatmulShape(1, 5, 3)), {"x": 5, "y": 15}, 3
    ),
    "MatrixProduct": Case(
        ops.MatrixProduct("out", ("x", "y"), MatmulShape(2, 3, 4)), {"x": 6, "y": 12}, 8
    ),
    "MatrixProduct, transposed": Case(
        ops.MatrixProduct("out", ("x", "w"), MatmulShape(2, 3, 4, True, True, batch=2)),
        {"x": 12, "w": 24},
        16,
    ),
    "MaxPool": pool(ops.MaxPool, PoolShape(2, PLANE, (1, 2, 2), (1, 2, 1)), 2),
    "MaxPool, padded": pool(
        ops.MaxPool, PoolShape(2, PLANE, (1, 2, 2), (1, 2, 2), PADDED, (2, 2, 2), True), 2
    ),
    "MaxPool of volumes": pool(ops.MaxPool, PoolShape(1, (2, 4, 4), (2, 2, 2), (1, 2, 2)), 1),
    "AveragePool": pool(ops.AveragePool, PoolShape(2, PLANE, (1, 2, 3), (1, 1, 1)), 2),
    "AveragePool, padded": pool(
        ops.AveragePool, PoolShape(3, PLANE, SQUARE, (1, 2, 2), PADDED, count_padding=True), 3
    ),
    "Add": same(ops.Add("out", ("x", "y"), 6), y=6),
    "Add to each channel": same(ops.Add("out", ("x", "w"), 3, 2), 12, w=3),
    "Add to itself": same(ops.Add("out", ("x", "x"), 6)),
    "Multiply": same(ops.Multiply("out", ("x", "y"), 6), y=6),
    "Multiply each channel": same(ops.Multiply("out", ("x", "w"), 3, 2), w=3),
    "Divide": same(ops.Divide("out", ("x", "w"), 3, 2), w=3),
    "MultiplyConstant": same(ops.MultiplyConstant("out", ("x",), -12345)),
    "Rescale": same(ops.Rescale("out", ("x",), 1000)),
    "Rescale by an even divisor": same(ops.Rescale("out", ("x",), 2)),
    "Rectify": same(ops.Rectify("out", ("x",))),
    "Rectify, capped": same(ops.Rectify("out", ("x",), cap=600)),
    "Rectify, leaky": same(ops.Rectify("out", ("x",), slope=(7, 100))),
    "Clip": same(ops.Clip("out", ("x",), -300, 5)),
    "Softmax": same(ops.Softmax("out", ("x",), 1000, 3)),
    "Sigmoid": same(ops.Sigmoid("out", ("x",), 1000)),
    "Tanh": same(ops.Tanh("out", ("x",), 255)),
    "Function log": same(ops.Function("out", ("x",), 1000, ops.LOG), least=1),
    "Function sqrt": same(ops.Function("out", ("x",), 1000, ops.SQRT), least=0),
    "Function erf": same(ops.Function("out", ("x",), 1000, ops.ERF)),
    "View": Case(ops.View("out", ("x",), (2, 3, 2), (1, 2, 0)), {"x": 6}, 12),
    "View, reversed": same(ops.View("out", ("x",), (6,), (-1,), 5)),
    "View of seven axes": Case(
        ops.View("out", ("x",), (2, 1, 2, 1, 2, 1, 2), (8, 0, 4, 0, 2, 0, 1)), {"x": 16}, 16
    ),
    "Concatenate": Case(
        ops.Concatenate("out", ("x", "y", "z"), outer=2), {"x": 4, "y": 6, "z": 2}, 12
    ),
    "Concatenate with itself": Case(ops.Concatenate("out", ("x", "x")), {"x": 4}, 8),
    "Reduce to the sum": Case(ops.Reduce("out", ("x",), ops.Reduction.SUM, 3, 2), {"x": 12}, 4),
    "Reduce to the greatest": Case(ops.Reduce("out", ("x",), ops.Reduction.MAX, 3), {"x": 6}, 2),
    "Reduce to the least": Case(ops.Reduce("out", ("x",), ops.Reduction.MIN, 3), {"x": 6}, 2),
    "Reduce to an index": Case(
        ops.Reduce("out", ("x",), ops.Reduction.LAST_ARG_MAX, 5), {"x": 10}, 2
    ),
    "Load": Case(ops.Load("out", ("w",), 7), {"w": 7}, 7),
}
WIDTHS = (1, 3, 100, 1 << 15, 1 << 31, 1 << 40, 1 << 62, 1 << 90)


@st.composite
def items(draw: st.DrawFn, length: int, interval: Interval) -> list[int]:
    """Items of an interval, its ends often among them."""
    one = st.sampled_from(interval) | st.integers(*interval)
    return draw(st.lists(one, min_size=length, max_size=length))


@st.composite
def intervals(draw: st.DrawFn, least: int) -> Interval:
    ends = [sign * draw(st.sampled_from(WIDTHS)) for sign in draw(st.sampled_from(SIGNS))]
    low, high = sorted(ends)
    return Interval(max(low, least), max(high, least))


SIGNS = [(-1, 1), (1, 1), (-1, -1), (0, 1), (-1, 0)]


def graph_of(draw: st.DrawFn, case: Case) -> IntegerGraph:
    names = [name for name in case.lengths if name in "xyz"]
    values = {name: Value((length,)) for name, length in case.lengths.items()}
    constants = {}
    for name in case.lengths.keys() - set(names):
        found = draw(items(case.lengths[name], draw(intervals(-SIGN_BIT))))
        if isinstance(case.operation, ops.Divide):
            found = [item or 1 for item in found]
        constants[name] = np.array(found, dtype=object)
    return IntegerGraph(
        "one",
        inputs=tuple(names),
        outputs=("out",),
        values={**values, "out": Value((case.out,))},
        constants=constants,
        operations=[case.operation],
        input_ranges={
            name: draw(intervals(case.least if name == "x" else -SIGN_BIT)) for name in names
        },
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_vm_computes_what_evaluate_gives_within_the_bound(case: Case) -> None:
    @settings(max_examples=10)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        graph = data.draw(st.composite(graph_of)(case))
        inputs = {
            name: data.draw(items(case.lengths[name], graph.input_ranges[name]))
            for name in graph.inputs
        }
        tensors = {name: Tensor.from_ints(values) for name, values in inputs.items()}
        expected = graph.evaluate(ReferenceBackend(), tensors)["out"].to_ints()
        assert executable(graph).run(inputs)[0] == [expected]
        try:
            bound = certify(graph)["out"]
        except CertificateError:  # it may wrap
            return
        assert bound.interval.low <= min(expected)
        assert max(expected) <= bound.interval.high
        assert bound.peak.union(bound.interval) == bound.peak

    check()


def test_every_operation_of_the_package_is_among_the_cases() -> None:
    tested = {type(case.operation) for case in CASES.values()} | {ops.Gather}
    kinds = (getattr(ops, name) for name in ops.__all__)
    assert {
        kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Operation)
    } == tested


def run(
    operation: Operation, inputs: dict[str, list[int]], constants: dict[str, list[int]], out: int
) -> list[int]:
    every = {**inputs, **constants}
    graph = IntegerGraph(
        "one",
        inputs=tuple(inputs),
        outputs=("out",),
        values={name: Value((len(values),)) for name, values in every.items()}
        | {"out": Value((out,))},
        constants={name: np.array(values) for name, values in constants.items()},
        operations=[operation],
        input_ranges={name: Interval(min(values), max(values)) for name, values in inputs.items()},
    )
    (result,) = executable(graph).run(inputs)[0]
    tensors = {name: Tensor.from_ints(values) for name, values in inputs.items()}
    assert graph.evaluate(ReferenceBackend(), tensors)["out"].to_ints() == result
    return result


def test_gather_takes_rows_of_a_constant_or_a_map() -> None:
    gather, data = ops.Gather("out", ("x", "w"), 3, 2), [10, 11, 20, 21, 30, 31]
    assert run(gather, {"x": [2, -3]}, {"w": data}, 4) == [30, 31, 10, 11]
    gather = ops.Gather("out", ("x", "y"), 3, 2)
    assert run(gather, {"y": data, "x": [1, 1]}, {}, 4) == [20, 21, 20, 21]


def test_exp_is_that_of_the_vm_and_its_bound_grows_with_the_input() -> None:
    exp = ops.Function("out", ("x",), 1000, ops.EXP)
    assert run(exp, {"x": [0, 1000, -1000]}, {}, 3) == [1000, 2718, 368]
    assert exp.bound([Interval(-1000, 1000)], [None]) == Interval(368, 2718)


def mnemonics(operation: Operation, lengths: dict[str, int]) -> list[str]:
    """The DNN instructions that an operation becomes."""
    graph = IntegerGraph(
        "one",
        inputs=tuple(name for name in lengths if name in "xyz"),
        outputs=("out",),
        values={name: Value((length,)) for name, length in lengths.items()}
        | {"out": Value((lengths["x"],))},
        constants={name: np.arange(n) for name, n in lengths.items() if name not in "xyz"},
        operations=[operation],
        input_ranges=dict.fromkeys(lengths, Interval(0, 1)),
    )
    text = executable(graph).emitted.program.text()
    return [word for word in text.split() if word in STANDARD.by_mnemonic]


@pytest.mark.parametrize(
    ("shape", "mnemonic"),
    [
        (ConvShape(1, 2, 2, 1, PLANE, SQUARE), "CONV_MUL"),
        (ConvShape(1, 1, 1, 1, (3, 3, 3), SQUARE), "CONV_3D"),
        (ConvShape(1, 1, 1, 1, PLANE, SQUARE, transposed=True), "CONV_TPD"),
    ],
)
def test_a_convolution_becomes_the_instruction_of_its_kind(shape: ConvShape, mnemonic: str) -> None:
    operation = ops.Convolution("out", ("x", "w"), shape)
    assert mnemonics(operation, {"x": shape.in_items, "w": shape.weight_items}) == [mnemonic]


def test_defaults_are_not_spelt_out() -> None:
    shape = ConvShape(1, 2, 4, 1, (1, 8, 8), SQUARE)
    code = ops.Convolution("out", ("x", "w"), shape)
    graph = IntegerGraph(
        "one",
        inputs=("x",),
        outputs=("out",),
        values={"x": Value((128,)), "w": Value((72,)), "out": Value((144,))},
        constants={"w": np.ones(72, dtype=int)},
        operations=[code],
        input_ranges={"x": Interval(0, 1)},
    )
    assert len(executable(graph).emitted.moves[0].code) == 3 + 5 * 2 + 1
