"""How fast a model of AlexNet's size is uploaded to a chain on disk, and in how much memory.

    python benchmarks/upload_rate.py [--weights N] [--batch MIB ...] [--directory DIR] [--json FILE]

The weights are random 16-bit integers in blocks of the compiler's size, sent by signed
transactions, each block of the chain on disk before the next begins. Twice the upload is cut off,
the chain closed and opened again, and the upload resumed. For each size of a transaction's batch
a process of its own prints MB of weights a second, the longest pause of a resume, the most memory
that the process took, and the size of the database.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from crash_test import contract

from smartvm.chain import Chain, Progress, upload_blocks
from smartvm.compiler.emit import BLOCK_BYTES, WeightBlock

ALEXNET = 61_100_840
"""Weights and biases of AlexNet for 1,000 classes."""
ITEM_BYTES = 2
CUTS = (1 / 3, 2 / 3)
"""Shares of the upload after which it is cut off."""
MIB = 1 << 20


class Cut(Exception):
    """The upload is interrupted."""


def main() -> None:
    """Measure and print."""
    options = _options()
    rows = []
    for batch in options.batch:
        with tempfile.TemporaryDirectory(dir=options.directory) as directory:
            # A process of its own, so that the most memory is its own too.
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                job = (Path(directory) / "chain", options.weights, int(batch * MIB))
                rows.append(process.submit(measure, *job).result())
            print(
                "{transactions:6,} transactions of up to {batch:9,} bytes: {rate:5.1f} MB/s, "
                "resumed within {resume:.2f} s, {memory:,.0f} MB of memory, {disk:,.0f} MB on "
                "disk".format(**rows[-1]),
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=int, default=ALEXNET, metavar="N")
    parser.add_argument(
        "--batch", type=float, nargs="+", default=[0, 1, 2, 4], metavar="MIB", help="0: one block"
    )
    parser.add_argument("--directory", metavar="DIR", help="on the disk to test")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures too")
    return parser.parse_args()


def measure(path: Path, weights: int, batch_bytes: int) -> dict[str, Any]:
    """Upload, cutting off and resuming; the figures of it."""
    blocks = synthetic_blocks(weights)
    with Chain(path) as chain:
        address = chain.deploy(contract().init_code).contract
    assert address is not None
    seconds, resumes = 0.0, []
    for share in (*CUTS, 2.0):
        reports: list[tuple[float, Progress]] = []
        start = perf_counter()
        with Chain(path) as chain:
            with suppress(Cut):
                upload_blocks(
                    chain,
                    address,
                    blocks,
                    progress=lambda now, reports=reports, share=share: _note(now, reports, share),
                    batch_bytes=batch_bytes,
                )
            root, height = chain.state_root, chain.block_number
        seconds += perf_counter() - start
        resumes.append(reports[0][0] - start)
    assert reports[-1][1].blocks == len(blocks)
    with Chain(path) as chain:
        assert (chain.state_root, chain.block_number) == (root, height)
    return {
        "batch": batch_bytes or BLOCK_BYTES,
        "transactions": height - 1,
        "rate": weights * ITEM_BYTES / 1e6 / seconds,
        "resume": max(resumes),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "disk": sum(file.stat().st_size for file in path.iterdir()) / 1e6,
    }


def synthetic_blocks(weights: int) -> dict[int, WeightBlock]:
    """Random weights as the compiler cuts them."""
    items = np.random.default_rng(0).integers(-30_000, 30_000, weights, np.int16)
    step = BLOCK_BYTES // ITEM_BYTES
    parts = (items[start : start + step] for start in range(0, weights, step))
    return {number: WeightBlock(part, ITEM_BYTES) for number, part in enumerate(parts, 1)}


def _note(now: Progress, reports: list[tuple[float, Progress]], share: float) -> None:
    reports.append((perf_counter(), now))
    if len(reports) > 1 and now.size >= share * now.size_total:
        raise Cut


if __name__ == "__main__":
    main()
