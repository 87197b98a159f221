"""Two runs of the evaluation side by side."""

from __future__ import annotations

from typing import NamedTuple

from paper.document import markdown_table
from paper.headlines import POINTS
from paper.model import Measurement
from paper.questions import BY_ID
from paper.results import Results
from paper.text import COUNTED, PREFIXES, network_name, number, quantity

IDENTITY = ("question", "network", "contender", "quantity", "part", "x")
COLUMNS = ("question", "network", "contender", "quantity", "A", "B", "B : A", "verdict")


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
    def is_equal(self) -> bool:
        """Whether the values are the same, as those of counts should be."""
        return self.a.value == self.b.value

    @property
    def change(self) -> str:
        """The ratio, or of percentages the difference, as text."""
        if self.a.unit in POINTS:
            return f"{self.b.value - self.a.value:+.2f} points"
        return "" if self.ratio is None else number(self.ratio)

    @property
    def verdict(self) -> str:
        """Whether chance explains the difference."""
        if self.a.runs == self.b.runs == 1:
            is_exact = self.a.unit in COUNTED and self.a.unit not in PREFIXES
            return "" if is_exact else "one run each"
        apart = abs(self.a.value - self.b.value)
        return "" if apart > (self.a.spread + self.b.spread) / 2 else "within the spread"


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
    """What differs, as Markdown, in the order of the report."""
    order = list(BY_ID)
    differing = [difference for difference in found if not difference.is_equal]
    ordered = sorted(
        differing, key=lambda d: order.index(d.a.question) if d.a.question in order else len(order)
    )
    return markdown_table(COLUMNS, [_row(difference) for difference in ordered])


def _row(difference: Difference) -> tuple[str, ...]:
    a, b = difference
    return (
        a.question,
        network_name(a.network),
        a.contender,
        a.quantity if not a.part else f"{a.quantity}, {a.part}",
        _with_spread(a),
        _with_spread(b),
        difference.change,
        difference.verdict,
    )


def _with_spread(m: Measurement) -> str:
    spread = f" ± {quantity(m.spread, m.unit)}" if m.spread else ""
    return f"{quantity(m.value, m.unit)}{spread}"


def _identity(m: Measurement) -> tuple[object, ...]:
    return tuple(getattr(m, name) for name in IDENTITY)
