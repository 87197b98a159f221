"""`smartvm bench`: running the evaluation, a failed baseline, wrong input."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import smartvm.cli.bench as bench

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from paper import backends, child, model, run
from paper.backends import LEFT_OUT, NO_GPU
from paper.model import Gap, Measurement, Options
from paper.questions import BY_ID
from paper.results import Results, load

Run = Callable[..., tuple[int, str, str]]
CONDITIONS = {"networks": ["lenet5"]}


def test_the_smallest_evaluation_ends_with_a_report(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="compiles a network of the zoo")
    arguments = ["--quick", "--rounds", 1, "--network", "lenet5", "--only", "gas_table"]
    code, out, err = run("bench", *arguments, "--out", tmp_path)
    assert code == 0
    assert out.splitlines()[-1] == str(tmp_path / "report.html")
    assert "bench [" in err
    results = load(tmp_path)
    assert results.of("gas_table")
    assert results.conditions["networks"] == ["lenet5"]
    assert "Gas by layer" in (tmp_path / "report.html").read_text()


def test_a_failed_baseline_is_a_gap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(options: Options) -> list[Measurement]:
        if options.networks == ("lenet5",):
            raise RuntimeError("no such\n  baseline")
        return [Measurement("speed", "lstm", "x", "y", "s", 1.0)]

    module = type(sys)("paper.speed")
    module.measure = fail
    monkeypatch.setitem(sys.modules, "paper.speed", module)
    options = Options(networks=("lenet5", "lstm"))
    found = [f for part in child.parts("speed", options) for f in child.answer("speed", part)]
    assert found[0] == Gap("speed", "lenet5", "", "RuntimeError: no such baseline")
    assert found[1].network == "lstm"


def test_a_question_whose_module_is_missing_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paper.speed", None)
    (gap,) = child.answer("speed", Options(networks=("lstm",)))
    assert isinstance(gap, Gap)
    assert gap.network == "lstm"


def test_a_question_that_takes_too_long_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "QUICK_SECONDS", 0.2)
    options = Options(quick=True, networks=("lenet5",), out=tmp_path)
    results, report = run.run(options, [BY_ID["gas_table"]])
    assert results.measurements == []
    assert results.gaps[0].reason.startswith("stopped after 0.2 s")
    assert "stopped after" in report.read_text()


def test_only_questions_about_a_gpu_may_use_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[str | None] = []

    def start(*_: object, env: dict[str, str], **__: object) -> None:
        seen.append(env.get("SMARTVM_DEVICE"))
        raise FileNotFoundError

    monkeypatch.delenv("SMARTVM_DEVICE", raising=False)
    monkeypatch.setattr(run.subprocess, "Popen", start)
    for question in ("weights", "speed"):
        with pytest.raises(FileNotFoundError):
            run.run(Options(out=tmp_path), [BY_ID[question]])
    assert seen == ["cpu", None]


@pytest.mark.parametrize(("device", "reason"), [("cpu", LEFT_OUT), ("gpu", NO_GPU)])
def test_without_a_gpu_the_reason_is_given(
    monkeypatch: pytest.MonkeyPatch, device: str, reason: str
) -> None:
    monkeypatch.setattr(backends, "available_backends", lambda: ["native", "numpy"])
    options = Options(device=device)
    assert backends.why_no_gpu(options) == reason
    assert backends.backends(options) == {model.SMARTVM_CPU: "native"}


def test_with_a_gpu_both_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "available_backends", lambda: ["cupy", "numpy"])
    assert backends.backends(Options()) == {
        model.SMARTVM_CPU: "numpy",
        model.SMARTVM_GPU: "cupy",
    }


def test_an_artefact_is_measured_after_the_networks_of_the_zoo() -> None:
    options = Options(networks=("lenet5", "lstm"), artefact=Path("own.zip"))
    parts = child.parts("speed", options)
    assert [(p.networks, p.artefact) for p in parts] == [
        (("lenet5",), None),
        (("lstm",), None),
        ((), Path("own.zip")),
    ]
    assert child.parts("gas_safety", options) == [options]


@pytest.fixture
def two_runs(tmp_path: Path) -> tuple[Path, Path]:
    for name, value in (("a", 2.0), ("b", 3.0)):
        found = Measurement("speed", "lenet5", "SmartVM, CPU", "computing", "s", value)
        Results({}, CONDITIONS, measurements=[found]).save(tmp_path / name)
    return tmp_path / "a", tmp_path / "b"


def test_compare_shows_both_runs(run: Run, two_runs: tuple[Path, Path]) -> None:
    code, out, err = run("bench", "compare", *two_runs)
    assert (code, err) == (0, "")
    assert "| 2 s | 3 s | 1.50 | one run each |" in out
    code, out, _ = run("bench", "compare", *two_runs, "--json")
    assert (code, json.loads(out)[0]["ratio"]) == (0, 1.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare"], "compare A B"),
        (["compare", "nowhere", "nowhere"], "nowhere"),
        (["contrast", "a", "b"], "compare A B"),
        (["--network", "vgg99"], "vgg99: expected one of lenet5"),
        (["--only", "nothing"], "no question is called 'nothing'"),
        (["--device", "tpu"], "invalid choice: 'tpu'"),
        (["--rounds", "0"], "at least 1"),
        (["--mnist", "nowhere"], "expected a directory"),
        (["--imagenet", "nowhere"], "expected a directory"),
        (["--network", __file__], "is no artefact"),
        (["--network", "a.zip", "--network", "b.zip"], "a.zip: expected one of"),
        (["readme"], "readme RUN"),
        (["readme", "nowhere"], "nowhere"),
    ],
)
def test_wrong_input_is_one_line(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run("bench", *arguments)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert message in err


def test_a_damaged_results_file_is_one_line(run: Run, two_runs: tuple[Path, Path]) -> None:
    (two_runs[1] / "results.json").write_text("{")
    code, _, err = run("bench", "compare", *two_runs)
    assert (code, err.count("\n")) == (2, 1)
    assert "expected a results file" in err


def test_without_a_checkout_one_line_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "__file__", str(tmp_path / "site" / "smartvm" / "cli" / "bench.py"))
    monkeypatch.chdir(tmp_path)
    code, out, err = run("bench", "--quick")
    assert (code, out) == (3, "")
    assert "source checkout" in err
