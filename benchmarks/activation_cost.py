"""What does an item of softmax, sigmoid and tanh cost, by scale, at typical and at worst input?

    python benchmarks/activation_cost.py
    python benchmarks/activation_cost.py --scales 1000 65536 --longest 20000 --json

Prints CPU nanoseconds an item of the numpy backend, the least of some runs:

- typical: random items within eight scales of zero;
- hard: distinct inputs, found by search, whose rounding float64 does not prove (all of them where
  the search finds enough, else topped up with typical ones); for softmax rows built greedily so
  that an item lies next to a tie, no item further than 48 scales below the greatest;
- chain (softmax): rows built in the same way without that limit, so that each item of the row
  brings the tie closer and the precision that decides grows with the group;
- bits: the precision that decided in the end.

Chains whose precision would pass `--longest` bits are left out. docs/activations.md tells why
inputs are hard, docs/gas.md turns the figures into prices.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import ceil, floor, log
from time import process_time
from typing import Any

import mpmath

from smartvm.dispatch.exponential import Exponentials
from smartvm.dispatch.numpy_backend import activation
from smartvm.dispatch.reference import activation as reference
from smartvm.dispatch.tensor import Tensor

SCALES = [1, 10, 1000, *(1 << bits for bits in (15, 16, 20, 24, 32, 46, 48, 63)), (1 << 64) - 1]
GROUPS = (1, 10, 1000)
ITEMS = 4096
SEARCHED = 1 << 20
REACH = 48

Kernel = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True)
class Cost:
    """Nanoseconds an item; `hard_items` of the hard map's `items` needed exact arithmetic."""

    function: str
    scale: int
    input: str
    items: int
    hard_items: int
    bits: int
    nanoseconds: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scales", type=int, nargs="+", default=SCALES, metavar="S")
    parser.add_argument("--longest", type=int, default=4000, metavar="BITS")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    activation.sigmoid(Tensor.zeros(1), 1)  # builds the table of the float64 path
    costs = []
    for cost in measure(arguments.scales, arguments.longest):
        costs.append(asdict(cost))
        if not arguments.json:
            print(_line(cost), flush=True)
    if arguments.json:
        print(json.dumps(costs, indent=1))


def measure(scales: list[int], longest: int) -> Iterator[Cost]:
    """All figures, function by function."""
    for name, kernel in (("sigmoid", activation.sigmoid), ("tanh", activation.tanh)):
        for scale in scales:
            yield _cost(name, scale, "typical", kernel, typical(scale, ITEMS))
            yield _cost(name, scale, "hard", kernel, hard_magnitudes(kernel, scale))
    for group in GROUPS:
        kernel = _softmax(group)
        for scale in scales:
            name = f"softmax/{group}"
            rows = max(1, ITEMS // group)
            yield _cost(name, scale, "typical", kernel, typical(scale, rows * group))
            if group > 1:
                near = min(group - 1, REACH * 3 // 2 // scale.bit_length() + 2)
                yield _cost(name, scale, "hard", kernel, near_ties(group, scale, near, rows))
            if 10 < group * scale.bit_length() <= longest and group > 1:
                chains = near_ties(group, scale, group - 1, max(1, rows // 16))
                yield _cost(name, scale, "chain", kernel, chains)


def typical(scale: int, items: int) -> list[int]:
    """Random items within eight scales of zero."""
    source = random.Random(scale)
    return [source.randint(-8 * scale, 8 * scale) for _ in range(items)]


def hard_magnitudes(kernel: Kernel, scale: int) -> list[int]:
    """Distinct items that float64 leaves undecided, then typical ones."""
    if scale > activation.LARGEST_FLOAT_SCALE:
        return typical(scale, ITEMS)  # all of them
    candidates = {*range(min(SEARCHED, 20 * scale)), *_near_crossings(scale)}
    with _exact_work() as (hard, _):
        kernel(Tensor.from_ints(candidates), scale)
    distinct = sorted(set(hard))[:ITEMS]
    return distinct + typical(scale, ITEMS - len(distinct))


def _near_crossings(scale: int) -> Iterator[int]:
    """Items v at which v³/(3·scale²), the second term of tanh, is close to a half-integer.

    It changes slowly there, so that they come in runs.
    """
    for order in range(SEARCHED // 1024):
        centre = round((3 * (order + 0.5) * scale**2) ** (1 / 3))
        yield from range(max(0, centre - 512), centre + 512)


def near_ties(group: int, scale: int, greedy: int, rows: int) -> list[int]:
    """Rows in which the softmax of the greatest item lies just above a half-integer."""
    source = random.Random(group * scale)
    return [item for _ in range(rows) for item in _near_tie(group, scale, greedy, source)]


def _near_tie(group: int, scale: int, greedy: int, source: random.Random) -> list[int]:
    """Items whose exponentials, relative to the greatest, sum to almost scale / (m + 1/2).

    The last `greedy` items are chosen one after the other, each the greatest that keeps the sum
    below the aim: each leaves about 1/scale of the gap.
    """
    start = log(group)
    free = (ceil(start * scale), ceil((start + 4) * scale))
    distances = [0, *(source.randint(*free) for _ in range(group - 1 - greedy))]
    bits = 256 + greedy * (scale.bit_length() + 4)
    exponentials = Exponentials(scale, bits, group)
    total = sum(exponentials.bounds(d)[1] for d in distances)
    share = scale / (total / exponentials.one)
    tie = source.randint(max(0, ceil(share / 2 - 0.5)), max(0, floor(share - 0.6)))
    gap = 2 * scale * exponentials.one // (2 * tie + 1) - total
    last = 0
    for _ in range(greedy):
        last = max(last + 1, _logarithm(gap, bits, scale))
        distances.append(last)
        gap -= exponentials.bounds(last)[1]
    return [-d for d in distances]


def _logarithm(gap: int, bits: int, scale: int) -> int:
    """The least d with e^(-d/scale) <= gap / 2^bits, or one more."""
    with mpmath.workprec(160):
        return int(mpmath.floor(-scale * (mpmath.log(max(gap, 1)) - bits * mpmath.ln2))) + 1


def _softmax(group: int) -> Kernel:
    return lambda x, scale: activation.softmax(x, scale, group)


@contextmanager
def _exact_work() -> Iterator[tuple[list[int], list[int]]]:
    """Record the items that reach exact arithmetic, and the precisions it works with."""
    items: list[int] = []
    precisions = [53]
    tails, rows = reference.logistic_tails, reference.softmax_items

    def logistic_tails(magnitudes: Any, *arguments: int) -> Any:
        items.extend(magnitudes := list(magnitudes))
        return tails(magnitudes, *arguments)

    def softmax_items(wanted: Any, scale: int) -> Any:
        items.extend(item for row in wanted for item in row)
        return rows(wanted, scale)

    class Recorded(Exponentials):
        def __init__(self, scale: int, bits: int, count: int) -> None:
            precisions.append(bits)
            super().__init__(scale, bits, count)

    reference.logistic_tails, reference.softmax_items = logistic_tails, softmax_items
    reference.Exponentials = Recorded  # type: ignore[misc]
    try:
        yield items, precisions
    finally:
        reference.logistic_tails, reference.softmax_items = tails, rows
        reference.Exponentials = Exponentials  # type: ignore[misc]


def _cost(name: str, scale: int, kind: str, kernel: Kernel, items: list[int]) -> Cost:
    x = Tensor.from_ints(items)
    with _exact_work() as (hard, precisions):
        kernel(x, scale)
    seconds = min(_seconds(kernel, x, scale) for _ in range(5))
    return Cost(
        name, scale, kind, len(items), len(hard), max(precisions), seconds / len(items) * 1e9
    )


def _seconds(kernel: Kernel, x: Tensor, scale: int) -> float:
    start = process_time()
    kernel(x, scale)
    return process_time() - start


def _line(cost: Cost) -> str:
    return (
        f"{cost.function:13}scale {cost.scale:<21}{cost.input:8}{cost.nanoseconds:12.0f} ns/item"
        f"{cost.hard_items:7} of {cost.items} exact, {cost.bits} bits"
    )


if __name__ == "__main__":
    main()
