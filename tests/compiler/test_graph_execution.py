"""Graphs run without a contract: inputs from calldata, outputs on the Buffer."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.graph_execution import executable
from smartvm.compiler.integer_graph import IntegerGraph, Interval, Value
from smartvm.compiler.operations import Add, Divide, MultiplyConstant
from smartvm.exceptions import DivisionByZero


def graph_of(*operations: object, outputs: tuple[str, ...], **ranges: Interval) -> IntegerGraph:
    names = {name for op in operations for name in (op.output, *op.inputs)}
    return IntegerGraph(
        "graph",
        inputs=tuple(ranges),
        outputs=outputs,
        values={name: Value((2,)) for name in names},
        constants={"weights": np.array([1000, -1])},
        operations=list(operations),
        input_ranges=ranges,
    )


def test_inputs_are_read_in_order_each_at_the_width_of_its_range() -> None:
    graph = graph_of(
        Add("sum", ("x", "y"), channels=2),
        Add("output", ("sum", "weights"), channels=2),
        outputs=("output",),
        x=Interval(-128, 127),
        y=Interval(-(1 << 100), 1 << 100),
    )
    outputs, execution = executable(graph).run({"x": [-128, 127], "y": [1 << 100, -5]})
    assert outputs == [[(1 << 100) + 872, 121]]
    assert execution.is_success


def test_a_graph_runs_again_at_the_same_price_on_its_own_blocks() -> None:
    graph = graph_of(
        Add("output", ("x", "weights"), channels=2), outputs=("output",), x=Interval(0, 9)
    )
    runnable = executable(graph)
    runs = [runnable.run({"x": [1, 2]}) for _ in range(2)]
    assert [outputs for outputs, _ in runs] == [[[1001, 1]]] * 2
    assert runs[0][1].gas_used == runs[1][1].gas_used


def test_several_outputs_come_in_their_order() -> None:
    graph = graph_of(
        MultiplyConstant("twice", ("x",), factor=2),
        MultiplyConstant("thrice", ("x",), factor=3),
        outputs=("thrice", "twice"),
        x=Interval(0, 9),
    )
    outputs, _ = executable(graph).run({"x": [1, 2]})
    assert outputs == [[3, 6], [2, 4]]


def test_a_halt_of_the_frame_is_raised() -> None:
    graph = graph_of(
        Divide("output", ("x", "y"), channels=2),
        outputs=("output",),
        x=Interval(0, 9),
        y=Interval(0, 9),
    )
    with pytest.raises(DivisionByZero):
        executable(graph).run({"x": [1, 2], "y": [1, 0]})


def test_an_item_beyond_the_range_is_refused() -> None:
    graph = graph_of(
        MultiplyConstant("twice", ("x",), factor=2), outputs=("twice",), x=Interval(-128, 127)
    )
    with pytest.raises(OverflowError):
        executable(graph).run({"x": [128, 0]})
