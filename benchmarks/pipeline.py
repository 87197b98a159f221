"""Cold calls from a chain on disk, with and without prefetching: the paper's Table 2.

    python benchmarks/pipeline.py [--only REGEX] [--threads 1 2] [--rounds N] [--json FILE]

Every call begins with an empty resident cache. Milliseconds, medians (and least) of calls that are
made in turns in one process for each network and thread count of the kernels:

    fetch       reading, checking and unpacking the blocks alone, one after the other
    compute     the call with all weights resident
    sequential  the cold call without prefetching
    pipelined   the cold call
    saved       of the sequential one; the paper's Table 2 has 13.1 %

In the page cache the file is either *warm* or *cold*: before each call its pages are given back by
posix_fadvise(DONTNEED), once LMDB has unmapped them; what the disk itself remembers stays.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from contenders import CACHE, GAS, child_environment, prepare, table
from cpu_speed import input_of

from smartvm.chain import Chain
from smartvm.compiler.abi import encode_call
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.contract_abi import PREDICT
from smartvm.storage import lookup, resident
from smartvm.storage.disk_files import DATA_FILE

NETWORKS = ("mobilenet_v1", "resnet18", "alexnet")


def main() -> None:
    """Measure each network in processes of its own and print."""
    options = _options()
    if options.child:
        print(json.dumps(measure(options.child, options.threads[0], options.rounds)))
        return
    results = []
    for name in NETWORKS:
        if re.search(options.only, name):
            on_disk(name)
            results += [r for count in options.threads for r in _child(name, count, options)]
    _print(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="networks whose name matches")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def on_disk(name: str) -> tuple[Path, bytes, bytes]:
    """A chain with a network, made where it is missing; the contract's address; a call's data."""
    _, path = prepare(name)
    directory, note = CACHE / f"{name}.chain", CACHE / f"{name}.chain.json"
    if not note.exists():
        artefact = Artefact.load(str(path))
        data = encode_call(PREDICT, artefact.contract.input_format.pack(input_of(name)))
        with tempfile.TemporaryDirectory(dir=CACHE) as fresh:
            with Chain(Path(fresh) / "chain") as chain:
                address = chain.deploy_model(artefact).address
            (Path(fresh) / "chain").rename(directory)
        note.write_text(json.dumps({"address": address.hex(), "data": data.hex()}))
    noted = json.loads(note.read_text())
    return directory, bytes.fromhex(noted["address"]), bytes.fromhex(noted["data"])


def _child(name: str, threads: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    command = [sys.executable, __file__, "--child", name, "--threads", str(threads)]
    command += ["--rounds", str(options.rounds)]
    print(f"{name}, {threads} threads ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        command, env=child_environment(threads), stdout=subprocess.PIPE, text=True, check=True
    )
    results: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return results


def measure(name: str, threads: int, rounds: int) -> list[dict[str, Any]]:
    """The figures of one network with one thread count, warm and cold."""
    directory, address, data = on_disk(name)
    call = Cold(directory, address, data)
    results = []
    for pages in ("warm", "cold"):
        runs = {
            "fetch": call.fetch,
            "compute": call.resident,
            "sequential": call.sequential,
            "pipelined": call.pipelined,
        }
        taken: dict[str, list[float]] = {key: [] for key in runs}
        for turn in range(rounds + 1):
            for key, run in runs.items():
                milliseconds = run(pages == "cold")
                if turn:
                    taken[key].append(milliseconds)
        results.append({"network": name, "threads": threads, "pages": pages, "taken": taken})
    if len(call.outputs) != 1:
        raise SystemExit(f"{name}: the calls gave {len(call.outputs)} different outputs")
    return results


class Cold:
    """Calls of a contract on a chain that is opened anew for each.

    Attributes:
        outputs: all that calls have returned.
    """

    def __init__(self, directory: Path, address: bytes, data: bytes) -> None:
        self._directory, self._address, self._data = directory, address, data
        self.outputs: set[bytes] = set()
        with Chain(directory) as chain:
            self._call(chain)
            self._numbers = self._read_numbers(chain)

    def _read_numbers(self, chain: Chain) -> list[int]:
        state = chain.state
        number, numbers = 1, []
        while state.has_block(self._address, number):
            numbers.append(number)
            number += 1
        return numbers

    def _call(self, chain: Chain) -> None:
        self.outputs.add(chain.call(self._address, self._data, gas=GAS))

    def _timed(self, cold: bool, run: Callable[[Chain], None]) -> float:
        resident.clear()
        if cold:
            forget(self._directory / DATA_FILE)
        with Chain(self._directory) as chain:
            started = perf_counter()
            run(chain)
            return (perf_counter() - started) * 1e3

    def fetch(self, cold: bool) -> float:
        """All blocks, read and unpacked one after the other."""

        def read(chain: Chain) -> None:
            state = chain.state
            for number in self._numbers:
                state.get_block(self._address, number).items  # noqa: B018

        return self._timed(cold, read)

    def resident(self, _: bool) -> float:
        """A call after another one."""
        with Chain(self._directory) as chain:
            self._call(chain)
            started = perf_counter()
            self._call(chain)
            return (perf_counter() - started) * 1e3

    def sequential(self, cold: bool) -> float:
        """A cold call without prefetching."""
        source_of = lookup.source_of
        lookup.source_of = lambda database: None
        try:
            return self._timed(cold, self._call)
        finally:
            lookup.source_of = source_of

    def pipelined(self, cold: bool) -> float:
        """A cold call."""
        return self._timed(cold, self._call)


def forget(path: Path) -> None:
    """Give the pages of a file back, as far as the system lets go of them."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _print(results: list[dict[str, Any]]) -> None:
    columns = ("fetch", "compute", "sequential", "pipelined")
    rows = []
    for result in results:
        taken = result["taken"]
        middle = {key: median(taken[key]) for key in columns}
        least = {key: min(taken[key]) for key in columns}
        rows.append(
            [
                result["network"],
                str(result["threads"]),
                result["pages"],
                *(f"{middle[key]:.0f} ({least[key]:.0f})" for key in columns),
                f"{_saved(middle):.0f} % ({_saved(least):.0f} %)",
            ]
        )
    print(table(["network", "threads", "page cache", *columns, "saved"], rows))


def _saved(taken: dict[str, float]) -> float:
    return 100 * (1 - taken["pipelined"] / taken["sequential"])


if __name__ == "__main__":
    main()
