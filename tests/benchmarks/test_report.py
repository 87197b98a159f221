"""The report of the paper's evaluation, from results that are made up."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from paper import compare, model, pipeline_table, report
from paper.headlines import headlines
from paper.model import Gap, Measurement, timed
from paper.published import published, value_of
from paper.questions import QUESTIONS
from paper.results import Results, ResultsError, load
from paper.text import number, quantity


def seconds(question: str, contender: str, value: float, **more) -> Measurement:
    wanted = more.pop("quantity", model.TOTAL)
    return Measurement(question, "lenet5", contender, wanted, "s", value, **more)


@pytest.fixture
def results() -> Results:
    made = Results(
        machine={"processor": "a <test> processor", "cores": "2"},
        conditions={"networks": ["lenet5"], "threads": 1, "run": "quick", "date": "today"},
        seconds={"speed": 1.5},
    )
    made.add(
        [
            seconds("speed", model.SMARTVM_CPU, 0.002, spread=0.0001, runs=9, note="resident"),
            seconds("speed", model.SMARTVM_CPU, 0.001, quantity=model.COMPUTE),
            seconds("speed", model.SMARTVM_CPU, 0.0004, quantity=model.COMPUTE, part="conv1", x=1),
            seconds("offchain", model.SMARTVM_CPU, 0.004),
            seconds("offchain", model.OFFCHAIN_GET, 40.0, extrapolated=True, note="a sample"),
            seconds("plain_evm", model.PLAIN_PY_EVM, 9.5),
            Gap("plain_evm", "lenet5", model.PLAIN_REVM, "pyrevm is not installed"),
            Gap("pipeline_table", "", "", "stopped after 120 s"),
        ]
    )
    return made


def test_results_survive_the_file(results: Results, tmp_path: Path) -> None:
    path = results.save(tmp_path)
    assert load(path) == load(tmp_path) == results
    assert json.loads(path.read_text())["version"] == 1


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 0}', '{"version": 1, "x": 2}'])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(ResultsError, match="expected"):
        load(tmp_path)


def test_headlines_compare_with_the_paper(results: Results) -> None:
    rows = {row.claim: row for row in headlines(results)}
    get = rows["faster than off-chain inference, a `get()` a value"]
    assert (get.published, get.ours, get.extrapolated) == (70, 10_000, True)
    assert get.ratio == pytest.approx(10_000 / 70)
    plain = rows["faster than plain EVM instructions on py-evm"]
    assert (plain.published, plain.ours, plain.ratio) == (None, pytest.approx(9_500), None)
    assert rows["one inference on the CPU, the whole call"].ours == 0.002


def test_a_headline_without_a_baseline_says_why(results: Results) -> None:
    rows = {row.claim: row for row in headlines(results)}
    revm = rows["faster than plain EVM instructions on revm"]
    assert (revm.ours, revm.conditions) == (None, "not measured: pyrevm is not installed")
    assert "stopped after 120 s" in rows["time saved by the pipeline"].conditions
    assert "weights was left out" in rows["less time to fetch weights, in blocks"].conditions


def test_the_report_holds_figures_gaps_and_the_paper(results: Results, tmp_path: Path) -> None:
    path = report.write_report(results, tmp_path)
    page, text = path.read_text(), (tmp_path / "report.md").read_text()
    assert "a &lt;test&gt; processor" in page
    for document in (page, text):
        assert "40 s†" in document
        assert "2 ms ± 100 µs" in document
        assert "LeNet-5: plain EVM on revm: pyrevm is not installed" in document
        assert "9.87 ms" in document  # the paper's, beside ours
        assert "Fetching weights" not in document  # nothing was found
    assert "70 ×" in (tmp_path / "summary.md").read_text()


def test_figures_are_in_the_page_itself(results: Results, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="draws figures")
    page = report.write_report(results, tmp_path).read_text()
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"end_to_end.svg", "end_to_end.png", "layers.svg"} <= names
    assert page.count("data:image/svg+xml;base64,") == len(names) // 2
    assert "http" not in page.partition("<body>")[0]
    assert 'src="figures' not in page


def test_without_matplotlib_there_are_tables(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "find_spec", lambda name: None)
    page = report.write_report(results, tmp_path).read_text()
    assert "smartvm[bench]" in page
    assert "<img" not in page
    assert "40 s†" in page


def test_two_runs_are_compared(results: Results) -> None:
    other = Results(results.machine, results.conditions, gaps=results.gaps)
    other.add([seconds("speed", model.SMARTVM_CPU, 0.00201, spread=0.0001, runs=9)])
    other.add([seconds("offchain", model.SMARTVM_CPU, 0.002)])
    found = {d.a.question: d for d in compare.differences(results, other)}
    assert found["offchain"].ratio == 0.5
    assert (found["offchain"].is_clear, found["speed"].is_clear) == (True, False)
    assert compare.only_in(results, other) == 4
    table = compare.table(list(found.values()))
    assert "within the spread" in table.splitlines()[2]
    assert "4 ms | 2 ms | 0.500" in table


def test_layers_are_compared_when_asked_for(results: Results) -> None:
    found = compare.differences(results, results, parts=True)
    assert "conv1" in {d.a.part for d in found}
    assert "conv1" not in {d.a.part for d in compare.differences(results, results)}


def test_the_pipeline_saves_of_the_sequential_call() -> None:
    taken = {"fetch": [3.0], "compute": [9.0], "sequential": [10.0], "pipelined": [8.0]}
    measured = {"network": "alexnet", "pages": "warm", "taken": taken}
    found = {m.quantity: m for m in pipeline_table._figures("alexnet", measured)}
    assert found[model.SAVED].value == pytest.approx(20)
    assert (found[model.WEIGHTS_TIME].value, found[model.SAVED].part) == (0.003, "")
    cold = pipeline_table._figures("alexnet", measured | {"pages": "cold"})
    assert {m.part for m in cold} == {"pages of the file cold"}


def test_every_published_value_has_a_source_and_a_known_network() -> None:
    assert all(entry.reference and entry.unit for entry in published())
    assert {entry.network for entry in published()} <= {"", *model.NETWORKS}
    assert (value_of("offchain-speedup", "mobilenet_v1"), value_of("pipeline-saved")) == (12, 13.1)


def test_every_question_has_its_own_id() -> None:
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS)


def test_timings_become_a_median_and_the_distance_of_quartiles() -> None:
    assert timed([5.0, 1.0, 2.0, 3.0, 4.0]) == {"value": 3.0, "spread": 2.0, "runs": 5}
    assert timed([7.0]) == {"value": 7.0, "spread": 0.0, "runs": 1}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.00123, "s", "1.23 ms"),
        (7200, "s", "2 h"),
        (0, "s", "0 s"),
        (3.2e-8, "s", "32 ns"),
        (6_422_528, "bytes", "6.42 MB"),
        (17_580_000, "instructions", "17,580,000 instructions"),
        (93.66, "%", "93.7 %"),
        (99.9957, "%", "99.9957 %"),
        (-0.5, "%", "-0.500 %"),
    ],
)
def test_quantities_are_shown_in_a_unit_that_suits_them(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_numbers_have_three_digits_that_count() -> None:
    assert [number(v) for v in (0.0448, 1.067, 70, 310.4, 1e6)] == [
        *("0.0448", "1.07", "70", "310", "1,000,000")
    ]
