"""Whether a chain on disk survives `kill -9` at any moment, and how long it takes to open again.

    python benchmarks/crash_test.py [--kills N] [--seed N] [--directory DIR] [--json FILE]

A second process opens the chain, mines blocks that upload weights, and reports each one as soon
as it is told that it is mined. It is killed at a random moment, in the middle of opening,
mining or writing. After each kill the chain is opened here, and checked:

- every block that was reported is there, and at most one more, which was on disk but not reported;
- the newest state is the one that a chain in memory has at that height, root for root;
- all weights are read back, and every entry that is read is the one that was written.

What block n does depends on n alone, so that the chain in memory does the same.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from threading import Timer
from time import perf_counter

import numpy as np

from smartvm.chain import Chain, upload_blocks
from smartvm.compiler.contract import ModelContract, build_contract
from smartvm.compiler.emit import WeightBlock
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.sequential import Sequential

READY = "ready"
LONGEST, OPENING = 0.5, 0.04
"""Seconds that a process lives at most once it is ready to open the chain, in half of the cases
so few that it is hardly open."""
FRESH_EVERY = 20
"""Kills after which the next process begins with no chain, so that its creation is hit too."""
ITEMS = 100_000
"""16-bit weights of a block."""
BLOCKS = 16
"""Weight blocks that are written again and again."""


@dataclass
class Outcome:
    """What the kills came to.

    Attributes:
        kills: how many.
        reported: blocks that were reported as mined.
        unreported: blocks found after a kill that was quicker than the report.
        in_opening: kills before the chain was open.
        reopening: seconds that each opening took, the check of the head included.
    """

    kills: int = 0
    reported: int = 0
    unreported: int = 0
    in_opening: int = 0
    reopening: list[float] = field(default_factory=list)


def main() -> None:
    """Kill, check and print; an assertion fails where something was lost."""
    options = _options()
    if options.worker:
        work(options.worker)
    directory = Path(options.directory or tempfile.mkdtemp(prefix="crash-test-"))
    try:
        outcome = run(directory / "chain", options.kills, options.seed, shown=True)
    finally:
        if not options.directory:
            shutil.rmtree(directory)
    print(
        f"{outcome.kills} kills, {outcome.in_opening} of them before the chain was open; "
        f"{outcome.reported:,} blocks reported, none lost; {outcome.unreported} found that were "
        f"not reported yet\nopen again after {median(outcome.reopening) * 1e3:.1f} ms (median), "
        f"{max(outcome.reopening) * 1e3:.1f} ms (longest)"
    )
    if options.json:
        options.json.write_text(json.dumps(vars(outcome), indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--directory", metavar="DIR", help="on the disk to test; kept afterwards")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures too")
    parser.add_argument("--worker", metavar="PATH", help=argparse.SUPPRESS)
    return parser.parse_args()


def run(path: Path, kills: int, seed: int, *, shown: bool = False) -> Outcome:
    """Kill `kills` processes that work on the chain at `path`, and check after each."""
    moments = random.Random(seed)
    outcome, expected = Outcome(), Expected()
    for kill in range(kills):
        if kill % FRESH_EVERY == 0:
            shutil.rmtree(path, ignore_errors=True)
            expected.acknowledged = 0
        reports = killed_worker(path, moments.random() * moments.choice((OPENING, LONGEST)))
        _check(path, reports, expected, outcome)
        if shown and (kill + 1) % FRESH_EVERY == 0:
            print(f"{kill + 1} of {kills} kills", flush=True)
    return outcome


def killed_worker(path: Path, seconds: float) -> list[tuple[int, str]]:
    """(number, hash) of the blocks that a process reported until it was killed."""
    command = [sys.executable, __file__, "--worker", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.strip() == READY, first
        Timer(seconds, process.kill).start()
        lines = process.stdout.read().splitlines(keepends=True)
    assert process.returncode == -9, f"the process ended by itself: {process.returncode}"
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [(int(number), block_hash) for number, block_hash in whole]


def _check(
    path: Path, reports: list[tuple[int, str]], expected: Expected, outcome: Outcome
) -> None:
    start = perf_counter()
    with Chain(path) as chain:
        newest = chain.block_number
        outcome.reopening.append(perf_counter() - start)
        last = reports[-1][0] if reports else expected.acknowledged
        assert last <= newest <= last + 1, f"reported {last}, found {newest}"
        for number, block_hash in reports:
            assert chain.header(number).hash.hex() == block_hash
        assert chain.header().hash.hex() == expected.block_hash(newest)
        if newest:
            assert all(chain.state.get_block(address(), number) for number in written(newest))
    expected.acknowledged = newest
    outcome.kills += 1
    outcome.reported += max(len(reports) - 1, 0)
    outcome.unreported += newest - last
    outcome.in_opening += not reports


class Expected:
    """What a chain that was never killed has at each height.

    Attributes:
        acknowledged: number of the newest block of the last check.
    """

    def __init__(self) -> None:
        self._chain = Chain()
        self.acknowledged = 0

    def block_hash(self, number: int) -> str:
        """The hash of the block of a height."""
        while self._chain.block_number < number:
            grow(self._chain)
        return str(self._chain.header(number).hash.hex())


def work(path: str) -> None:
    """Open the chain and mine until killed, reporting the newest block, then each one."""
    print(READY, flush=True)
    with Chain(path) as chain:
        while True:
            header = chain.header()
            print(header.block_number, header.hash.hex(), flush=True)
            grow(chain)


def grow(chain: Chain) -> None:
    """Mine the next block: the contract, a weight block, or a block without transactions."""
    number = chain.block_number + 1
    if number == 1:
        chain.deploy(contract().init_code)
    elif number % 4 == 0:
        chain.mine()
    else:
        weights = np.random.default_rng(number).integers(-30_000, 30_000, ITEMS, np.int16)
        upload_blocks(chain, address(), {number % BLOCKS: WeightBlock(weights, 2)})


def written(newest: int) -> set[int]:
    """Numbers of the weight blocks that are there at a height."""
    return {number % BLOCKS for number in range(2, newest + 1) if number % 4}


@cache
def contract() -> ModelContract:
    """A small model's contract; its owner may upload any block."""
    network = Sequential("crash", (1,), scale=255, input_range=Interval(0, 255))
    network.fully_connected("fc", np.ones((1, 1), int), np.zeros(1, int))
    return build_contract(network.graph)


@cache
def address() -> bytes:
    """Where the first transaction of the first account puts the contract."""
    created = Chain().deploy(contract().init_code).contract
    assert created is not None
    return bytes(created)


if __name__ == "__main__":
    main()
