"""Moves of items, which change no bit of them."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.lowering import problems
from smartvm.compiler.operations import Concatenate, Gather, Load, View


def kinds(graph):
    return [type(operation) for operation in graph.operations]


def int64(*items):
    return np.array(items, np.int64)


@pytest.mark.parametrize(
    ("operator", "constants", "attributes"),
    [
        ("Reshape", {"s": int64(4, -1)}, {}),
        ("Reshape", {"s": int64(0, 1, 12)}, {}),
        ("Flatten", {}, {"axis": 2}),
        ("Unsqueeze", {"a": int64(0, -1)}, {}),
        ("Squeeze", {"a": int64(1)}, {}),
        ("Identity", {}, {}),
        ("Dropout", {}, {}),
        ("Cast", {}, {"to": 11}),
    ],
)
def test_another_name_for_the_same_items_costs_nothing(
    check, node, grid, operator, constants, attributes
) -> None:
    import onnx

    shape = (2, 1, 12) if operator in ("Reshape", "Squeeze") else (2, 3, 4)
    nodes = [
        onnx.helper.make_node("Relu", ["x"], ["r"]),
        node(operator, "r", *constants, **attributes),
    ]
    assert len(check(nodes, {"x": grid(*shape)}, constants).operations) == 1


def test_an_input_may_be_an_output(check, node, grid) -> None:
    assert check(node("Identity", "x"), {"x": grid(2, 3, 4)}).outputs == ("x",)


def test_an_input_keeps_its_shape_beside_that_of_an_output(check, node, grid) -> None:
    graph = check(node("Flatten", "x"), {"x": grid(2, 3, 4)})
    assert graph.values["x"].shape == (2, 3, 4)
    assert graph.values[graph.outputs[0]].shape == (2, 12)


def test_integers_become_real_numbers(check, node) -> None:
    graph = check(node("Cast", "x", to=1), {"x": np.array([3, -4])})
    assert graph.values["y"].scale == 1000


@pytest.mark.parametrize("perm", [(0, 1, 2, 3), (3, 2, 1, 0), (0, 2, 3, 1), (1, 0, 2, 3)])
def test_transpose(check, node, grid, perm) -> None:
    graph = check(node("Transpose", "x", perm=perm), {"x": grid(2, 3, 4, 5)})
    assert len(graph.operations) == (perm != (0, 1, 2, 3))


def test_a_transpose_of_axes_of_one_item_is_nothing(check, node, grid) -> None:
    first = node("Transpose", "x", perm=(0, 2, 1, 3), outputs=["t"])
    graph = check([first, node("Relu", "t")], {"x": grid(2, 3, 1, 5)})
    assert len(graph.operations) == 1


@pytest.mark.parametrize("shape", [(4, 3, 5), (2, 1, 4, 1, 5), (1,)])
def test_expand(check, node, grid, shape) -> None:
    check(node("Expand", "x", "s"), {"x": grid(4, 1, 5)}, {"s": int64(*shape)})


@pytest.mark.parametrize("repeats", [(1, 1, 1), (2, 1, 3), (2, 3, 4)])
def test_tile(check, node, grid, repeats) -> None:
    check(node("Tile", "x", "r"), {"x": grid(2, 3, 4)}, {"r": int64(*repeats)})


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_blocks_between_depth_and_space(check, node, grid, mode) -> None:
    check(node("DepthToSpace", "x", blocksize=2, mode=mode), {"x": grid(2, 8, 3, 5)})
    check(node("SpaceToDepth", "x", blocksize=2), {"x": grid(2, 3, 4, 6)})


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concat(check, node, grid, axis) -> None:
    shapes = [[2, 3, 4], [2, 3, 4], [2, 3, 4]]
    shapes[1][axis], shapes[2][axis] = 1, 5
    names = ("a", "b", "c")
    inputs = {name: grid(*shape) for name, shape in zip(names, shapes, strict=True)}
    graph = check(node("Concat", *names, axis=axis), inputs)
    assert kinds(graph) == [Concatenate]
    constants = {"b": inputs.pop("b")}
    check(node("Concat", *names, axis=axis), inputs, constants)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_split(check, node, grid, axis) -> None:
    it = node("Split", "x", outputs=("a", "b"), axis=axis, num_outputs=2)
    check(it, {"x": grid(3, 5, 4)})
    lengths = {"n": int64(1, 2)}
    check(node("Split", "x", "n", outputs=("a", "b")), {"x": grid(3, 2)}, lengths)


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ((1,), (3,), (1,), (1,)),
        ((0, -3), (2, -1), (0, 2), (1, 1)),
        ((-1,), (-100,), (2,), (-2,)),
        ((5, 3), (0, 0), (2, 1), (-1, -2)),
        ((0, 0, 1), (100, 100, 100), (0, 1, 2), (1, 2, 3)),
    ],
)
def test_slice(check, node, grid, starts, ends, axes, steps) -> None:
    constants = {"s": int64(*starts), "e": int64(*ends), "a": int64(*axes), "t": int64(*steps)}
    check(node("Slice", "x", "s", "e", "a", "t"), {"x": grid(2, 4, 6)}, constants)


def test_slice_of_the_first_axes(check, node, grid) -> None:
    graph = check(node("Slice", "x", "s", "e"), {"x": grid(3, 4)}, {"s": int64(1), "e": int64(2)})
    assert kinds(graph) == [View]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("indices", "operations"),
    [
        (2, [View]),
        ([0, 2, 1], [Load, Gather]),
        ([0, -2, 1], [Load, Gather]),
        ([2, 1, 0], [View]),
        ([1, 1, 1], [View]),
        ([0, 0, 1, 1], [View]),
        ([[0, 1], [2, 0]], [Load, Gather]),
    ],
)
def test_gather_by_known_indices(check, node, grid, axis, indices, operations) -> None:
    constants = {"i": np.array(indices)}
    found = kinds(check(node("Gather", "x", "i", axis=axis), {"x": grid(3, 4, 3)}, constants))
    assert found[-1] is operations[-1] and (Gather in found) == (Gather in operations)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [(2,), (2, 3), ()])
def test_gather_by_computed_indices(check, node, grid, axis, shape) -> None:
    data = {"d": grid(3, 4, 5)}
    indices = {"i": np.random.default_rng(2).integers(-3, 3, shape)}
    it = node("Gather", "d", "i", axis=axis)
    check(it, indices, data)
    check(it, data | indices)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
@pytest.mark.parametrize("pads", [(0, 1, 2, 0, 2, 1), (1, 0, 0, 0, 0, 2), (1, 2, 1, 1, 0, 2)])
def test_pad(check, node, grid, mode, pads) -> None:
    check(node("Pad", "x", "p", mode=mode), {"x": grid(2, 3, 4)}, {"p": int64(*pads)})


def test_pad_of_many_axes_with_a_number(check, node, grid) -> None:
    constants = {"p": int64(1, 0, 1, 2, 0, 2, 1, 0, 1, 1), "v": np.array(-1.5, np.float32)}
    check(node("Pad", "x", "p", "v"), {"x": grid(2, 3, 2, 3, 2)}, constants)


def test_pad_of_some_axes_that_also_crops(check, node, grid) -> None:
    constants = {"p": int64(-1, 2, 1, -1), "a": int64(-1, 1)}
    check(node("Pad", "x", "p", "", "a"), {"x": grid(2, 3, 4)}, constants)
    constants["p"] = int64(-1, 1, 1, -1)
    check(node("Pad", "x", "p", "", "a", mode="edge"), {"x": grid(2, 3, 4)}, constants)


def test_a_cast_that_would_round_is_refused(model_of, node, grid) -> None:
    (problem,) = problems(model_of(node("Cast", "x", to=7), {"x": grid(2)}))
    assert problem.reason == "a cast from float32 to int64 is not supported"
