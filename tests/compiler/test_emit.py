from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.emit import WeightBlock, cut, emit
from smartvm.compiler.integer_graph import IntegerGraph, Interval, Value
from smartvm.compiler.operations import Add, MultiplyConstant
from smartvm.compiler.plan import Copy, Drop, plan
from smartvm.compiler.sequential import Sequential


def residual() -> IntegerGraph:
    """y = x + (2·x + bias)."""
    return IntegerGraph(
        "residual",
        inputs=("x",),
        outputs=("y",),
        values={name: Value((4,)) for name in ("x", "double", "sum", "y", "bias")},
        constants={"bias": np.array([1, 2, 3, 300]), "unused": np.array([7])},
        operations=[
            MultiplyConstant("double", ("x",), 2, source="scale"),
            Add("sum", ("double", "bias"), 4, source="bias"),
            Add("y", ("sum", "x"), 4, source="join"),
        ],
        input_ranges={"x": Interval(-9, 9)},
    )


def test_each_move_has_its_code_and_the_node_that_it_serves() -> None:
    graph = residual()
    emitted = emit(graph, plan(graph))
    found = [(type(m.move).__name__, m.source, m.program.text().split()[-1]) for m in emitted.moves]
    assert [(kind, source) for kind, source, _ in found] == [
        ("Copy", "scale"),
        ("Run", "scale"),
        ("Run", "bias"),
        ("Run", "join"),
        ("Drop", "join"),
    ]
    assert b"".join(move.code for move in emitted.moves) == emitted.program.bytecode()[5:]


def test_a_map_that_is_moved_serves_the_operation_behind() -> None:
    """x lies below y; it is copied to the top, and its original is released."""
    graph = residual()
    graph.inputs, graph.values["z"] = ("x", "z"), Value((4,))
    graph.operations.append(Add("out", ("y", "z"), 4, source="last"))
    graph.values["out"], graph.outputs = Value((4,)), ("out",)
    graph.input_ranges["z"] = Interval(0, 1)
    emitted = emit(graph, plan(graph))
    around = [m.source for m in emitted.moves if isinstance(m.move, Copy | Drop)]
    assert set(around) <= {"scale", "join", "last"}
    assert emitted.moves[0].source == "scale"


def test_only_constants_that_are_read_become_blocks_in_the_order_of_their_use() -> None:
    graph = residual()
    emitted = emit(graph, plan(graph), first_block=5)
    assert emitted.tensors == {"bias": 5}
    assert list(emitted.blocks) == [5]


def test_a_constant_that_is_read_twice_has_one_place() -> None:
    network = Sequential("twice", (2,), scale=1, input_range=Interval(0, 9))
    ones, zeros = np.ones((2, 2), dtype=int), np.zeros(2, dtype=int)
    graph = network.fully_connected("a", ones, zeros).fully_connected("b", ones, zeros).graph
    graph.operations[2] = graph.operations[2].with_inputs(("a", "a.weight", "a.bias"))
    assert list(emit(graph, plan(graph)).tensors) == ["a.weight", "a.bias"]


@pytest.mark.parametrize(
    ("values", "item_bytes"),
    [([127, -128], 1), ([128], 2), ([-(2**23)], 3), ([2**63], 9), ([-(2**255)], 32)],
)
def test_a_block_has_the_narrowest_width(values: list[int], item_bytes: int) -> None:
    blocks, _ = cut([("w", np.array(values, dtype=object))], 1, 96)
    assert blocks[1].item_bytes == item_bytes
    packed = b"".join(value.to_bytes(item_bytes, "big", signed=True) for value in values)
    assert blocks[1].packed == packed
    assert blocks[1].tensor.to_ints() == values


def test_tensors_are_cut_by_their_widest_item_and_each_block_is_as_narrow_as_it_can() -> None:
    items = np.array([1, 2, 3, 1000, 5, 6])
    blocks, tensors = cut([("a", items), ("b", items[:1])], 3, 5)
    assert tensors == {"a": 3, "b": 6}
    shapes = {number: (len(block.items), block.item_bytes) for number, block in blocks.items()}
    assert shapes == {3: (2, 1), 4: (2, 2), 5: (2, 1), 6: (1, 1)}


def test_an_item_wider_than_a_block_has_a_block_of_its_own() -> None:
    blocks, _ = cut([("w", np.array([1 << 40, 1 << 41]))], 1, 4)
    assert [block.item_bytes for block in blocks.values()] == [6, 6]


def test_blocks_are_pairs_of_items_and_width() -> None:
    items, item_bytes = WeightBlock(np.array([1, 2]), 1)
    assert (items.tolist(), item_bytes) == ([1, 2], 1)
