"""The README's table of headlines and its figure, from a results file.

`docs/figures/paper/summary.json` keeps what the table is made of: the headlines, the machine and
the run. So a test can hold the README to it without a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import write_json

from paper.charts import END_TO_END
from paper.document import markdown_table
from paper.headlines import NOTES, headlines
from paper.results import Results
from paper.text import PREFIXES, amount, network_name, quantity, threads_text

BEGIN, END = "<!-- paper:begin -->", "<!-- paper:end -->"
FOLDER = Path("docs/figures/paper")
EXCERPT, FIGURE = FOLDER / "summary.json", FOLDER / f"{END_TO_END.name}.png"
MACHINE = ("processor", "cores", "memory", "kernels")
CONDITIONS = ("run", "date", "threads")
UNKNOWN = "?"
ALT = "Time of one inference, end to end: SmartVM, off-chain, plain EVM, native code, the paper"


class ReadmeError(Exception):
    """Raised for a file without the two marks between which the table goes."""


def write_readme(results: Results, readme: Path) -> list[Path]:
    """Put the table between the marks of a README, and write its figure and its excerpt.

    Returns:
        The files that were written.

    Raises:
        ReadmeError: the file lacks the marks.
        OSError: a file cannot be read or written.
    """
    made = excerpt(results)
    text = replaced(readme.read_text(), block(made), readme)
    write_json(readme.parent / EXCERPT, made)
    figure = END_TO_END.draw(results)
    if figure is not None:
        figure.savefig(readme.parent / FIGURE)
    readme.write_text(text)
    return [readme, readme.parent / EXCERPT, *([readme.parent / FIGURE] if figure else [])]


def replaced(text: str, table: str, readme: Path) -> str:
    """A text with a table between its marks.

    Raises:
        ReadmeError: it lacks the marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ReadmeError(f"{readme}: expected a line {BEGIN} and, below it, a line {END}")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def excerpt(results: Results) -> dict[str, Any]:
    """What the table is made of: of the machine, the run and the headlines what it shows."""
    rows = [
        {
            "claim": row.claim.text,
            "network": row.network,
            "unit": row.claim.unit,
            "published": row.published,
            "ours": row.ours,
            "extrapolated": row.extrapolated,
        }
        for row in headlines(results)
        if row.claim.in_readme
    ]
    return {
        "machine": {key: results.machine.get(key, UNKNOWN) for key in MACHINE},
        "conditions": {key: results.conditions.get(key, UNKNOWN) for key in CONDITIONS},
        "headlines": rows,
    }


def block(made: dict[str, Any]) -> str:
    """The machine, the table, its notes and the figure as Markdown."""
    table = markdown_table(*_table(made["headlines"]))
    notes = "\n".join(f"- {note}" for note in NOTES)
    return (
        f"{_machine(made['machine'], made['conditions'])} In brackets what the paper has; "
        "† is extrapolated.\n\n"
        f"{table}\n\n{notes}\n\n![{ALT}]({FIGURE.as_posix()})\n\n*{END_TO_END.caption}*\n"
    )


def machine_line(results: Results) -> str:
    """The machine and the run in a sentence."""
    made = excerpt(results)
    return _machine(made["machine"], made["conditions"])


def _machine(machine: dict[str, str], run: dict[str, Any]) -> str:
    threads = run["threads"]
    return (
        f"Measured on {machine['processor']}, {machine['cores']} cores, {machine['memory']}, "
        f"kernels {machine['kernels']}, "
        f"{threads_text(threads) if isinstance(threads, int) else threads}; "
        f"{run['run']} run of {run['date']}."
    )


def _table(rows: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows: a claim each that any network has a value for, a column a network."""
    networks = list(dict.fromkeys(row["network"] for row in rows))
    cells = {(row["claim"], row["network"]): _cell(row) for row in rows}
    claims = dict.fromkeys(row["claim"] for row in rows if row["ours"] is not None)
    lines = [[claim, *(cells.get((claim, network), "") for network in networks)]
             for claim in claims]  # fmt: skip
    return ["", *map(network_name, networks)], lines


def _cell(row: dict[str, Any]) -> str:
    return " ".join(_parts(row))


def _parts(row: dict[str, Any]) -> Iterator[str]:
    ours, published, unit = row["ours"], row["published"], row["unit"]
    yield "—" if ours is None else quantity(ours, unit) + "†" * row["extrapolated"]
    if published is not None:
        yield f"({quantity(published, unit) if unit in PREFIXES else amount(published, unit)})"
