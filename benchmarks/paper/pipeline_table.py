"""What does the pipeline save: fetching weights from disk while computing (Table 2)."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from pipeline import measure as cold_calls

from paper.model import (
    COMPUTE,
    PIPELINED,
    SAVED,
    SEQUENTIAL,
    SMARTVM_CPU,
    WEIGHTS_TIME,
    ZOO_ONLY,
    Finding,
    Gap,
    Measurement,
    Options,
    timed,
)

QUESTION = "pipeline_table"
QUANTITIES = {
    "fetch": WEIGHTS_TIME,
    "compute": COMPUTE,
    "sequential": SEQUENTIAL,
    "pipelined": PIPELINED,
}


def measure(options: Options) -> list[Finding]:
    """Fetching, computing and both, with the file's pages in the page cache and not."""
    findings: list[Finding] = []
    for name in options.networks:
        for result in cold_calls(name, options.threads, options.rounds):
            findings += _figures(name, result)
    if options.artefact:
        findings.append(Gap(QUESTION, options.artefact.name, SMARTVM_CPU, ZOO_ONLY))
    return findings


def _figures(name: str, result: dict[str, Any]) -> Iterator[Finding]:
    """The columns of Table 2; those with cold pages are a part of their own."""
    pages = result["pages"]
    part = "" if pages == "warm" else f"pages of the file {pages}"
    note = f"chain on disk, nothing resident, page cache {pages}"
    taken = result["taken"]
    for key, wanted in QUANTITIES.items():
        seconds = [milliseconds / 1e3 for milliseconds in taken[key]]
        figures = timed(seconds)
        yield Measurement(QUESTION, name, SMARTVM_CPU, wanted, "s", **figures, note=note, part=part)
    yield Measurement(
        QUESTION, name, SMARTVM_CPU, SAVED, "%", **_saved(taken), note=note, part=part
    )


def _saved(taken: dict[str, list[float]]) -> dict[str, float | int]:
    """Percent saved, of the medians; the spread is that of the turns, in which both ran."""
    pairs = zip(taken["pipelined"], taken["sequential"], strict=True)
    of_turns = timed([100 * (1 - pipelined / sequential) for pipelined, sequential in pairs])
    saved = 100 * (1 - median(taken["pipelined"]) / median(taken["sequential"]))
    return of_turns | {"value": saved}
