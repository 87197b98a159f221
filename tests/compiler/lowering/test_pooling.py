"""Pools; averages are exact to nearest, so that half a unit is all error."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.lowering import problems


@pytest.mark.parametrize(
    ("shape", "attributes"),
    [
        ((2, 3, 9), {"kernel_shape": [3], "strides": [2], "pads": [1, 0]}),
        ((1, 2, 7, 8), {"kernel_shape": [3, 2], "strides": [2, 3], "pads": [1, 0, 1, 1]}),
        ((1, 2, 8, 8), {"kernel_shape": [2, 3], "dilations": [2, 2], "ceil_mode": 1}),
        ((1, 2, 8, 8), {"kernel_shape": [1, 3], "dilations": [1, 2]}),
        ((1, 2, 8, 8), {"kernel_shape": [3, 1], "dilations": [2, 1]}),
        ((1, 2, 5, 6), {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
        ((1, 2, 4, 5, 6), {"kernel_shape": [2, 3, 2], "strides": [1, 2, 2]}),
        ((1, 2, 7, 8), {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    ],
)
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_pool(check, node, grid, operator, shape, attributes) -> None:
    check(node(operator, "x", **attributes), {"x": grid(*shape)})


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("ceil_mode", [0, 1])
def test_average_with_padding(check, node, grid, count, ceil_mode) -> None:
    attributes = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 1, 1]}
    it = node("AveragePool", "x", count_include_pad=count, ceil_mode=ceil_mode, **attributes)
    check(it, {"x": grid(1, 2, 6, 6)})


@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 3, 4, 5), (1, 2, 3, 4, 5)])
@pytest.mark.parametrize("operator", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pool(check, node, grid, operator, shape) -> None:
    check(node(operator, "x"), {"x": grid(*shape)})


def test_pools_that_have_no_instruction_say_why(model_of, node, grid) -> None:
    x = {"x": grid(1, 1, 8, 8)}
    indices = node("MaxPool", "x", outputs=("y", "i"), kernel_shape=[2, 2])
    (problem,) = problems(model_of(indices, x))
    assert problem.reason == "the indices of the greatest cells are not supported"
    differing = node("MaxPool", "x", kernel_shape=[2, 2], dilations=[1, 2])
    (problem,) = problems(model_of(differing, x))
    assert problem.reason == "its dilations differ: (1, 1, 2)"


def test_a_truncated_average_would_be_wrong(check, node) -> None:
    """Three quarters of a unit round to one."""
    x = np.array([[[0.003, 0, 0, 0]]], np.float32)
    graph = check(node("GlobalAveragePool", "x"), {"x": x})
    assert len(graph.operations) == 3
