"""What does the pipeline save: fetching weights from disk while computing (Table 2)."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from pipeline import NETWORKS
from pipeline import measure as cold_calls

from paper.model import (
    COMPUTE,
    PIPELINED,
    SAVED,
    SEQUENTIAL,
    SMARTVM_CPU,
    WEIGHTS_TIME,
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
TOO_SMALL = "measured for networks whose weights take milliseconds to fetch"


def measure(options: Options) -> list[Finding]:
    """Fetching, computing and both, with the file's pages in the page cache and not."""
    findings: list[Finding] = []
    for name in options.networks:
        if name not in NETWORKS:
            findings.append(Gap(QUESTION, name, SMARTVM_CPU, TOO_SMALL))
            continue
        for result in cold_calls(name, options.threads, options.rounds):
            findings += _figures(name, result)
    if options.artefact:
        reason = "measured for networks of the zoo"
        findings.append(Gap(QUESTION, options.artefact.name, SMARTVM_CPU, reason))
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
    saved = 100 * (1 - median(taken["pipelined"]) / median(taken["sequential"]))
    runs = len(taken["pipelined"])
    yield Measurement(
        QUESTION, name, SMARTVM_CPU, SAVED, "%", saved, runs=runs, note=note, part=part
    )
