"""Reductions along any axes."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.operations import Reduce, View


@pytest.mark.parametrize("axes", [[0], [1], [-1], [0, 1], [1, 2], [0, 2], [0, 1, 2], None])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("operator", ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"])
def test_reduce(check, node, grid, operator, keepdims, axes) -> None:
    constants = {} if axes is None else {"axes": np.array(axes)}
    it = node(operator, "x", *constants, keepdims=keepdims)
    check(it, {"x": grid(3, 4, 5)}, constants)


@pytest.mark.parametrize("operator", ["ReduceL1", "ReduceL2", "ReduceSumSquare"])
def test_reduce_norm(check, node, grid, operator) -> None:
    check(node(operator, "x", "axes"), {"x": grid(3, 4, 5)}, {"axes": np.array([1, 2])})


def test_axes_as_an_attribute(check, node, grid) -> None:
    check(node("ReduceMean", "x", axes=[1]), {"x": grid(3, 4)}, opset=17)


def test_no_axes_may_mean_none(check, node, grid) -> None:
    it = node("ReduceSum", "x", "axes", noop_with_empty_axes=1)
    import onnx

    nodes = [it, onnx.helper.make_node("Relu", ["y"], ["z"])]
    assert len(check(nodes, {"x": grid(3, 4)}, {"axes": np.array([], np.int64)}).operations) == 1


def test_neighbouring_axes_need_no_view(check, node, grid) -> None:
    x = {"x": grid(2, 3, 4, 5)}
    graph = check(node("ReduceSum", "x", "axes"), x, {"axes": np.array([1, 2])})
    (reduction,) = graph.operations
    assert isinstance(reduction, Reduce) and (reduction.axis, reduction.inner) == (12, 5)
    graph = check(node("ReduceSum", "x", "axes"), x, {"axes": np.array([1, 3])})
    assert [type(entry) for entry in graph.operations] == [View, Reduce]


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("operator", ["ArgMax", "ArgMin"])
def test_index_of_an_extreme(check, node, operator, axis, last) -> None:
    x = np.array([[1, 3, 3], [2, 3, -1], [2, 0, -1]], np.float32)
    it = node(operator, "x", axis=axis, select_last_index=last, keepdims=axis % 2)
    graph = check(it, {"x": x})
    assert graph.values["y"].scale == 1
