"""How fast are weights uploaded, and how large is the state that they make?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from upload_rate import ITEM_BYTES, MIB
from upload_rate import measure as upload

from paper.model import SMARTVM, Finding, Measurement, Options

QUESTION = "state_size"
QUICK_WEIGHTS = (61_706, 1_000_000)
WEIGHTS = (61_706, 1_000_000, 4_000_000, 16_000_000, 61_100_840)


def measure(options: Options) -> list[Finding]:
    """Upload models of several sizes, each to a new chain."""
    sizes = QUICK_WEIGHTS if options.quick else WEIGHTS
    return [finding for weights in sizes for finding in _size(weights)]


def _size(weights: int) -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as directory:
        figures = upload(Path(directory) / "chain", weights, MIB)
    base = Measurement(
        QUESTION,
        "",
        SMARTVM,
        "upload rate",
        "bytes/s",
        figures["rate"] * 1e6,
        note=f"{weights:,} weights, {figures['transactions']:,} transactions, interrupted twice",
        part=f"{weights:,} weights",
        x=float(weights * ITEM_BYTES),
    )
    yield base
    yield replace(base, quantity="database", unit="bytes", value=figures["disk"] * 1e6)
