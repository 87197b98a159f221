"""Normalisations, within about a unit."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.lowering import problems


def vectors(grid, count, names="abcd"):
    return {name: grid(count) for name in names}


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 5), (2, 3, 4, 5)])
def test_batch_normalization(check, node, grid, shape) -> None:
    constants = vectors(grid, 3)
    constants["d"] = np.abs(constants["d"]) + np.float32(0.1)
    import onnx

    relu = onnx.helper.make_node("Relu", ["x"], ["r"])
    nodes = [relu, node("BatchNormalization", "r", *"abcd", epsilon=0.01)]
    check(nodes, {"x": grid(*shape)}, constants)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("scale", [1000, 1 << 16])
def test_layer_normalization(check, node, grid, axis, scale) -> None:
    x = grid(3, 4, 8)
    constants = {"s": grid(*x.shape[axis:]), "b": grid(*x.shape[axis:])}
    check(node("LayerNormalization", "x", "s", "b", axis=axis), {"x": x}, constants,
          units=1.5, scale=scale)  # fmt: skip
    check(node("LayerNormalization", "x", "s", axis=axis), {"x": x} | constants, units=1.5)


def test_layer_normalization_gives_its_statistics(check, node, grid) -> None:
    it = node("LayerNormalization", "x", "s", outputs=("y", "mean", "inverse"))
    check(it, {"x": grid(3, 16)}, {"s": grid(16)}, units=1.5)


def test_rows_that_do_not_vary_become_the_bias(check, node) -> None:
    x = np.full((2, 4), 1.5, np.float32)
    constants = {"s": np.ones(4, np.float32), "b": np.full(4, 0.25, np.float32)}
    for epsilon in (1e-5, 1e-20):
        check(node("LayerNormalization", "x", "s", "b", epsilon=epsilon), {"x": x}, constants)


@pytest.mark.parametrize("shape", [(2, 3, 8), (2, 3, 4, 5), (1, 3, 2, 3, 4)])
def test_instance_normalization(check, node, grid, shape) -> None:
    constants = vectors(grid, 3, "ab")
    check(node("InstanceNormalization", "x", "a", "b"), {"x": grid(*shape)}, constants, units=1.5)
    inputs = {"x": grid(*shape)} | constants
    check(node("InstanceNormalization", "x", "a", "b"), inputs, units=1.5)


def test_rms_normalization(check, node, grid) -> None:
    it = node("RMSNormalization", "x", "a", epsilon=0.01)
    check(it, {"x": grid(2, 3, 8)}, {"a": grid(8)}, units=1.5, opset=23)


@pytest.mark.parametrize("size", [1, 3, 4, 5])
@pytest.mark.parametrize("beta", [0.75, 0.5, 1.0])
def test_local_response_normalization(check, node, grid, size, beta) -> None:
    it = node("LRN", "x", size=size, alpha=0.5, beta=beta, bias=1.5)
    check(it, {"x": grid(6, 6, 1, 2)}, units=1.0)


def test_local_response_normalization_of_a_volume(check, node, grid) -> None:
    check(node("LRN", "x", size=3), {"x": grid(1, 4, 2, 3)}, units=1.0)


def test_statistics_that_are_computed_are_refused(model_of, node, grid) -> None:
    inputs = {"x": grid(2, 3, 4)} | vectors(grid, 3)
    (problem,) = problems(model_of(node("BatchNormalization", "x", *"abcd"), inputs))
    assert problem.reason == "its statistics are computed"
