"""Activations over the whole range in which they bend."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.operations import Clip, Rectify

X = {"x": np.linspace(-6, 6, 241, dtype=np.float32).round(3)}


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        ("Relu", {}),
        ("Sigmoid", {}),
        ("Tanh", {}),
        ("HardSigmoid", {}),
        ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}),
        ("HardSwish", {}),
        ("Gelu", {}),
        ("Gelu", {"approximate": "tanh"}),
        ("Elu", {"alpha": 1.5}),
        ("Selu", {}),
        ("Celu", {"alpha": 2.0}),
        ("Softplus", {}),
        ("Softsign", {}),
        ("Mish", {}),
    ],
)
@pytest.mark.parametrize("scale", [1000, 1 << 16])
def test_activation(check, node, operator, attributes, scale) -> None:
    units = 0.6 if scale == 1000 else 2.0  # onnxruntime's own are float32
    check(node(operator, "x", **attributes), X, units=units, scale=scale)


@pytest.mark.parametrize("alpha", [0.01, 0.2, 1.5, -0.3])
def test_leaky_relu(check, node, alpha) -> None:
    """ACT_RL truncates, which may cost a whole unit."""
    check(node("LeakyRelu", "x", alpha=alpha), X, units=1.0)


@pytest.mark.parametrize("slope", [(3, 1, 1), (1,), (4,), (3, 1, 4)])
def test_parametric_relu(check, node, grid, slope) -> None:
    inputs, slopes = {"x": grid(2, 3, 5, 4)}, {"s": grid(*slope)}
    check(node("PRelu", "x", "s"), inputs, slopes)
    check(node("PRelu", "x", "s"), inputs | slopes)


@pytest.mark.parametrize(
    ("low", "high", "operation"),
    [
        (0.0, 6.0, Rectify),
        (0.0, None, Rectify),
        (-1.5, 2.25, Clip),
        (None, 2.0, Clip),
        (-3.4e38, 2.0, Clip),
        (-2.0, None, Clip),
        (2.0, -1.0, Clip),
    ],
)
def test_clip(check, node, low, high, operation) -> None:
    bounds = {"low": low, "high": high}
    constants = {n: np.array(b, np.float32) for n, b in bounds.items() if b is not None}
    names = [name if name in constants else "" for name in bounds]
    graph = check(node("Clip", "x", *names), X, constants)
    assert [type(entry) for entry in graph.operations] == [operation]


def test_clip_without_bounds_is_nothing(check, node) -> None:
    import onnx

    nodes = [onnx.helper.make_node("Clip", ["x"], ["c"]), node("Relu", "c")]
    assert len(check(nodes, X).operations) == 1


def test_clip_by_computed_bounds(check, node) -> None:
    low, high = np.array(-1.5, np.float32), np.array(2.5, np.float32)
    check(node("Clip", "x", "low", "high"), X | {"low": low, "high": high})
    check(node("Clip", "x", "", "high"), X | {"high": high})


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("operator", ["Softmax", "LogSoftmax"])
def test_softmax(check, node, grid, operator, axis) -> None:
    check(node(operator, "x", axis=axis), {"x": 3 * grid(3, 4, 5)}, units=0.7)


def test_log_softmax_of_far_apart_numbers(check, node) -> None:
    x = np.array([[1000, -1000, 0, 999]], np.float32)
    check(node("LogSoftmax", "x"), {"x": x})
