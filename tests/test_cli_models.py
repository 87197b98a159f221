"""`smartvm compile`, `smartvm check` and `smartvm gas`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from smartvm.compiler.artefact import Artefact
from smartvm.compiler.compile import compile
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.price import run_bound, run_gas
from smartvm.compiler.sequential import Sequential

onnx = pytest.importorskip("onnx", reason="compiles ONNX models")

Run = Callable[..., tuple[int, str, str]]


def save_model(path: Path, *operators: str, shape: tuple[object, ...] = (1, 4)) -> Path:
    """A model of nodes of one input each, after a fully connected layer."""
    helper = onnx.helper
    nodes = [helper.make_node("MatMul", ["x", "w"], ["v0"], name="dense")]
    for number, operator in enumerate(operators):
        nodes.append(helper.make_node(operator, [f"v{number}"], [f"v{number + 1}"], name=operator))
    weights = np.array([[1.5, -2], [0.25, 3], [-1, 0.5], [2, 1]], dtype=np.float32)
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info(f"v{len(operators)}")],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "tiny.onnx", "Relu")


def test_compile_writes_an_artefact_and_says_what_it_is(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run("compile", model, "--range", "-1", "1")
    assert code == 0
    labels = [line.split()[0] for line in out.splitlines()]
    assert labels == [
        "code", "weights", "input", "output", "widths", "Buffer", "scale", "agreement", "hash",
        "written",
    ]  # fmt: skip
    artefact = Artefact.load(tmp_path / "tiny")
    assert artefact.contract.model_hash.hex() in out
    assert "compile tiny.onnx [" in err
    assert err.rstrip().endswith("done")


def test_options_reach_the_compiler(run: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "out" / "model.zip"
    options = ["--scale", "1,000", "--weight-scale", 500, "--range", "x=0", "2", "--quick"]
    assert run("compile", model, "-o", path, *options)[0] == 0
    artefact = Artefact.load(path)
    assert artefact.contract.input_format.interval == Interval(0, 2000)
    assert artefact.report["scale"] == 1000
    assert artefact.contract.graph.constants["w"].tolist()[0] == 750
    assert run("compile", model, "-o", path, "--pixels", "--per-channel", "--quick")[0] == 0
    assert Artefact.load(path).contract.input_format.scale == 255


def test_a_compiled_model_as_json(run: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    code, out, _ = run("compile", model, "-o", path, "--report", "--json")
    assert code == 0
    told, artefact = json.loads(out), Artefact.load(path)
    assert told["modelHash"] == f"0x{artefact.contract.model_hash.hex()}"
    assert told["input"]["shape"] == [1, 4]
    assert told["report"] == json.loads(json.dumps(dict(artefact.report)))
    code, out, _ = run("gas", path, "--json")
    bound = run_bound(artefact.contract, artefact.certificate)
    assert (json.loads(out)["runAtMost"], json.loads(out)["run"]) == (bound.total, None)
    checked = json.loads(run("check", model, "--json")[1])
    assert checked["operators"] == {"MatMul": 1, "Relu": 1}
    assert checked["isSupported"]


def test_samples_are_read_from_a_file(run: Run, model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "samples.npz", x=np.linspace(-1, 5, 40).reshape(10, 4))
    code, out, _ = run(
        "compile", model, "-o", tmp_path / "m", "--samples", tmp_path / "samples.npz"
    )
    assert code == 0
    assert "of 10 samples" in out
    assert "-256 to 1,280" in out


def test_the_report_lists_tensors_and_scales(run: Run, model: Path, tmp_path: Path) -> None:
    code, out, _ = run("compile", model, "-o", tmp_path / "m", "--report")
    assert code == 0
    lines = out.splitlines()
    assert [line.split()[:2] for line in lines[2:4]] == [["v0", "MatMul"], ["v1", "Relu"]]
    assert any(line.split()[:1] == ["256"] for line in lines)
    assert max(map(len, lines[:8])) <= 100


def test_an_open_shape_is_given_on_the_command_line(run: Run, tmp_path: Path) -> None:
    model = save_model(tmp_path / "open.onnx", shape=("n", 4))
    code, _, err = run("compile", model, "-o", tmp_path / "m")
    assert code == 2
    assert "--input x=1x4" in err
    assert run("compile", model, "-o", tmp_path / "m", "--input", "x=1x4", "--quick")[0] == 0


def test_check_says_that_a_model_is_supported(run: Run, model: Path) -> None:
    assert run("check", model) == (0, "tiny: 2 nodes (1 MatMul, 1 Relu): supported\n", "")


def test_check_lists_every_node_that_is_not(run: Run, tmp_path: Path) -> None:
    model = save_model(tmp_path / "odd.onnx", "Relu", "Asinh", "Hardmax")
    code, out, err = run("check", model)
    assert (code, err) == (1, "")
    assert "2 of them cannot be compiled" in out
    assert "Asinh" in out
    assert "Hardmax" in out


def test_gas_shows_what_each_layer_costs(run: Run, model: Path) -> None:
    code, out, _ = run("gas", model, "--quick", "--range", "-1", "1")
    artefact = compile(model, scales=(), input_range=(-1.0, 1.0))
    bound = run_bound(artefact.contract, artefact.certificate)
    assert code == 0
    rows = {line.split()[0]: line.split() for line in out.splitlines() if "─" not in line}
    assert list(rows) == ["layer", "dense", "Relu", "reading,", "a", "deployment", "upload,"]
    assert rows["dense"][-1] == f"{bound.layers['dense']:,}"
    assert rows["a"][-1] == f"{bound.total:,}"


@pytest.mark.parametrize("name", ["input.npy", "input.npz"])
def test_gas_of_an_artefact_is_exact_for_a_given_input(run: Run, tmp_path: Path, name: str) -> None:
    network = Sequential("hand", (2,), scale=10, input_range=Interval(-50, 50))
    artefact = compile(network.fully_connected("fc", np.array([[3, -4]]), np.array([7])).graph)
    path, values = artefact.save(tmp_path / "hand.zip"), np.array([1.0, -2.5])
    np.save(tmp_path / name, values) if name.endswith("y") else np.savez(tmp_path / name, values)
    code, out, err = run("gas", path, "--input-file", tmp_path / name)
    assert (code, err) == (0, "")
    exact = run_gas(artefact.contract, artefact.contract.input_format.pack(values))
    (line,) = [line for line in out.splitlines() if line.startswith("a run")]
    assert line.split()[-1] == f"{exact.total:,}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compile", "nowhere.onnx"], "nowhere.onnx: there is no such file"),
        (["check", "nowhere.onnx", "--input", "x"], "NAME=SHAPE"),
        (["compile", "nowhere.onnx", "--input", "x=1x0"], "NAME=SHAPE"),
        (["compile", "nowhere.onnx", "--range", "1", "x"], "two numbers such as -1 1"),
        (["compile", "nowhere.onnx", "--scale", "0"], "at least 1"),
        (["gas", "nowhere.zip"], "no such artefact"),
        (["gas", "nowhere.onnx"], "there is no such file"),
    ],
)
def test_wrong_input_is_one_line(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run(*arguments)
    lines = [line for line in err.splitlines() if "[" not in line]
    assert (code, out, len(lines)) == (2, "", 1)
    assert message in lines[0]


def test_an_input_that_does_not_fit_is_one_line(run: Run, model: Path, tmp_path: Path) -> None:
    for content, message in (
        (np.zeros(3), "expected 4 items"),
        (np.full(4, 9.0), "expected items"),
    ):
        np.save(tmp_path / "x.npy", content)
        code, _, err = run("gas", model, "--quick", "--input-file", tmp_path / "x.npy")
        assert code == 2
        assert message in err
    (tmp_path / "x.npy").write_bytes(b"no array")
    code, _, err = run("gas", model, "--quick", "--input-file", tmp_path / "x.npy")
    assert code == 2
    assert "expected one array" in err


def test_a_missing_extra_is_named(run: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import smartvm.compiler.importer as importer

    monkeypatch.setattr(importer, "find_spec", lambda name: None)
    for command in ("compile", "check", "gas"):
        _, out, err = run(command, model)
        assert "extra 'onnx'" in out + err


@pytest.mark.parametrize("command", ["compile", "check", "gas"])
def test_help_shows_examples(run: Run, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"smartvm {command} model.onnx" in out
    assert "examples:" in out


def test_options_of_a_compilation_have_no_place_beside_an_artefact(
    run: Run, model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "compiled"
    assert run("compile", model, "-o", folder, "--quick")[0] == 0
    code, _, err = run("gas", folder, "--scale", 5)
    assert code == 2
    assert err == f"smartvm gas: {folder} is compiled already: --scale has no effect on it\n"


def test_a_file_in_the_way_is_seen_before_the_work(run: Run, model: Path) -> None:
    code, _, err = run("compile", model, "-o", model)
    assert code == 2
    assert "is a file: expected a directory, or a name that ends in .zip" in err
    assert "compile tiny.onnx [" not in err


def test_one_range_for_all_and_one_by_name_do_not_go_together(run: Run, model: Path) -> None:
    code, _, err = run("compile", model, "--range", "0", "1", "--range", "x=-5", "5")
    assert code == 2
    assert "--range: give one range for all inputs, or each by its name" in err


def test_a_file_that_is_not_there_is_named_without_a_number(run: Run, tmp_path: Path) -> None:
    missing = tmp_path / "none.npy"
    code, _, err = run("run", "00", "--block", f"1={missing}")
    assert code == 2
    assert "Errno" not in err
    assert str(missing) in err
