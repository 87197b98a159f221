"""Seconds of repeated runs."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from smartvm.storage.cache import resident


def repeated(
    run: Callable[[], object], rounds: int, before: Callable[[], object] = lambda: None
) -> list[float]:
    """Seconds of each run, after one that is not counted; `before` is not counted either."""
    run()
    taken = []
    for _ in range(rounds):
        before()
        started = perf_counter()
        run()
        taken.append(perf_counter() - started)
    return taken


def forgetting(run: Callable[[], object], rounds: int) -> list[float]:
    """Seconds of each run, no weight resident at its start."""
    return repeated(run, rounds, before=resident.clear)
