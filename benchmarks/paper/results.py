"""The results file: everything that one run of the evaluation found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness import write_json

from paper.model import Finding, Gap, Measurement

VERSION = 1
FILE = "results.json"


class ResultsError(Exception):
    """Raised for a file that is no results file of this version."""


@dataclass
class Results:
    """What was found, where and how.

    Attributes:
        machine: what figures depend on (`harness.machine`).
        conditions: what was asked for: quick or full, networks, threads, device, the date.
        seconds: that each question took.
        measurements: all figures.
        gaps: what could not be measured.
    """

    machine: dict[str, str]
    conditions: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def add(self, findings: list[Finding]) -> None:
        """Take in what a question found."""
        for finding in findings:
            if isinstance(finding, Gap):
                self.gaps.append(finding)
            else:
                self.measurements.append(finding)

    def of(self, question: str) -> list[Measurement]:
        """The figures of a question."""
        return [m for m in self.measurements if m.question == question]

    def find(self, **fields: Any) -> Iterator[Measurement]:
        """Figures by any of their fields; of whole networks unless a part is asked for."""
        wanted = {"part": "", "x": None} | fields
        for measurement in self.measurements:
            if all(getattr(measurement, name) == value for name, value in wanted.items()):
                yield measurement

    def one(self, **fields: Any) -> Measurement | None:
        """The first such figure."""
        return next(self.find(**fields), None)

    def save(self, directory: Path) -> Path:
        """Write the file; its path."""
        path = directory / FILE
        write_json(path, {"version": VERSION, **asdict(self)})
        return path


def load(path: Path) -> Results:
    """Read a results file, or the one in a directory.

    Raises:
        ResultsError: it is none, or of another version.
        OSError: it cannot be read.
    """
    path = path / FILE if path.is_dir() else path
    try:
        data = json.loads(path.read_text())
        if data.pop("version") != VERSION:
            raise ResultsError(f"{path}: expected version {VERSION}; run the evaluation again")
        findings = {"measurements": to_findings(data["measurements"], Measurement),
                    "gaps": to_findings(data["gaps"], Gap)}  # fmt: skip
        return Results(**(data | findings))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultsError(f"{path}: expected a results file of the evaluation") from error


def to_findings(rows: list[dict[str, Any]], kind: type[Any]) -> list[Any]:
    """Measurements or gaps of their fields."""
    return [kind(**row) for row in rows]
