"""What the paper, and others, have published (published.json)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from paper import model
from paper.model import Measurement

FILE = Path(__file__).with_name("published.json")


class Published(NamedTuple):
    """A published value; None where the sources of this project do not quote it."""

    id: str
    network: str
    value: float | None
    unit: str
    reference: str


@cache
def content() -> dict[str, Any]:
    """The file."""
    data: dict[str, Any] = json.loads(FILE.read_text())
    return data


@cache
def published() -> tuple[Published, ...]:
    """All values, in the order of the file."""
    return tuple(Published(**entry) for entry in content()["values"])


def value_of(id: str, network: str = "") -> float | None:
    """A published value; None where there is none."""
    return next((p.value for p in published() if (p.id, p.network) == (id, network)), None)


THE_PAPER = "the paper"
PLACES = {
    "cpu-seconds": ("speed", "the paper, CPU", model.TOTAL),
    "gpu-seconds": ("speed", "the paper, GPU", model.TOTAL),
    "cortex-seconds": ("speed", "Cortex, int8", model.TOTAL),
    "memory-saved": ("buffer_memory", THE_PAPER, model.SAVED),
    "pipeline-saved": ("pipeline_table", THE_PAPER, model.SAVED),
    "weights-saved": ("weights", THE_PAPER, model.SAVED),
    "cvm-cpu-seconds": ("speed", "Cortex, E5-2650", model.TOTAL),
    "cvm-gpu-seconds": ("speed", "Cortex, GTX 1080 Ti", model.TOTAL),
    "gas": ("gas_table", THE_PAPER, model.GAS),
    "source-lines": ("code_length", "the paper, SmartVM", model.SOURCE_LINES),
    "layer-instructions-plain": ("code_length", "the paper, plain EVM", model.LARGEST_LAYER),
    "layer-instructions-dnn": ("code_length", "the paper, SmartVM", model.LARGEST_LAYER),
}
"""Where a published value stands beside ours: question, contender, quantity."""


def beside(question: str, networks: Sequence[str]) -> list[Measurement]:
    """Published values as figures of a question, to be shown with those of this run."""
    return [
        Measurement(question, entry.network, contender, quantity, entry.unit, entry.value,
                    note=f"published: {entry.reference}")
        for entry in published()
        for place, contender, quantity in [PLACES.get(entry.id, ("", "", ""))]
        if place == question and entry.value is not None and entry.network in ("", *networks)
    ]  # fmt: skip
