"""Import: what is accepted, what is refused, and what the refusal says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from smartvm.compiler import importer
from smartvm.compiler.importer import check_model, float_model, load_model
from smartvm.exceptions import ModelError, UnsupportedModelError

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
FLOAT = onnx.TensorProto.FLOAT
WEIGHTS = np.arange(-6, 6, dtype=np.float32).reshape(4, 3) / 8


def make(operator: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    return helper.make_node(operator, inputs.split(), outputs.split(), name=outputs, **attributes)


def tensor(name: str, shape: Any, kind: int = FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.fixture
def model() -> Callable[..., Any]:
    """A model from x (1, 4) to y (1, 3); by default y = ReLU(x·w)."""

    def build(
        *nodes: Any, opset: int = 18, weights: np.ndarray = WEIGHTS, shape: Any = (1, 4)
    ) -> Any:
        graph = helper.make_graph(
            nodes or [make("MatMul", "x w", "h"), make("Relu", "h", "y")],
            "net",
            [tensor("x", shape)],
            [tensor("y", (1, 3))],
            [numpy_helper.from_array(weights, "w")],
        )
        opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.example", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    return build


def test_a_model_may_come_from_a_path_from_bytes_or_from_memory(model, tmp_path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(model(), path)
    for source in (path, str(path), path.read_bytes(), model()):
        loaded = load_model(source)
        assert (loaded.name, loaded.inputs, loaded.outputs) == ("net", ("x",), ("y",))
        assert [node.operator for node in loaded.nodes] == ["MatMul", "Relu"]
        assert loaded.shapes == {"w": (4, 3), "x": (1, 4), "h": (1, 3), "y": (1, 3)}
        assert loaded.constants["w"].tolist() == WEIGHTS.tolist()


def test_the_model_in_memory_is_left_as_it_was(model) -> None:
    source = model(opset=9)
    before = source.SerializeToString(deterministic=True)
    load_model(source)
    assert source.SerializeToString(deterministic=True) == before


def test_inputs_with_initializers_are_weights(model) -> None:
    source = model()
    source.graph.input.append(tensor("w", (4, 3)))
    assert load_model(source).inputs == ("x",)


def test_inputs_become_weights_by_their_names(model) -> None:
    source = model()
    del source.graph.initializer[:]
    source.graph.input.append(tensor("w", (4, 3)))
    assert load_model(source).inputs == ("x", "w")
    assert load_model(source, parameters={"w": WEIGHTS}).inputs == ("x",)
    with pytest.raises(
        ModelError, match=r"parameter 'v' is no input of the model; it has \['x', 'w'\]"
    ):
        load_model(source, parameters={"v": WEIGHTS})


def test_a_file_that_is_not_there(tmp_path) -> None:
    with pytest.raises(ModelError, match=r"none.onnx: there is no such file"):
        load_model(tmp_path / "none.onnx")


@pytest.mark.parametrize("content", [b"not a model", b"\x08\x07\x12\xff", b"\xff" * 100])
def test_a_corrupt_file(tmp_path, content) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken.onnx is no ONNX file, or is damaged"):
        load_model(path)


def test_a_file_that_was_cut_short(model, tmp_path) -> None:
    path, content = tmp_path / "cut.onnx", model().SerializeToString()
    for length in range(1, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(ModelError, match=r"cut\.onnx"):
            load_model(path)


def test_a_graph_that_the_checker_refuses(model) -> None:
    unordered = model(make("Relu", "h", "y"), make("MatMul", "x w", "h"))
    with pytest.raises(ModelError, match="the model is no valid ONNX model: Nodes in a graph must"):
        load_model(unordered)


def test_an_empty_graph(model) -> None:
    source = model()
    del source.graph.output[:]
    with pytest.raises(ModelError, match="empty graph: it has no outputs"):
        load_model(source)
    del source.graph.node[:]
    for empty in (source, b""):
        with pytest.raises(ModelError, match="empty graph: it has no nodes"):
            load_model(empty)


def test_a_dynamic_shape_names_its_cure(model) -> None:
    source = model(shape=("batch", 4))
    with pytest.raises(ModelError) as error:
        load_model(source)
    assert str(error.value) == (
        "input 'x' has the shape (batch, 4): a contract needs every length. Give it, for example "
        "input_shapes={'x': (1, 4)} or --input x=1x4"
    )
    assert load_model(source, input_shapes={"x": (1, 4)}).shapes["x"] == (1, 4)


def test_a_vector_of_open_length(model) -> None:
    source = model(make("MatMul", "x w", "h"), make("Relu", "h", "y"), shape=(None,))
    source.graph.output[0].CopyFrom(tensor("y", (3,)))
    with pytest.raises(ModelError, match=r"the shape \(\?\): .* input_shapes={'x': \(1,\)}"):
        load_model(source)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"x": (1, 5)}, r"input 'x': the shape \(1, 5\) does not fit \('batch', 4\) of the model"),
        ({"x": (1, 4, 1)}, "does not fit"),
        ({"z": (1, 4)}, r"input 'z': the model has no such input, but \['x'\]"),
    ],
)
def test_shapes_that_do_not_fit(model, shapes, message) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(model(shape=("batch", 4)), input_shapes=shapes)


def test_a_shape_that_depends_on_the_values(model) -> None:
    nodes = [make("NonZero", "x", "n"), make("Cast", "n", "c", to=FLOAT), make("Relu", "c", "y")]
    with pytest.raises(UnsupportedModelError, match="NonZero 'n': this operator is not supported"):
        load_model(model(*nodes))
    cut = [make("ArgMax", "x", "i", axis=1, keepdims=0), make("Slice", "w i i", "s")]
    source = model(*cut, make("Relu", "s", "y"))
    source.graph.output[0].CopyFrom(tensor("y", (2, 3)))
    with pytest.raises(ModelError, match="Slice 's': the shape of its output 's' depends on"):
        load_model(source)


@pytest.mark.parametrize(
    ("number", "kind"), [(np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")]
)
def test_weights_that_are_no_numbers(model, number, kind) -> None:
    weights = WEIGHTS.copy()
    weights[2, 1] = number
    with pytest.raises(ModelError, match=rf"must be finite numbers, these are not: 'w' \({kind}\)"):
        load_model(model(weights=weights))
    constant = make("Constant", "", "c", value=numpy_helper.from_array(weights))
    nodes = [constant, make("MatMul", "x c", "y")]
    with pytest.raises(ModelError, match=rf"'c' \({kind}\)"):
        load_model(model(*nodes))


@pytest.mark.parametrize(
    "node",
    [
        make("BatchNormalization", "h s s s s", "y m v", training_mode=1),
        make("Dropout", "h r t", "y"),
        make("Dropout", "h r unknown", "y"),
    ],
)
def test_a_graph_in_training_mode(model, node) -> None:
    source = model(make("MatMul", "x w", "h"), node)
    for name, array in (("s", np.ones(3, "f4")), ("r", np.array(0.5, "f4")), ("t", np.array(True))):
        source.graph.initializer.append(numpy_helper.from_array(array, name))
    source.graph.input.append(tensor("unknown", (), onnx.TensorProto.BOOL))
    with pytest.raises(
        ModelError, match=r"in training mode .* export it for inference, for example"
    ):
        load_model(source)


def test_dropout_in_inference_is_nothing(model) -> None:
    source = model(
        make("MatMul", "x w", "h"), make("Dropout", "h r t", "d"), make("Relu", "d", "y")
    )
    for name, array in (("r", np.array(0.5, np.float32)), ("t", np.array(False))):
        source.graph.initializer.append(numpy_helper.from_array(array, name))
    assert [node.operator for node in load_model(source).nodes] == ["MatMul", "Relu"]


def test_every_unsupported_node_is_listed(model) -> None:
    nodes = [
        make("Det", "w", "d"),
        make("MatMul", "x w", "h"),
        helper.make_node("Swirl", ["h"], ["s"], domain="com.example"),
        make("Relu", "s", "r"),
        make("Hardmax", "h", "k"),
        make("Add", "r k", "y"),
    ]
    source = model(*nodes, weights=WEIGHTS[:3])
    source.graph.input[0].CopyFrom(tensor("x", (1, 3)))
    expected = [
        "Hardmax 'k': this operator is not supported",
        "com.example.Swirl 'Swirl(s)': this operator is not supported",
    ]
    with pytest.raises(UnsupportedModelError) as error:
        load_model(source)
    assert sorted(map(str, error.value.problems)) == expected
    assert all(line in str(error.value) for line in expected)
    report = check_model(source)
    assert not report.is_supported and report.error is None
    assert sorted(map(str, report.problems)) == expected
    assert "2 of them cannot be compiled:" in str(report)


def test_a_report_of_a_model_that_can_be_compiled(model) -> None:
    report = check_model(model())
    assert report.is_supported
    assert str(report) == "net: 2 nodes (1 MatMul, 1 Relu): supported"


def test_a_report_of_what_is_no_model() -> None:
    report = check_model(b"not a model")
    assert not report.is_supported
    assert str(report).startswith("the model is no ONNX file, or is damaged")


def test_attributes_are_python_values(model) -> None:
    nodes = [make("MatMul", "x w", "h"), make("LeakyRelu", "h", "l", alpha=0.5),
             make("Unsqueeze", "l a", "u"), make("MaxPool", "u", "p", kernel_shape=[1],
             auto_pad="VALID"), make("Flatten", "p", "y")]  # fmt: skip
    source = model(*nodes)
    source.graph.initializer.append(numpy_helper.from_array(np.array([0]), "a"))
    found = {
        key: value for node in load_model(source).nodes for key, value in node.attributes.items()
    }
    assert found["alpha"] == 0.5 and found["kernel_shape"] == (1,) and found["auto_pad"] == "VALID"


def test_a_missing_package_is_named(model, monkeypatch) -> None:
    monkeypatch.setattr(importer, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"extra 'onnx'"):
        load_model(model())


def test_weights_in_half_precision_are_numbers_like_others(model) -> None:
    source = model(make("Cast", "w", "c", to=FLOAT), make("MatMul", "x c", "y"))
    half = helper.make_tensor("w", onnx.TensorProto.BFLOAT16, (4, 3), WEIGHTS.reshape(-1))
    source.graph.initializer[0].CopyFrom(half)
    loaded = float_model(source)
    (weights,) = loaded.constants.values()
    assert weights.dtype == np.float32 and weights.tolist() == WEIGHTS.tolist()
