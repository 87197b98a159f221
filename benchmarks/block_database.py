"""LMDB against LevelDB: reading and writing the weight blocks of four networks.

    python benchmarks/block_database.py [--network NAME ...] [--runs N] [--directory DIR]

Needs `lmdb` and `plyvel`. The values are leaves of a storage trie with random weights, as many and
as large as those of the network, under their keccak256 as py-evm stores them; they are written a
megabyte a transaction, each of which waits for the disk. Reads take every block once, in a random
order, with the file in the page cache. Columns, milliseconds a network, the minimum of all runs:

    write    all blocks
    raw      reads that copy the value once
    view     reads that copy nothing, as only LMDB can
    checked  reads that copy once and hash the value, as the chain does
    decoded  the same, and the items unpacked: what a cold inference waits for
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import lmdb
import numpy as np
import plyvel
from eth_hash.auto import keccak

from smartvm.compiler.emit import BLOCK_BYTES, WeightBlock
from smartvm.dispatch.tensor import Tensor
from smartvm.storage import decode_block, encode_block
from smartvm.storage.disk import DiskDatabase
from smartvm.storage.trie import encode_leaf, split_node

NETWORKS = {
    "lenet5": 61_706,
    "mobilenet-v1": 4_231_976,
    "resnet-18": 11_689_512,
    "alexnet": 61_100_840,
}
"""Weights of each."""
ITEM_BYTES = 2
BATCH = 1 << 20
KEY_BYTES = 30
"""Of a leaf among a thousand: what is left of its path."""

Leaves = Mapping[bytes, bytes]
Read = Callable[[bytes], Any]


def main() -> None:
    """Measure and print."""
    options = _options()
    print(f"{'':24}{'blocks':>8}{'MB':>8}" + "".join(f"{c:>10}" for c in COLUMNS))
    for network in options.network:
        leaves = synthetic_leaves(NETWORKS[network])
        size = sum(map(len, leaves.values())) / 1e6
        for name, measure in (("LMDB", measure_lmdb), ("LevelDB", measure_leveldb)):
            best: dict[str, float] = {}
            for _ in range(options.runs):
                with tempfile.TemporaryDirectory(dir=options.directory) as directory:
                    for column, seconds in measure(Path(directory), leaves):
                        best[column] = min(best.get(column, seconds), seconds)
            cells = "".join(f"{best[c] * 1e3:10.2f}" if c in best else f"{'':>10}" for c in COLUMNS)
            print(f"{network:14}{name:10}{len(leaves):8,}{size:8.1f}{cells}", flush=True)


COLUMNS = ("write", "raw", "view", "checked", "decoded")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    parser.add_argument("--directory", metavar="DIR", help="on the disk to test")
    return parser.parse_args()


def synthetic_leaves(weights: int) -> Leaves:
    """Leaves with random weights, cut as the compiler cuts them, by their hash."""
    random = np.random.default_rng(0)
    step = BLOCK_BYTES // ITEM_BYTES
    leaves = {}
    for start in range(0, weights, step):
        items = random.integers(-30_000, 30_000, min(step, weights - start), np.int16)
        value = encode_block(WeightBlock(items, ITEM_BYTES).tensor, ITEM_BYTES)
        leaf = encode_leaf(random.bytes(KEY_BYTES), value)
        leaves[keccak(leaf)] = leaf
    return leaves


def measure_lmdb(path: Path, leaves: Leaves) -> Iterator[tuple[str, float]]:
    """(column, seconds) with the database of a chain, and with LMDB itself."""
    database = DiskDatabase(path / "chain")

    def write(batch: Leaves) -> None:
        with database.transaction():
            for key, value in batch.items():
                database[key] = value

    yield "write", _written(write, leaves)
    yield "checked", _read(database.__getitem__, leaves)
    yield "decoded", _read(lambda key: _decoded(database[key]), leaves)
    database.close()
    with lmdb.open(str(path / "chain"), map_size=1 << 30) as environment:
        with environment.begin() as view:
            yield "raw", _read(view.get, leaves)
        with environment.begin(buffers=True) as view:
            yield "view", _read(view.get, leaves)


def measure_leveldb(path: Path, leaves: Leaves) -> Iterator[tuple[str, float]]:
    """(column, seconds) with LevelDB, compressing nothing, since weights do not compress."""
    database = plyvel.DB(str(path / "chain"), create_if_missing=True, compression=None)

    def write(batch: Leaves) -> None:
        with database.write_batch(sync=True) as writer:
            for key, value in batch.items():
                writer.put(key, value)

    def checked(key: bytes) -> bytes:
        value: bytes = database.get(key)
        assert keccak(value) == key
        return value

    yield "write", _written(write, leaves)
    yield "raw", _read(database.get, leaves)
    yield "checked", _read(checked, leaves)
    yield "decoded", _read(lambda key: _decoded(checked(key)), leaves)
    database.close()


def _written(write: Callable[[Leaves], None], leaves: Leaves) -> float:
    per_batch = max(BATCH // BLOCK_BYTES, 1)
    entries = list(leaves.items())
    batches = [dict(entries[i : i + per_batch]) for i in range(0, len(entries), per_batch)]
    start = perf_counter()
    for batch in batches:
        write(batch)
    return perf_counter() - start


def _read(read: Read, leaves: Leaves) -> float:
    keys = list(leaves)
    Random(0).shuffle(keys)
    start = perf_counter()
    for key in keys:
        assert len(read(key))
    return perf_counter() - start


def _decoded(leaf: bytes) -> Tensor:
    return decode_block(split_node(leaf)[1], content=0).items


if __name__ == "__main__":
    main()
