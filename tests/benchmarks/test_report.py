"""The report of the paper's evaluation, from results that are made up."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from paper import compare, figures, model, pipeline_table, report
from paper.headlines import headlines
from paper.model import Gap, Measurement, timed
from paper.published import beside, published, value_of
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
            seconds("offchain", model.SMARTVM_COLD, 0.004),
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
    rows = {row.claim.text: row for row in headlines(results)}
    get = rows["faster than off-chain inference, a `get()` a value"]
    assert (get.published, get.ours, get.extrapolated) == (70, 10_000, True)
    assert get.against_paper == "143 ×"
    plain = rows["faster than plain EVM instructions on py-evm"]
    assert (plain.published, plain.ours) == (None, pytest.approx(9_500))
    assert plain.against_paper == ""
    assert rows["one inference on the CPU, the whole call"].ours == 0.002


def test_a_headline_without_a_baseline_says_why(results: Results) -> None:
    rows = {row.claim.text: row for row in headlines(results)}
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
        assert "LeNet-5 (plain EVM on revm): pyrevm is not installed." in document
        assert "9.87 ms" in document  # the paper's, beside ours
        assert "Fetching weights" not in document  # nothing was found


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
    other.add([seconds("offchain", model.SMARTVM_COLD, 0.002)])
    found = {d.a.question: d for d in compare.differences(results, other)}
    assert found["offchain"].ratio == 0.5
    assert (found["offchain"].verdict, found["speed"].verdict) == (
        "one run each",
        "within the spread",
    )
    assert compare.only_in(results, other) == 4
    table = compare.table(list(found.values()))
    assert "within the spread" in table.splitlines()[2]
    assert "4 ms | 2 ms | 0.500" in table


def test_equal_figures_are_not_listed_and_percentages_differ_by_points() -> None:
    def run(value: float) -> Results:
        saved = Measurement("weights", "lstm", model.SMARTVM, model.SAVED, "%", value)
        same = Measurement("gas_table", "lstm", model.SMARTVM, model.GAS, "gas", 5)
        return Results({}, {}, measurements=[saved, same])

    table = compare.table(compare.differences(run(80), run(85)))
    assert "gas_table" not in table
    assert "| 80 % | 85 % | +5.00 points | one run each |" in table


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


def test_the_paper_stands_beside_our_figures_of_a_question() -> None:
    found = beside("buffer_memory", ["alexnet"])
    assert [(m.network, m.contender, m.value) for m in found] == [("alexnet", "the paper", 90.8)]
    (saved,) = beside("pipeline_table", ["alexnet"])
    assert (saved.network, saved.value) == ("", 13.1)


def test_a_question_about_one_contender_has_a_column_a_quantity() -> None:
    ours = [
        Measurement("pipeline_table", name, model.SMARTVM_CPU, wanted, "%", value)
        for name, wanted, value in (("alexnet", "a", 1), ("alexnet", "b", 2), ("lstm", "b", 3))
    ]
    paper = Measurement("pipeline_table", "", "the paper", "b", "%", 4)
    table = report.figures_table([*ours, paper])
    assert list(table.headings[1:]) == ["a (%)", "b (%)", "b (%), the paper"]
    assert [list(row) for row in table.rows] == [
        ["AlexNet", "1", "2", ""],
        ["LSTM", "", "3", ""],
        ["all", "", "", "4"],
    ]


def test_the_table_of_gas_pairs_layers_by_their_place(tmp_path: Path) -> None:
    def gas(question: str, contender: str, part: str, value: int, x: float | None) -> Measurement:
        return Measurement(question, "lenet5", contender, model.GAS, "gas", value, part=part, x=x)

    made = Results({}, {"networks": ["lenet5"]})
    made.add([gas("plain_evm", model.PLAIN_EVM, "fc2", 700, 1.0)])
    made.add([gas("gas_table", model.SMARTVM, "output", 70, 1.0)])
    made.add([gas("gas_table", model.SMARTVM, "", 90, None)])
    report.write_report(made, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "| output | 70 | 700 |  |" in text
    assert "| in all; SmartVM's with the transaction | 90 |  | 2,120,000 |" in text


def test_a_network_with_one_bar_is_left_out_where_others_have_more() -> None:
    pytest.importorskip("matplotlib", reason="draws figures")
    both = [seconds("speed", name, 1.0) for name in (model.SMARTVM_CPU, model.PYTORCH)]
    alone = Measurement("speed", "lstm", model.SMARTVM_CPU, model.TOTAL, "s", 1.0)

    def panels(*found: Measurement) -> list[str]:
        made = Results({}, {}, measurements=list(found))
        figure = figures.bars(made, ("speed",), model.TOTAL)
        return [axis.get_title("left") for axis in figure.axes]

    assert panels(*both, alone) == ["LeNet-5"]
    assert panels(alone) == ["LSTM"]


@pytest.mark.parametrize(
    ("values", "label"),
    [((0.001, 0.002), "total time"), ((0.001, 20.0), "total time, logarithmic")],
)
def test_axes_name_their_units(values: tuple[float, ...], label: str) -> None:
    pytest.importorskip("matplotlib", reason="draws figures")
    names = (model.SMARTVM_CPU, model.PYTORCH)
    found = [seconds("speed", name, v) for name, v in zip(names, values, strict=True)]
    figure = figures.bars(Results({}, {}, measurements=found), ("speed",), model.TOTAL)
    (axis,) = figure.axes
    assert axis.get_xlabel() == label
    figure.draw_without_rendering()
    shown = [tick.get_text() for tick in axis.get_xticklabels()]
    assert all(text.endswith("s") for text in shown)


def test_networks_with_the_same_gap_share_a_sentence(tmp_path: Path) -> None:
    gaps = [Gap("speed", name, model.SMARTVM_GPU, "no GPU") for name in ("lenet5", "lstm")]
    made = Results({}, {"networks": ["lenet5", "lstm"]}, gaps=gaps)
    report.write_report(made, tmp_path)
    assert "- LeNet-5, LSTM (SmartVM, GPU): no GPU." in (tmp_path / "report.md").read_text()


def test_the_contents_lead_to_the_sections(results: Results, tmp_path: Path) -> None:
    page = report.write_report(results, tmp_path).read_text()
    targets = re.findall('href="#([^"]+)"', page)
    assert "computing-on-a-chain-and-natively-fig-12-to-15" in targets
    assert set(targets) <= set(re.findall('id="([^"]+)"', page))


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
        (294_967, "×", "295,000 ×"),
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
