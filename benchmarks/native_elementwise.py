"""Nanoseconds an item of the native kernels that are no products, beside numpy's.

Run with `python benchmarks/native_elementwise.py [--quick]`. Each kernel runs on a map of LeNet-5's
size and on one of ResNet-18's, on one thread and on two; both backends alternate in one process,
and the least of many times counts. What a call costs whatever the length is in the small map.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import numpy as np
from harness import collector_off

from smartvm.dispatch.movement import Reduction
from smartvm.dispatch.native import NativeBackend, isa, set_threads
from smartvm.dispatch.numpy_backend import NumpyBackend
from smartvm.dispatch.packing import unpack_items
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import UNIT, PoolShape

NATIVE, NUMPY = NativeBackend(), NumpyBackend()
SIZES = {"LeNet-5": (6, 28), "ResNet-18": (64, 112)}
"""(channels, height and width)."""
Call = Callable[[Any], object]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    runs = 30 if parser.parse_args().quick else 300
    print(
        f"instruction set {isa()}; least of {runs} runs; 1 MiB of int16 weights decoded: ", end=""
    )
    print(f"{decoding(runs) / 1000:.0f} µs")
    print("| kernel | map | items | native, ns/item | 2 threads | numpy | call, µs |")
    print("|---|---|---|---|---|---|---|")
    for network, (channels, size) in SIZES.items():
        items = channels * size * size
        for name, call in kernels(channels, size).items():
            one, two, numpy = compare(call, runs)
            print(
                f"| {name} | {network} | {items:,} | {one / items:.3f} | {two / items:.3f} "
                f"| {numpy / items:.3f} | {one / 1000:.2f} |"
            )


def kernels(channels: int, size: int) -> dict[str, Call]:
    """The calls that are measured, each of a backend."""
    random = np.random.default_rng(0)

    def tensor(bits: int, length: int = channels * size * size) -> Tensor:
        return Tensor.from_array(random.integers(-(1 << bits) + 1, 1 << bits, length))

    short, other, long = tensor(14), tensor(14), tensor(30)
    bias = tensor(14, channels)
    divisors = Tensor.from_array(random.integers(1, 1000, channels))
    plane = size * size
    halves = PoolShape(channels, (1, size, size), (1, 2, 2), (1, 2, 2))
    overlapping = PoolShape(
        channels, (1, size, size), (1, 3, 3), (1, 2, 2), ((0, 0), (1, 1), (1, 1))
    )
    whole = PoolShape(channels, (1, size, size), (1, size, size), UNIT)
    rows = Tensor.from_array(random.integers(0, channels * size, channels * size))
    return {
        "add, a channel each, 32 bits": lambda b: b.add(long, bias, plane),
        "add, residual, 16 bits": lambda b: b.add(short, other, 1),
        "multiply by 3": lambda b: b.multiply(short, 3),
        "multiply_by, a channel each": lambda b: b.multiply_by(short, bias, plane),
        "divide by 1000, 32 bits": lambda b: b.divide(long, 1000, False),
        "divide by 1000, nearest": lambda b: b.divide(long, 1000, True),
        "divide by 1024, 16 bits": lambda b: b.divide(short, 1024, False),
        "divide_by, a channel each": lambda b: b.divide_by(long, divisors, plane, False),
        "relu, 16 bits": lambda b: b.relu(short, 0, (0, 1)),
        "relu, slope 1/10": lambda b: b.relu(short, 0, (1, 10)),
        "clip, 32 bits": lambda b: b.clip(long, 0, 6000),
        "pool_max 2×2/2": lambda b: b.pool_max(short, halves),
        "pool_average 2×2/2": lambda b: b.pool_average(short, halves),
        "pool_max 3×3/2, padded": lambda b: b.pool_max(short, overlapping),
        "pool_average, whole planes": lambda b: b.pool_average(short, whole),
        "view, transposed": lambda b: b.view(short, 0, (plane, channels), (1, plane)),
        "concatenate of two": lambda b: b.concatenate([short, other], channels),
        "gather of rows": lambda b: b.gather(rows, short, size),
        "reduce, greatest": lambda b: b.reduce(short, Reduction.MAX, plane, 1),
        "reduce, its index": lambda b: b.reduce(short, Reduction.ARG_MAX, plane, 1),
    }


def compare(call: Call, runs: int) -> tuple[float, float, float]:
    """Nanoseconds of a call: native on one thread, on two, and numpy."""
    least = [float("inf")] * 3
    with collector_off():
        for _ in range(runs):
            for index, (backend, threads) in enumerate(((NATIVE, 1), (NATIVE, 2), (NUMPY, 1))):
                set_threads(threads)
                call(backend)  # brings the operands into the cache
                start = perf_counter_ns()
                call(backend)
                least[index] = min(least[index], perf_counter_ns() - start)
    return least[0], least[1], least[2]


def decoding(runs: int) -> float:
    """Nanoseconds to make a tensor of a block of a megabyte."""
    set_threads(1)
    block = np.random.default_rng(0).integers(-(1 << 15), 1 << 15, 1 << 19).astype("<i2").tobytes()
    least = float("inf")
    for _ in range(runs):
        start = perf_counter_ns()
        unpack_items(block, 2, "little")
        least = min(least, perf_counter_ns() - start)
    return least


if __name__ == "__main__":
    main()
