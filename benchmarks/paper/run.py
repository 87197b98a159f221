"""Run the evaluation: each question in a process of its own, then the report."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer
from time import monotonic

from contenders import child_environment
from harness import machine

from paper.model import Gap, Measurement, Options
from paper.questions import QUESTIONS, Question
from paper.report import write_report
from paper.results import Results, to_findings

BENCHMARKS = Path(__file__).parents[1]
CPU_ONLY = {"SMARTVM_DEVICE": "cpu"}
"""Keeps kernels off a GPU that is there."""
QUICK_SECONDS, FULL_SECONDS = 150, 1500
"""What one question may take before it is stopped."""

Progress = Callable[[int, int, str], None]


def run(
    options: Options, chosen: Sequence[Question] = QUESTIONS, progress: Progress | None = None
) -> tuple[Results, Path]:
    """Answer the chosen questions and write results and report.

    Args:
        options: what was asked for.
        chosen: the questions.
        progress: called with questions done, their number, and what is being measured.

    Returns:
        The results and the path of the report.
    """
    results = Results(machine(), conditions(options))
    for done, question in enumerate(chosen):
        show = _shower(progress, done, len(chosen), question)
        started = monotonic()
        _ask(question, options, results, show)
        results.seconds[question.id] = round(monotonic() - started, 1)
        results.save(options.out)
    report = write_report(results, options.out)
    if progress:
        progress(len(chosen), len(chosen), f"{sum(results.seconds.values()):.0f} s")
    return results, report


def conditions(options: Options) -> dict[str, object]:
    """What was asked for, as the report tells it."""
    return {
        "run": "quick" if options.quick else "full",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "networks": options.network_names,
        "threads": options.threads,
        "device": options.device,
        "rounds": options.rounds,
    }


def _shower(
    progress: Progress | None, done: int, total: int, question: Question
) -> Callable[[str], None]:
    def show(note: str) -> None:
        if progress:
            progress(done, total, f"{question.title}  {note}"[:60])

    return show


def _ask(
    question: Question, options: Options, results: Results, show: Callable[[str], None]
) -> None:
    """Run a question and take in its findings; a gap where its process died."""
    findings = options.out / "parts" / f"{question.id}.json"
    findings.unlink(missing_ok=True)
    findings.parent.mkdir(parents=True, exist_ok=True)
    limit = QUICK_SECONDS if options.quick else FULL_SECONDS
    status = _run_child(question, options, findings, limit, show)
    if findings.exists():
        data = json.loads(findings.read_text())
        results.add(to_findings(data["measurements"], Measurement))
        results.add(to_findings(data["gaps"], Gap))
    if status:
        stopped = f"stopped after {limit} s" if status < 0 else f"its process ended with {status}"
        results.add([Gap(question.id, "", "", f"{stopped}; see {findings.with_suffix('.log')}")])


def _run_child(
    question: Question,
    options: Options,
    findings: Path,
    limit: int,
    show: Callable[[str], None],
) -> int:
    """The exit status; what the process prints goes to a log, and the last line is shown."""
    show("")
    arguments = [question.id, pickle.dumps(options).hex(), str(findings.absolute())]
    path = os.pathsep.join(filter(None, (str(BENCHMARKS), os.environ.get("PYTHONPATH"))))
    environment = child_environment(options.threads) | {"PYTHONPATH": path}
    if not question.gpu:
        environment |= CPU_ONLY
    process = subprocess.Popen(
        [sys.executable, "-m", "paper.child", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    timer = Timer(limit, process.kill)
    timer.start()
    try:
        with process, findings.with_suffix(".log").open("w") as log:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                show(line.strip())
        return process.returncode
    finally:
        timer.cancel()
        process.kill()
