"""From ONNX to an artefact on a chain, and what the report says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import smartvm
from smartvm.chain import Chain, upload_blocks
from smartvm.compiler.abi import decode_int256_array, decode_uint256, encode_call
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.compile import DEFAULT_RANGE, STEPS, Progress, artefact_of, compile
from smartvm.compiler.contract_abi import CLASSIFY, PREDICT
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.sequential import Sequential
from smartvm.exceptions import ModelError, UnsupportedModelError

onnx = pytest.importorskip("onnx", reason="compiles ONNX models")
helper = onnx.helper

Call = Callable[..., smartvm.Execution]


def model_of(nodes: list[object], shape: tuple[object, ...], **weights: np.ndarray) -> object:
    """A model of one input x of a shape and one output y."""
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info("y")],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model)


def perceptron(shape: tuple[object, ...] = (1, 4)) -> object:
    """Two fully connected layers on four features, three classes."""
    random = np.random.default_rng(3)
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["hidden"], name="first"),
        helper.make_node("Relu", ["hidden"], ["active"], name="relu"),
        helper.make_node("MatMul", ["active", "v"], ["y"], name="second"),
    ]
    weights = {
        "w": random.normal(size=(4, 8)).astype(np.float32),
        "b": random.normal(size=8).astype(np.float32),
        "v": random.normal(size=(8, 3)).astype(np.float32),
    }
    return model_of(nodes, shape, **weights)


def reference(x: np.ndarray) -> np.ndarray:
    from onnx.reference import ReferenceEvaluator

    (result,) = ReferenceEvaluator(perceptron()).run(None, {"x": x.astype(np.float32)})
    return np.asarray(result)


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    return compile(perceptron(), scale=10_000, input_range=(-1.0, 1.0))


def test_a_model_runs_on_a_chain_as_it_does_in_floating_point(artefact: Artefact) -> None:
    chain, contract = Chain(), artefact.contract
    address = chain.deploy(contract.init_code).contract
    upload_blocks(chain, address, contract.blocks)
    for x in np.random.default_rng(1).uniform(-1, 1, (5, 1, 4)):
        packed = contract.input_format.pack(x)
        outputs = decode_int256_array(chain.call(address, encode_call(PREDICT, packed)))
        np.testing.assert_allclose(np.array(outputs) / 10_000, reference(x)[0], atol=2e-3)
        label = decode_uint256(chain.call(address, encode_call(CLASSIFY, packed)))
        assert label == reference(x).argmax()


def test_the_report_tells_the_error_of_every_tensor(artefact: Artefact) -> None:
    rows = {row["tensor"]: row for row in artefact.report["tensors"]}
    assert list(rows) == ["hidden", "active", "y"]
    assert [rows[name]["node"] for name in rows] == ["first", "relu", "second"]
    for row in rows.values():
        assert 0 < row["mean_error"] <= row["max_error"] < 0.002
        assert row["low"] < row["high"]
        assert row["bits"] in (16, 32, 64)
    assert artefact.report["agreement"] == 1.0
    assert artefact.report["random_samples"] is True


def test_scales_are_tried_from_the_smallest_until_one_will_do() -> None:
    report = compile(perceptron(), input_range=(-1.0, 1.0), scales=(9000, 1, 300)).report
    assert [trial["scale"] for trial in report["scales"]] == [1, 300]
    first, second = report["scales"]
    assert first["max_error"] > 10 * second["max_error"]
    assert first["gas"] <= second["gas"]
    assert report["recommended"]["scale"] == report["scale"] == 300
    assert report["recommended"]["reason"].startswith("the smallest that gives the float model's")


def test_where_no_scale_will_do_the_best_is_taken() -> None:
    report = compile(perceptron(), input_range=(-1.0, 1.0), scales=(1, 2)).report
    assert report["scale"] == report["recommended"]["scale"]
    assert report["recommended"]["reason"].startswith("the best: ")


def test_a_scale_at_which_a_network_cannot_be_compiled_is_reported() -> None:
    report = compile(perceptron(), input_range=(-1.0, 1.0), scales=(1, 1 << 70, 300)).report
    assert [trial["problem"] != "" for trial in report["scales"]] == [False, False]
    report = compile(perceptron(), input_range=(-1.0, 1.0), scales=(1, 1 << 70)).report
    assert "passes 64 bits" in report["scales"][1]["problem"]
    with pytest.raises(ModelError, match="at any scale:\n  1180591620717411303424: "):
        compile(perceptron(), scales=(1 << 70,))
    assert compile(perceptron(), scale=100, scales=(1 << 70,)).report["recommended"] is None


def test_without_scales_none_is_tried() -> None:
    report = compile(perceptron(), scales=()).report
    assert (report["scale"], report["scales"], report["recommended"]) == (1000, [], None)


def test_pixels_stay_8_bit_in_calldata(call: Call) -> None:
    artefact = compile(perceptron(), scale=1000, pixels=True, scales=())
    given = artefact.contract.input_format
    assert (given.scale, given.interval, given.nbytes) == (255, Interval(0, 255), 4)
    output = call(artefact.contract, encode_call(PREDICT, bytes([0, 51, 102, 255]))).output
    expected = reference(np.array([[0, 0.2, 0.4, 1]]))[0]
    np.testing.assert_allclose(np.array(decode_int256_array(output)) / 1000, expected, atol=0.02)


@pytest.mark.parametrize(
    ("options", "interval"),
    [
        ({}, Interval(*(int(end * 100) for end in DEFAULT_RANGE))),
        ({"input_range": (-1.5, 0.25)}, Interval(-150, 25)),
        ({"input_range": {"x": (0, 7)}}, Interval(0, 700)),
        ({"samples": np.array([[-2.0, 0, 0, 0], [0, 0, 0, 4.5]])}, Interval(-200, 450)),
        (
            {"samples": [{"x": np.zeros((1, 4))}], "input_range": (-1.0, 1.0)},
            Interval(-100, 100),
        ),
    ],
)
def test_the_range_is_declared_or_that_of_the_samples(
    options: dict[str, object], interval: Interval
) -> None:
    artefact = compile(perceptron(), scale=100, scales=(), **options)
    assert artefact.contract.input_format.interval == interval


def test_an_open_shape_is_given() -> None:
    with pytest.raises(ModelError, match="input_shapes="):
        compile(perceptron(("batch", 4)))
    artefact = compile(perceptron(("batch", 4)), input_shapes={"x": (1, 4)}, scales=())
    assert artefact.contract.input_format.shape == (1, 4)


def test_channels_of_small_weights_get_finer_scales() -> None:
    weights = np.diag([1.0, 0.001, 0.001]).astype(np.float32)
    model = model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], (1, 3), w=weights)
    errors = [
        compile(model, scale=100, per_channel=fine, scales=()).report["tensors"][0]["max_error"]
        for fine in (False, True)
    ]
    assert errors[1] <= errors[0]


def test_samples_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ModelError, match="at least one sample"):
        compile(perceptron(), samples=[], scales=())
    with pytest.raises(ModelError, match="no such file"):
        compile(perceptron(), samples="nowhere.npz", scales=())


def test_progress_names_each_step_once() -> None:
    seen: list[Progress] = []
    compile(perceptron(), scales=(), progress=seen.append)
    assert [progress.step for progress in seen] == [*STEPS, "done"]
    assert [progress.done for progress in seen] == list(range(len(STEPS) + 1))
    assert {progress.total for progress in seen} == {len(STEPS)}


def test_what_is_not_supported_is_refused_whole() -> None:
    nodes = [
        helper.make_node("Det", ["x"], ["a"], name="first"),
        helper.make_node("Bernoulli", ["x"], ["b"], name="second"),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    with pytest.raises(UnsupportedModelError) as error:
        compile(model_of(nodes, (3, 3)))
    assert "first" in str(error.value)
    assert "second" in str(error.value)


def test_a_model_of_several_inputs_is_refused() -> None:
    infos = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (3,)) for name in "abc"]
    graph = helper.make_graph([helper.make_node("Add", "ab", "c")], "sum", infos[:2], infos[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(ModelError, match="one input, found 2"):
        compile(model)


def test_an_integer_graph_is_compiled_as_it_is(tmp_path: Path) -> None:
    network = Sequential("hand", (2,), scale=10, input_range=Interval(-5, 5))
    graph = network.fully_connected("fc", np.array([[3, -4]]), np.array([7])).graph
    artefact = compile(graph)
    assert artefact.name == "hand"
    assert artefact.report == {}
    artefact.check_certificate()
    assert Artefact.load(artefact.save(tmp_path / "hand")).certificate == artefact.certificate
    assert artefact_of(graph).contract.model_hash == artefact.contract.model_hash
