"""What cannot be right is refused before anything is compiled, packed, loaded or sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import smartvm
import smartvm.compiler.abi
from smartvm.chain import Chain, upload_blocks
from smartvm.compiler.artefact import DEEPEST, Artefact
from smartvm.compiler.compile import compile
from smartvm.exceptions import ArtefactError, ModelError, SmartVMError

onnx = pytest.importorskip("onnx", reason="compiles ONNX models")
helper = onnx.helper


def model_of(*nodes: object, outputs: tuple[str, ...] = ("y",), **weights: np.ndarray) -> object:
    """A model of one input x of 2 x 3 numbers."""
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (2, 3))],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


@pytest.fixture(scope="module")
def negation() -> object:
    return model_of(helper.make_node("Neg", ["x"], ["y"]))


@pytest.fixture(scope="module")
def artefact(negation: object) -> Artefact:
    return compile(negation, scale=100)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 0}, "scale: expected a whole number of at least 1, found 0"),
        ({"scale": -5}, "scale: expected a whole number of at least 1, found -5"),
        ({"scale": 1.5}, "scale: expected a whole number of at least 1, found 1.5"),
        ({"weight_scale": 0}, "weight_scale: expected a whole number"),
        ({"pixels": True, "input_range": (0, 5)}, "give pixels or input_range, not both"),
        ({"input_range": {"q": (0, 1)}}, r"range of 'q': the inputs of the model are \['x'\]"),
        ({"input_range": (2, -2)}, "range of 'x': expected LOW <= HIGH"),
        ({"input_range": (float("nan"), 1)}, "both finite"),
        ({"input_range": (0, float("inf"))}, "both finite"),
        ({"scale": 10_000, "input_range": (-1e15, 1e15)}, "its range passes 64 bits"),
    ],
)
def test_options(negation, options, message):
    with pytest.raises(ModelError, match=message):
        compile(negation, **options)


def test_numbers_that_are_none(artefact):
    items = np.array([[1, 2, float("nan")], [0, 0, 0]])
    with pytest.raises(SmartVMError, match="expected finite numbers"):
        artefact.contract.input_format.pack(items)


def test_an_output_may_be_a_constant():
    weight = np.array([[7.0, -8.0]], dtype=np.float32)
    nodes = helper.make_node("Identity", ["c"], ["y"]), helper.make_node("Relu", ["x"], ["r"])
    artefact = compile(model_of(*nodes, outputs=("y", "r"), c=weight), scale=100)
    packed = artefact.contract.input_format.pack(np.array([[1, -2, 3], [0, 0, 0]], dtype=float))
    call = smartvm.compiler.abi.encode_call("predict(bytes)", packed)
    blocks = {number: block.items for number, block in artefact.contract.blocks.items()}
    result = smartvm.execute(artefact.contract.runtime, calldata=call, blocks=blocks)
    outputs = smartvm.compiler.abi.decode_int256_array(result.raise_for_error().output)
    assert outputs == [700, -800, 100, 0, 300, 0, 0, 0]


def test_an_input_keeps_its_shape_if_an_output_is_another_view_of_it():
    shape = np.array([6], dtype=np.int64)
    model = model_of(helper.make_node("Reshape", ["x", "s"], ["y"]), s=shape)
    assert compile(model, scale=100).contract.input_format.shape == (2, 3)


@pytest.mark.parametrize("name", ["manifest.json", "graph.json"])
def test_json_that_nests_without_end(artefact, tmp_path: Path, name):
    path = artefact.save(tmp_path / "model")
    (path / name).write_bytes(b"[" * 100_000)
    with pytest.raises(ArtefactError, match="nested too deeply" if name[0] == "m" else "changed"):
        Artefact.load(path)
    assert DEEPEST < 1000


def test_init_code_that_deploys_something_else(artefact, tmp_path: Path):
    other = replace(artefact, contract=replace(artefact.contract, init_code=b"\x60\x00"))
    path = other.save(tmp_path / "model")
    with pytest.raises(ArtefactError, match=r"init\.bin does not deploy runtime\.bin"):
        Artefact.load(path)


def test_an_upload_to_where_no_contract_is(artefact):
    with pytest.raises(SmartVMError, match="expected a model contract, found no code"):
        upload_blocks(Chain(), bytes(20), artefact.contract.blocks)
