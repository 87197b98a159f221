"""RNN, GRU and LSTM against onnxruntime and ONNX's reference, and in the VM."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from smartvm.compiler.certify import certify
from smartvm.compiler.graph_execution import executable
from smartvm.compiler.importer import load_model
from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.lowering import lower
from smartvm.dispatch import make_dispatcher
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import UnsupportedModelError

SCALE = 4096
RANGE = (-2.0, 2.0)
UNITS_OF_ERROR = 4.0
"""Bound of the error of every output, in units of 1 / SCALE, over a few steps."""
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
INPUTS = ("X", "W", "R", "B", "lengths", "H0", "C0", "P")


def recurrent(
    operator: str,
    *,
    steps: int = 3,
    batch: int = 2,
    features: int = 4,
    units: int = 5,
    given: str = "B",
    lengths: list[int] | None = None,
    wanted: tuple[str, ...] = ("Y", "Yh", "Yc"),
    direction: str = "forward",
    layout: int = 0,
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one layer with seeded weights; `given` names its optional inputs."""
    directions = 2 if direction == "bidirectional" else 1
    rows = GATES[operator] * units
    state = (batch, directions, units) if layout else (directions, batch, units)
    shapes = {
        "W": (directions, rows, features),
        "R": (directions, rows, units),
        "B": (directions, 2 * rows),
        "H0": state,
        "C0": state,
        "P": (directions, 3 * units),
    }
    random = np.random.default_rng(1)
    parameters = {
        name: random.uniform(-0.6, 0.6, shape).astype(np.float32)
        for name, shape in shapes.items()
        if name in ("W", "R", *given.split())
    }
    if lengths:
        parameters["lengths"] = np.array(lengths, np.int32)
    outputs = {
        "Y": (batch, steps, directions, units) if layout else (steps, directions, batch, units),
        "Yh": state,
        "Yc": state,
    }
    names = [n for n in outputs if n in wanted and (n != "Yc" or operator == "LSTM")]
    if layout:
        attributes["layout"] = 1
    node = helper.make_node(
        operator,
        [name if name == "X" or name in parameters else "" for name in INPUTS],
        [name if name in names else "" for name in outputs],
        name="layer",
        hidden_size=units,
        direction=direction,
        **attributes,
    )
    while not node.input[-1]:
        node.input.pop()
    while not node.output[-1]:
        node.output.pop()
    graph = helper.make_graph(
        [node],
        operator,
        [declared("X", (batch, steps, features) if layout else (steps, batch, features))],
        [declared(name, outputs[name]) for name in names],
        [numpy_helper.from_array(array, name) for name, array in parameters.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def declared(name: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def lowered(model: onnx.ModelProto) -> IntegerGraph:
    graph = lower(load_model(model), {"X": RANGE}, scale=SCALE)
    certify(graph)
    return graph


def sample(model: onnx.ModelProto) -> np.ndarray:
    shape = [axis.dim_value for axis in model.graph.input[0].type.tensor_type.shape.dim]
    return np.random.default_rng(2).uniform(*RANGE, shape).astype(np.float32)


def integers(x: np.ndarray) -> np.ndarray:
    return np.rint(x * SCALE).astype(np.int64)


def assert_close(model: onnx.ModelProto, wanted: list[np.ndarray], x: np.ndarray) -> None:
    graph = lowered(model)
    made = graph.evaluate(make_dispatcher(), {"X": Tensor.from_array(integers(x))})
    assert len(graph.outputs) == len(wanted)
    for name, expected in zip(graph.outputs, wanted, strict=True):
        assert graph.values[name].shape == expected.shape
        found = np.array(made[name].to_ints()).reshape(expected.shape) / SCALE
        assert np.abs(found - expected).max() * SCALE < UNITS_OF_ERROR


def by_onnxruntime(model: onnx.ModelProto, x: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"X": x})


VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "no bias": {"given": ""},
    "one example": {"batch": 1, "wanted": ("Yh",)},
    "one step": {"steps": 1},
    "reverse": {"direction": "reverse"},
    "bidirectional": {"direction": "bidirectional", "given": "B H0 C0"},
    "initial state": {"given": "B H0 C0"},
    "full sequences": {"lengths": [3, 3]},
    "clipped": {"clip": 0.4},
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("operator", GATES)
def test_a_layer_is_that_of_onnxruntime(operator: str, variant: str) -> None:
    options = dict(VARIANTS[variant])
    if operator != "LSTM" and "given" in options:
        options["given"] = options["given"].replace("C0", "")
    model = recurrent(operator, **options)
    x = sample(model)
    assert_close(model, by_onnxruntime(model, x), x)


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_a_gru_may_reset_after_the_product(direction: str) -> None:
    model = recurrent("GRU", linear_before_reset=1, direction=direction, given="B H0")
    x = sample(model)
    assert_close(model, by_onnxruntime(model, x), x)


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_an_lstm_may_have_peepholes(direction: str) -> None:
    model = recurrent("LSTM", given="B H0 C0 P", direction=direction)
    x = sample(model)
    assert_close(model, by_onnxruntime(model, x), x)


@pytest.mark.parametrize(
    ("operator", "activations"),
    [("RNN", ["Relu"]), ("GRU", ["Sigmoid", "Relu"]), ("LSTM", ["Sigmoid", "Relu", "Tanh"])],
)
def test_each_direction_has_its_activations(operator: str, activations: list[str]) -> None:
    defaults = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
    model = recurrent(
        operator, direction="bidirectional", activations=activations + defaults[operator]
    )
    x = sample(model)
    assert_close(model, by_onnxruntime(model, x), x)


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("operator", GATES)
def test_the_batch_may_come_first(operator: str, direction: str) -> None:
    given = "B H0 C0" if operator == "LSTM" else "B H0"
    model = recurrent(operator, layout=1, direction=direction, given=given)
    x = sample(model)  # onnxruntime knows no layout 1
    assert_close(model, ReferenceEvaluator(model).run(None, {"X": x}), x)


@pytest.mark.parametrize("operator", GATES)
def test_the_bytecode_gives_the_same_integers(operator: str) -> None:
    model = recurrent(operator, direction="bidirectional", given="B H0")
    graph, x = lowered(model), integers(sample(model))
    made = graph.evaluate(make_dispatcher(), {"X": Tensor.from_array(x)})
    outputs, execution = executable(graph).run({"X": x.reshape(-1).tolist()})
    assert outputs == [made[name].to_ints() for name in graph.outputs]
    assert execution.gas_used > 0


@pytest.mark.parametrize("operator", GATES)
def test_all_steps_share_their_weights(operator: str) -> None:
    few, many = (lowered(recurrent(operator, steps=steps)) for steps in (2, 9))
    assert {name: len(c) for name, c in few.constants.items()} == {
        name: len(c) for name, c in many.constants.items()
    }
    assert len(many.operations) > 3 * len(few.operations)


def test_bounds_grow_with_the_steps_and_do_not_multiply() -> None:
    graph = lowered(recurrent("LSTM", steps=200))
    memory = certify(graph)[graph.outputs[2]].interval
    assert 100 * SCALE < memory.high <= 201 * SCALE


REFUSED = {
    "a sequence that ends early": ({"lengths": [3, 2]}, "must all have 3 steps"),
    "coupled gates": ({"input_forget": 1}, "gates are coupled"),
    "another activation": ({"activations": ["Softsign", "Tanh", "Tanh"]}, "Softsign"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_supported_is_refused_with_the_reason(case: str) -> None:
    options, reason = REFUSED[case]
    with pytest.raises(UnsupportedModelError, match=f"LSTM 'layer': .*{reason}"):
        load_model(recurrent("LSTM", **options))
