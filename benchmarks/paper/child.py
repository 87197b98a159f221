"""A question in a process of its own, so that threads are fixed, and a crash stays with it.

    python -m paper.child QUESTION OPTIONS FILE

OPTIONS is a pickle of `Options` in hexadecimal, FILE takes the findings, network by network. What
goes to standard error shows how far it is.
"""

from __future__ import annotations

import pickle
import sys
import traceback
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path

from harness import write_json

from paper.model import Finding, Gap, Options, reason
from paper.questions import BY_ID


def main(question: str, encoded: str, file: str) -> None:
    """Measure and write."""
    options: Options = pickle.loads(bytes.fromhex(encoded))
    findings: list[Finding] = []
    for part in parts(question, options):
        findings += answer(question, part)
        write_findings(Path(file), findings)


def parts(question: str, options: Options) -> list[Options]:
    """Options for one network each, where the question has an answer for each."""
    if not BY_ID[question].per_network:
        return [options]
    of_the_zoo = [replace(options, networks=(name,), artefact=None) for name in options.networks]
    own = [replace(options, networks=())] if options.artefact else []
    return of_the_zoo + own


def answer(question: str, options: Options) -> list[Finding]:
    """What a module finds; a gap where it fails."""
    try:
        return list(import_module(f"paper.{question}").measure(options))
    except Exception as error:  # whatever a baseline raises must not end the evaluation
        traceback.print_exc()
        network = options.network_names[0] if BY_ID[question].per_network else ""
        return [Gap(question, network, "", reason(error))]


def write_findings(path: Path, findings: list[Finding]) -> None:
    """Findings as JSON."""
    measurements = [asdict(f) for f in findings if not isinstance(f, Gap)]
    gaps = [asdict(f) for f in findings if isinstance(f, Gap)]
    write_json(path, {"measurements": measurements, "gaps": gaps})


if __name__ == "__main__":
    main(*sys.argv[1:])
