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
    anchor,
)
from paper.headlines import NOTES, Headline, headlines
from paper.model import GAS, NETWORKS, PLAIN_EVM, SMARTVM, Gap, Measurement
from paper.published import THE_PAPER, beside, content, value_of
from paper.questions import QUESTIONS, Question
from paper.readme import machine_line
from paper.results import Results
from paper.text import PREFIXES, amount, network_name, number, quantity

HTML, MARKDOWN, FIGURES = "report.html", "report.md", "figures"
TITLE = "SmartVM: the paper's evaluation, measured again"
NOT_AVAILABLE = "not available"
TABLE_3 = "lenet5"
"""The network of the paper's table of gas."""
NO_MATPLOTLIB = "figures are left out: matplotlib is not installed (pip install 'smartvm[bench]')"


def write_report(results: Results, directory: Path) -> Path:
    """Write report.html, report.md and the figures; the path of the first."""
    directory.mkdir(parents=True, exist_ok=True)
    document = Document(TITLE, list(_blocks(results, directory)))
    (directory / MARKDOWN).write_text(document.markdown(directory))
    path = directory / HTML
    path.write_text(document.html())
    return path


def _blocks(results: Results, directory: Path) -> Iterator[Block]:
    yield Paragraph(machine_line(results))
    yield Paragraph(
        f"The paper is {content()['paper']['title']} ({content()['paper']['venue']}, doi "
        f"{content()['paper']['doi']}). {content()['paper']['note']} † marks what is extrapolated; "
        "± is the distance of the quartiles. No figure of the paper was measured on this machine."
    )
    if not find_spec("matplotlib"):
        yield Paragraph(NO_MATPLOTLIB)
    yield Bullets(list(_contents(results)))
    yield Heading(2, "Headlines")
    yield Table(HEADLINE_COLUMNS, _headline_rows(results))
    yield Bullets(NOTES)
    yield from _picture(END_TO_END, results, directory)
    for question in QUESTIONS:
        yield from _section(question, results, directory)
    yield Heading(2, "Conditions")
    yield Table(("", ""), [*_rows(results.machine), *_rows(results.conditions)])
    yield Table(("question", "seconds"), [(q, number(s)) for q, s in results.seconds.items()],
                "How long each question took")  # fmt: skip


def _contents(results: Results) -> Iterator[str]:
    """The sections, each by what it is in the paper."""
    yield "[Headlines](#headlines): abstract"
    for question in QUESTIONS:
        if _is_answered(question, results):
            where = question.source or "not in the paper"
            yield f"[{question.title}](#{anchor(_title(question))}): {where}"


def _rows(entries: dict[str, object] | dict[str, str]) -> list[tuple[str, str]]:
    return [
        (name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
        for name, value in entries.items()
    ]


HEADLINE_COLUMNS = ("claim", "network", "the paper", "here", "against the paper", "conditions")


def _headline_rows(results: Results) -> list[tuple[str, ...]]:
    """The rows; a claim is named once for all networks."""
    rows = [*headlines(results)]
    texts = [row.claim.text for row in rows]
    return [
        ("" if text == last else text, *_headline_cells(row))
        for row, text, last in zip(rows, texts, ["", *texts], strict=False)
    ]


def _headline_cells(row: Headline) -> tuple[str, ...]:
    return (
        network_name(row.network),
        published_text(row),
        ours_text(row),
        row.against_paper,
        row.conditions,
    )


def published_text(row: Headline) -> str:
    """The paper's value; nothing where it claims none."""
    if row.published is None:
        return NOT_AVAILABLE if row.claim.id and row.network in NETWORKS else ""
    return quantity(row.published, row.claim.unit)


def ours_text(row: Headline) -> str:
    """This run's value, marked where it is extrapolated."""
    return "—" if row.ours is None else quantity(row.ours, row.claim.unit) + "†" * row.extrapolated


def _section(question: Question, results: Results, directory: Path) -> Iterator[Block]:
    """A question, its figures, its tables and its gaps."""
    found = results.of(question.id)
    gaps = [gap for gap in results.gaps if gap.question == question.id]
    if not _is_answered(question, results):
        return
    yield Heading(2, _title(question))
    yield Paragraph(question.text)
    for chart in charts(question.id):
        yield from _picture(chart, results, directory)
    shown = found + beside(question.id, results.conditions.get("networks", []))
    whole = [m for m in shown if not m.part]
    if whole:
        yield figures_table(whole)
    if question.id == "gas_table":
        yield from _gas_by_layer(results)
    parts = [m for m in found if m.part]
    if parts:
        yield figures_table(parts, f"By layer or part: {len(parts):,} figures")
    if found:
        yield _conditions(found)
    if gaps:
        yield Paragraph("Not measured:")
        yield Bullets(_gaps(gaps))


def _gas_by_layer(results: Results) -> Iterator[Block]:
    """LeNet-5 as the paper's Table 3 has it: layers, then the whole, with plain EVM beside."""
    ours = {m.x: m for m in results.of("gas_table") if _is_gas_of(m, SMARTVM) and m.part}
    plain = {m.x: m for m in results.of("plain_evm") if _is_gas_of(m, PLAIN_EVM) and m.part}
    if not ours:
        return
    rows = [[m.part, cell(m), cell(plain[x]) if x in plain else "", ""] for x, m in ours.items()]
    wholes = [
        results.one(question=question, network=TABLE_3, contender=contender, quantity=GAS)
        for question, contender in (("gas_table", SMARTVM), ("plain_evm", PLAIN_EVM))
    ]
    paper = value_of("gas", TABLE_3)
    last = ["in all; SmartVM's with the transaction", *(cell(m) if m else "" for m in wholes)]
    rows.append([*last, number(paper) if paper else NOT_AVAILABLE])
    yield Table((f"{network_name(TABLE_3)}, gas", SMARTVM, PLAIN_EVM, THE_PAPER), rows)


def _is_gas_of(m: Measurement, contender: str) -> bool:
    return (m.network, m.contender, m.quantity) == (TABLE_3, contender, GAS)


def _is_answered(question: Question, results: Results) -> bool:
    found = (*results.measurements, *results.gaps)
    return any(finding.question == question.id for finding in found)


def _title(question: Question) -> str:
    return f"{question.title} ({question.source})" if question.source else question.title


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
    """A row for each network, part and quantity, a column a contender.

    Where only one contender was measured, quantities are the columns, as in the paper's Table 2.
    """
    contenders = list(dict.fromkeys(m.contender for m in found))
    cells = {(_place(m), m.contender): cell(m) for m in found}
    places = list(dict.fromkeys(map(_place, found)))
    if folded:
        headings = ("network", "part", "quantity", *contenders)
        return Table(headings, [_row(place, contenders, cells) for place in places], folded)
    if set(contenders) <= {contenders[0], THE_PAPER}:
        return _by_quantity(found)
    rows = [[row[0], *row[2:]] for row in (_row(p, contenders, cells) for p in places)]
    return Table(("network", "quantity", *contenders), _named_once(rows))


def _by_quantity(found: Sequence[Measurement]) -> Table:
    """A row a network, a column a quantity."""
    names = {_column(m): None for m in found}
    cells = {(m.network, _column(m)): cell(m) for m in found}
    rows = [
        [network_name(network), *(cells.get((network, name), "") for name in names)]
        for network in dict.fromkeys(m.network for m in found)
    ]
    return Table((f"network: {found[0].contender}", *names), rows)


def _column(m: Measurement) -> str:
    wanted = _place(m)[2]
    return f"{wanted}, {THE_PAPER}" if m.contender == THE_PAPER else wanted


def _named_once(rows: Sequence[list[str]]) -> list[list[str]]:
    """Rows in which a network that is that of the row above is left out."""
    names = ["", *(row[0] for row in rows)]
    return [["" if row[0] == name else row[0], *row[1:]]
            for row, name in zip(rows, names, strict=False)]  # fmt: skip


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
    show = quantity if m.unit in PREFIXES else amount
    spread = f" ± {show(m.spread, m.unit)}" if m.spread else ""
    return f"{show(m.value, m.unit)}{'†' if m.extrapolated else ''}{spread}"


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


def _gaps(gaps: Sequence[Gap]) -> list[str]:
    """A sentence for each reason, with all networks that it holds for."""
    networks: dict[tuple[str, str], list[str]] = {}
    for gap in gaps:
        networks.setdefault((gap.contender, gap.reason), []).append(network_name(gap.network))
    return [
        f"{', '.join(dict.fromkeys(names))}{f' ({contender})' if contender else ''}: {reason}."
        for (contender, reason), names in networks.items()
    ]
