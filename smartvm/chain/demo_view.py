"""What the demonstration prints: a progress bar, digits, and the table of layers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TextIO

import numpy as np

from smartvm.compiler.contract import ModelContract
from smartvm.trace import Step

BAR_WIDTH = 40
DIGIT_COLUMNS = 16
"""Columns of a drawn digit; half blocks make it as many rows of pixels."""
GAP = "  "
HALF_BLOCKS = " ▄▀█"
"""Neither pixel, the lower, the upper, both."""
PAPER_GAS = 2_120_000
"""Gas of LeNet-5 as the paper publishes it (total)."""


class ProgressBar:
    """A line that fills up; where the output is no terminal, only its end is printed."""

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self._label = label
        self._stream = stream or sys.stdout

    def update(self, done: int, total: int, note: str) -> None:
        """Show that `done` of `total` is done."""
        filled = BAR_WIDTH * done // total
        line = f"{self._label} [{'█' * filled}{'·' * (BAR_WIDTH - filled)}] {note}"
        if self._stream.isatty():
            self._stream.write(f"\r{line}\x1b[K")
        if done == total:
            self._stream.write("\n" if self._stream.isatty() else f"{line}\n")
        self._stream.flush()


def digit_rows(pixels: np.ndarray) -> list[str]:
    """An image of (32, 32) 8-bit pixels as eight rows of sixteen half-block characters."""
    factor = pixels.shape[0] // DIGIT_COLUMNS
    cells = pixels.reshape(DIGIT_COLUMNS, factor, DIGIT_COLUMNS, factor).mean(axis=(1, 3)) > 96
    upper, lower = cells[0::2], cells[1::2]
    return [
        "".join(HALF_BLOCKS[2 * u + v] for u, v in zip(*pair, strict=True))
        for pair in zip(upper, lower, strict=True)
    ]


def gallery(images: Sequence[np.ndarray], captions: Sequence[str]) -> str:
    """Images side by side, each over its caption."""
    drawings = [digit_rows(image) for image in images]
    lines = [GAP.join(rows) for rows in zip(*drawings, strict=True)]
    return "\n".join([*lines, GAP.join(caption.center(DIGIT_COLUMNS) for caption in captions)])


@dataclass
class Row:
    """A line of the table: what the steps of one layer add up to."""

    name: str
    macs: int = 0
    instructions: int = 0
    gas: int = 0
    seconds: float = 0.0
    buffer_bytes: int = 0

    def add(self, step: Step) -> None:
        """Count an executed instruction."""
        self.instructions += 1
        self.gas += step.gas_cost
        self.seconds += step.seconds
        self.buffer_bytes = max(self.buffer_bytes, step.buffer_bytes)

    def line(self) -> str:
        """The row as text."""
        return (
            f"  {self.name:<24}{self.instructions:>12}{self.macs:>12,}{self.gas:>12,}"
            f"{self.seconds * 1e3:>12.3f}{self.buffer_bytes:>14,}"
        )


def layer_rows(contract: ModelContract, steps: Iterable[Step]) -> list[Row]:
    """The steps of one call, added up: before the network, each layer, after it."""
    before, after = Row("read the image"), Row("arg-max and return")
    rows = {layer.name: Row(layer.name, layer.macs) for layer in contract.layers}
    reached = False
    for step, layer in contract.attribute(steps):
        reached = reached or layer in rows
        row = rows[layer] if layer else after if reached else before
        row.add(step)
    return [before, *rows.values(), after]


def median_rows(traces: Sequence[Sequence[Row]]) -> list[Row]:
    """The rows of several runs of the same code, with the median of their times."""
    return [
        replace(rows[0], seconds=median(row.seconds for row in rows))
        for rows in zip(*traces, strict=True)
    ]


def table(rows: Sequence[Row], transaction_gas: int) -> str:
    """The rows, their total, and the whole transaction beside the paper's."""
    header = (
        f"  {'layer':<24}{'instructions':>12}{'MACs':>12}{'gas':>12}{'ms':>12}{'Buffer bytes':>14}"
    )
    total = Row("total")
    for row in rows:
        total.macs += row.macs
        total.instructions += row.instructions
        total.gas += row.gas
        total.seconds += row.seconds
        total.buffer_bytes = max(total.buffer_bytes, row.buffer_bytes)
    rule = "  " + "─" * (len(header) - 2)
    ratio = PAPER_GAS / transaction_gas
    return "\n".join(
        [
            header,
            rule,
            *(row.line() for row in rows),
            rule,
            total.line(),
            f"  {'as a transaction, with calldata and log':<48}{transaction_gas:>12,}",
            f"  {'the paper, total':<48}{PAPER_GAS:>12,}   {ratio:.1f} times as much",
        ]
    )
