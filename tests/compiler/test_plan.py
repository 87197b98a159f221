"""Planning: every operation finds what it reads, and the Buffer holds little."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.compiler.graph_execution import executable
from smartvm.compiler.integer_graph import IntegerGraph, Interval, Operation, Value
from smartvm.compiler.operations import Add, Concatenate, MultiplyConstant, Reduce, Reduction
from smartvm.compiler.plan import Copy, Drop, Plan, Run, greedy_order, plan
from smartvm.dispatch import make_dispatcher
from smartvm.dispatch.tensor import Tensor
from smartvm.words import Space


def graph_of(
    operations: list[Operation], lengths: dict[str, int], inputs: str = "x", outputs: str = ""
) -> IntegerGraph:
    """A graph of values with one-letter names; the output is the last operation's by default."""
    return IntegerGraph(
        "graph",
        inputs=tuple(inputs),
        outputs=tuple(outputs or operations[-1].output),
        values={name: Value((length,)) for name, length in lengths.items()},
        operations=operations,
        input_ranges={name: Interval(-100, 100) for name in inputs},
    )


def walk(graph: IntegerGraph, planned: Plan) -> tuple[list[str], int]:
    """Follow the moves: the maps that are left, and the most items that lay on the Buffer."""
    stack, peak = list(graph.inputs), 0
    for move in planned.moves:
        coming = 0
        match move:
            case Copy(depth):
                stack.append(stack[-1 - depth])
            case Drop(depth):
                del stack[-1 - depth]
            case Run(operation, places):
                count = len(operation.consumed)
                assert tuple(stack[len(stack) - count :]) == operation.consumed
                for name, place in zip(operation.addressed, places, strict=True):
                    assert place is not None
                    assert place.space is Space.BUFFER
                    assert stack[-1 - place.base] == name
                coming = graph.values[operation.output].items
                peak = max(peak, coming + sum(graph.values[name].items for name in stack))
                del stack[len(stack) - count :]
                stack.append(operation.output)
                continue
        peak = max(peak, sum(graph.values[name].items for name in stack))
    return stack, peak


@st.composite
def graphs(draw: st.DrawFn) -> IntegerGraph:
    """Sums, products, joins and reductions of what is there, with one to three outputs."""
    lengths = {"x": 6, "y": draw(st.sampled_from([2, 6]))}
    operations: list[Operation] = []
    for name in "abcdefgh"[: draw(st.integers(1, 8))]:
        known = st.sampled_from(sorted(lengths))
        first, second = draw(known), draw(known)
        kind = draw(st.sampled_from(["add", "multiply", "join", "reduce"]))
        if kind == "add" and lengths[first] == lengths[second]:
            operations.append(Add(name, (first, second), lengths[first]))
            lengths[name] = lengths[first]
        elif kind == "join":
            more = draw(st.lists(known, max_size=2))
            operations.append(Concatenate(name, (first, second, *more)))
            lengths[name] = sum(lengths[n] for n in (first, second, *more))
        elif kind == "reduce" and lengths[first] % 2 == 0:
            operations.append(Reduce(name, (first,), Reduction.SUM, 2))
            lengths[name] = lengths[first] // 2
        else:
            operations.append(MultiplyConstant(name, (first,), 3))
            lengths[name] = lengths[first]
    made = [operation.output for operation in operations]
    outputs = draw(st.lists(st.sampled_from([*made, "x"]), min_size=1, max_size=3, unique=True))
    return graph_of(operations, lengths, "xy", "".join(outputs))


@given(graphs())
def test_each_operation_finds_its_inputs_and_the_outputs_are_left(graph: IntegerGraph) -> None:
    planned = plan(graph)
    stack, peak = walk(graph, planned)
    assert tuple(stack) == graph.outputs
    assert planned.peak_items == peak
    outputs = [operation.output for operation in graph.operations]
    runs = [move.operation.output for move in planned.moves if isinstance(move, Run)]
    assert sorted(runs) == sorted(outputs)


@given(graphs(), st.data())
def test_the_planned_code_computes_the_graph(graph: IntegerGraph, data: st.DataObject) -> None:
    inputs = {
        name: data.draw(
            st.lists(
                st.integers(-100, 100),
                min_size=graph.values[name].items,
                max_size=graph.values[name].items,
            )
        )
        for name in graph.inputs
    }
    tensors = {name: Tensor.from_ints(items) for name, items in inputs.items()}
    expected = graph.evaluate(make_dispatcher(), tensors)
    outputs, _ = executable(graph).run(inputs)
    assert outputs == [expected[name].to_ints() for name in graph.outputs]


def test_a_chain_needs_no_moves_between_operations() -> None:
    chain = [MultiplyConstant(b, (a,), 2) for a, b in ("xa", "ab", "bc")]
    planned = plan(graph_of(chain, dict.fromkeys("xabc", 5)))
    assert [type(move) for move in planned.moves] == [Run, Run, Run]
    assert (planned.peak_items, planned.total_items) == (10, 20)


@pytest.mark.parametrize("inputs", [("x", "a"), ("a", "x")])
def test_a_residual_connection_copies_once(inputs: tuple[str, str]) -> None:
    """x is read once more behind the branch; the sum takes it where it lies."""
    operations = [MultiplyConstant("a", ("x",), 2), Add("b", inputs, 5)]
    planned = plan(graph_of(operations, dict.fromkeys("xab", 5)))
    assert [type(move) for move in planned.moves] == [Copy, Run, Run, Drop]
    assert walk(graph_of(operations, dict.fromkeys("xab", 5)), planned)[0] == ["b"]


def test_what_nothing_reads_is_released_at_once() -> None:
    operations = [MultiplyConstant("a", ("x",), 2), MultiplyConstant("b", ("y",), 2)]
    graph = graph_of(operations, {"x": 5, "y": 7, "a": 5, "b": 7}, "xy", "b")
    assert walk(graph, plan(graph))[0] == ["b"]


def test_the_greedy_order_shrinks_before_it_grows() -> None:
    """Two branches of large maps, each reduced: one after the other, not both at once."""
    operations: list[Operation] = []
    for branch, reduced in ("ac", "bd"):
        operations.insert(len(operations) // 2, MultiplyConstant(branch, ("x",), 2))
        operations.append(Reduce(reduced, (branch,), Reduction.SUM, 100))
    operations.append(Add("e", ("c", "d"), 1))
    lengths = {"x": 100, "a": 100, "b": 100, "c": 1, "d": 1, "e": 1}
    graph = graph_of(operations, lengths)
    order = [operation.output for operation in greedy_order(graph)]
    assert order.index("c") < order.index("b") or order.index("d") < order.index("a")
    assert plan(graph).peak_items <= 302


def test_an_operation_that_commutes_takes_the_map_on_top() -> None:
    operations = [
        MultiplyConstant("a", ("x",), 2),
        MultiplyConstant("b", ("y",), 2),
        Add("c", ("a", "b"), 5),
    ]
    planned = plan(graph_of(operations, dict.fromkeys("xyabc", 5), "yx"))
    assert sum(isinstance(move, Copy) for move in planned.moves) <= 1
