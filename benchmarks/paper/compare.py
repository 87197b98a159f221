"""Two runs of the evaluation side by side."""

from __future__ import annotations

from typing import NamedTuple

from paper.document import markdown_table
from paper.model import Measurement
from paper.questions import BY_ID
from paper.results import Results
from paper.text import network_name, number, quantity

IDENTITY = ("question", "network", "contender", "quantity", "part", "x")
COLUMNS = ("question", "network", "contender", "quantity", "A", "B", "B : A", "")


class Difference(NamedTuple):
    """A figure of both runs.

    Attributes:
        a: in the first.
        b: in the second.
    """

    a: Measurement
    b: Measurement

    @property
    def ratio(self) -> float | None:
        """The second by the first; None where the first is zero."""
        return self.b.value / self.a.value if self.a.value else None

    @property
    def is_clear(self) -> bool:
        """Whether the values differ by more than half of both spreads."""
        return abs(self.a.value - self.b.value) > (self.a.spread + self.b.spread) / 2


def differences(a: Results, b: Results, parts: bool = False) -> list[Difference]:
    """Figures of whole networks, or with `parts` of layers too, that both runs have."""
    known = {_identity(m): m for m in b.measurements}
    return [
        Difference(m, known[_identity(m)])
        for m in a.measurements
        if _identity(m) in known and (parts or not m.part)
    ]


def only_in(a: Results, b: Results) -> int:
    """How many figures of the first run the second lacks."""
    return len({_identity(m) for m in a.measurements} - {_identity(m) for m in b.measurements})


def table(found: list[Difference]) -> str:
    """Differences as Markdown, in the order of the report."""
    order = list(BY_ID)
    ordered = sorted(
        found, key=lambda d: order.index(d.a.question) if d.a.question in order else 99
    )
    return markdown_table(COLUMNS, [_row(difference) for difference in ordered])


def _row(difference: Difference) -> tuple[str, ...]:
    a, b = difference
    ratio = "" if difference.ratio is None else number(difference.ratio)
    verdict = "" if difference.is_clear else "within the spread"
    return (
        a.question,
        network_name(a.network),
        a.contender,
        a.quantity if not a.part else f"{a.quantity}, {a.part}",
        quantity(a.value, a.unit),
        quantity(b.value, b.unit),
        ratio,
        verdict,
    )


def _identity(m: Measurement) -> tuple[object, ...]:
    return tuple(getattr(m, name) for name in IDENTITY)
