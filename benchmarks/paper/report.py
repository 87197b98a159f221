"""The report: headlines, then a section a question, each beside what the paper published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from paper.charts import END_TO_END, Chart, charts
from paper.document import (
    Block,
    Bullets,
    Document,
    Heading,
    Paragraph,
    Picture,
    Table,
    markdown_table,
)
from paper.headlines import Headline, headlines
from paper.model import Gap, Measurement
from paper.published import beside, content
from paper.questions import QUESTIONS, Question
from paper.results import Results
from paper.text import PREFIXES, network_name, number, quantity

HTML, MARKDOWN, SUMMARY, FIGURES = "report.html", "report.md", "summary.md", "figures"
TITLE = "SmartVM: the paper's evaluation, measured again"
NOT_AVAILABLE = "not available"
NO_MATPLOTLIB = "figures are left out: matplotlib is not installed (pip install 'smartvm[bench]')"


def write_report(results: Results, directory: Path) -> Path:
    """Write report.html, report.md, summary.md and the figures; the path of the first."""
    directory.mkdir(parents=True, exist_ok=True)
    document = Document(TITLE, list(_blocks(results, directory)))
    (directory / MARKDOWN).write_text(document.markdown(directory))
    (directory / SUMMARY).write_text(summary(results))
    path = directory / HTML
    path.write_text(document.html())
    return path


def summary(results: Results) -> str:
    """The table of headlines with the machine, for a README."""
    rows = [*headlines(results)]
    networks = list(dict.fromkeys(row.network for row in rows))
    cells = {(row.claim, row.network): _both(row) for row in rows}
    lines = [
        [claim, *(cells.get((claim, network), "") for network in networks)]
        for claim in dict.fromkeys(row.claim for row in rows)
    ]
    headings = ("here (the paper)", *map(network_name, networks))
    return f"{machine_line(results)}\n\n{markdown_table(headings, lines)}\n"


def _both(row: Headline) -> str:
    return ours_text(row) + (f" ({published_text(row)})" if row.published is not None else "")


def machine_line(results: Results) -> str:
    """The machine and the conditions in a sentence."""
    m, c = results.machine, results.conditions
    return (
        f"Measured on {m.get('processor', 'an unknown processor')}, {m.get('cores', '?')} cores, "
        f"{m.get('memory', '?')}, {c.get('threads', '?')} thread(s), {m.get('kernels', '?')}; "
        f"{c.get('run', '?')} run of {c.get('date', '?')}."
    )


def _blocks(results: Results, directory: Path) -> Iterator[Block]:
    yield Paragraph(machine_line(results))
    yield Paragraph(
        f"The paper is {content()['paper']['title']} ({content()['paper']['venue']}, doi "
        f"{content()['paper']['doi']}). {content()['paper']['note']} † marks what is extrapolated; "
        "± is the distance of the quartiles. No figure of the paper was measured on this machine."
    )
    if not find_spec("matplotlib"):
        yield Paragraph(NO_MATPLOTLIB)
    yield Heading(2, "Headlines")
    yield Table(HEADLINE_COLUMNS, _headline_rows(results))
    yield from _picture(END_TO_END, results, directory)
    for question in QUESTIONS:
        yield from _section(question, results, directory)
    yield Heading(2, "Conditions")
    yield Table(("", ""), [*_rows(results.machine), *_rows(results.conditions)])
    yield Table(("question", "seconds"), [(q, number(s)) for q, s in results.seconds.items()],
                "How long each question took")  # fmt: skip


def _rows(entries: dict[str, object] | dict[str, str]) -> list[tuple[str, str]]:
    return [
        (name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
        for name, value in entries.items()
    ]


HEADLINE_COLUMNS = ("claim", "network", "the paper", "here", "here : paper", "conditions")


def _headline_rows(results: Results) -> list[tuple[str, ...]]:
    """The rows; a claim is named once for all networks."""
    rows = [*headlines(results)]
    before = ["", *(row.claim for row in rows)]
    return [
        ("" if row.claim == last else row.claim, *_headline_cells(row))
        for row, last in zip(rows, before, strict=False)
    ]


def _headline_cells(row: Headline) -> tuple[str, ...]:
    return (
        network_name(row.network),
        published_text(row),
        ours_text(row),
        "" if row.ratio is None else number(row.ratio),
        row.conditions,
    )


def published_text(row: Headline) -> str:
    """The paper's value."""
    return NOT_AVAILABLE if row.published is None else quantity(row.published, row.unit)


def ours_text(row: Headline) -> str:
    """This run's value, marked where it is extrapolated."""
    return "—" if row.ours is None else quantity(row.ours, row.unit) + "†" * row.extrapolated


def _section(question: Question, results: Results, directory: Path) -> Iterator[Block]:
    """A question, its figures, its tables and its gaps."""
    found = results.of(question.id)
    gaps = [gap for gap in results.gaps if gap.question == question.id]
    if not found and not gaps:
        return
    yield Heading(2, question.title)
    yield Paragraph(f"{question.text} {_source(question)}".strip())
    for chart in charts(question.id):
        yield from _picture(chart, results, directory)
    shown = found + beside(question.id, results.conditions.get("networks", []))
    whole = [m for m in shown if not m.part]
    if whole:
        yield figures_table(whole)
    parts = [m for m in found if m.part]
    if parts:
        yield figures_table(parts, f"By layer or part: {len(parts):,} figures")
    if found:
        yield _conditions(found)
    if gaps:
        yield Paragraph("Not measured:")
        yield Bullets(list(dict.fromkeys(map(_gap, gaps))))


def _source(question: Question) -> str:
    return f"(The paper: {question.source}.)" if question.source else "(Not in the paper.)"


def _picture(chart: Chart, results: Results, directory: Path) -> Iterator[Picture]:
    """Draw a figure as SVG and PNG; nothing where there is nothing to show, or no matplotlib."""
    if not find_spec("matplotlib"):
        return
    figure = chart.draw(results)
    if figure is None:
        return
    path = directory / FIGURES / f"{chart.name}.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    figure.set_layout_engine("none")  # it is laid out
    figure.savefig(path.with_suffix(".png"))
    yield Picture(path, chart.caption)


def figures_table(found: Sequence[Measurement], folded: str = "") -> Table:
    """A row for each network, part and quantity, a column a contender."""
    contenders = list(dict.fromkeys(m.contender for m in found))
    cells = {(_place(m), m.contender): cell(m) for m in found}
    places = list(dict.fromkeys(map(_place, found)))
    if folded:
        headings = ("network", "part", "quantity", *contenders)
        rows = [_row(place, contenders, cells) for place in places]
    else:
        headings = ("network", "quantity", *contenders)
        rows = [[row[0], *row[2:]] for row in (_row(p, contenders, cells) for p in places)]
    return Table(headings, rows, folded)


Place = tuple[str, str, str, float | None]


def _place(m: Measurement) -> Place:
    unit = "" if m.unit in PREFIXES or m.unit in m.quantity else f" ({m.unit})"
    return m.network, m.part, m.quantity + unit, m.x if m.part.startswith("by ") else None


def _row(place: Place, contenders: Sequence[str], cells: dict[tuple[Place, str], str]) -> list[str]:
    network, part, wanted, x = place
    named = part if x is None else f"{part}: {x:g}"
    values = [cells.get((place, contender), "") for contender in contenders]
    return [network_name(network), named, wanted, *values]


def cell(m: Measurement) -> str:
    """A figure with its spread, and a mark where it is extrapolated."""
    show = quantity if m.unit in PREFIXES else _without_unit
    spread = f" ± {show(m.spread, m.unit)}" if m.spread else ""
    return f"{show(m.value, m.unit)}{'†' if m.extrapolated else ''}{spread}"


def _without_unit(value: float, _: str) -> str:
    return number(value)


def _conditions(found: Sequence[Measurement]) -> Table:
    rows = {
        (network_name(m.network), m.contender, m.quantity, f"{m.runs:,}", m.note): None
        for m in found
        if m.note and not m.part
    } or {
        (network_name(m.network), m.contender, m.part, f"{m.runs:,}", m.note): None for m in found
    }
    headings = ("network", "contender", "quantity", "runs", "conditions")
    return Table(headings, list(rows), "Conditions of each figure")


def _gap(gap: Gap) -> str:
    what = ": ".join(filter(None, (network_name(gap.network), gap.contender)))
    return f"{what}: {gap.reason}"
