"""Does any DNN instruction run slower per gas than the slowest stock instruction?

    python benchmarks/gas_calibration.py
    python benchmarks/gas_calibration.py --only CONV_TPD POOL_AVG --json figures.json
    python benchmarks/gas_calibration.py --quick

Executes every stock instruction and, over a grid of bad operands, every DNN instruction in the
same interpreter, py-evm with the numpy backend; the operands that come out worst are measured
again, more often. Then it traces how much memory an instruction can take for the gas of a
transaction. All times are CPU time of one thread, medians. docs/gas.md explains the figures.

Prints tables of nanoseconds for one gas; exits with 1 if an instruction passes the slowest stock
instruction, or a gibibyte.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from calibration import activations, blocks, extensions, items, memory, products, stock
from calibration.frame import Case, Cost, measure
from harness import machine

from smartvm.chain import Chain, upload_blocks
from smartvm.compiler import lenet5
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract import build_contract
from smartvm.compiler.contract_abi import CLASSIFY

GRIDS = (
    products.convolutions,
    products.matrix_products,
    items.poolings,
    items.arithmetic,
    items.buffers,
    items.transfers,
    items.products_in_memory,
    blocks.readings,
    blocks.writings,
    activations.logistic,
    activations.softmax,
    activations.functions,
    extensions.movements,
    extensions.terms,
    extensions.reductions,
    extensions.batches,
)
CANDIDATES = 5
"""Cases of an instruction that are measured again."""
FEW_RUNS, MANY_RUNS = 3, 15
EVERY = 12
"""A quick run takes one case out of so many."""
GIBIBYTE = 1 << 30


def main() -> int:
    """Measure and print."""
    options = _options()
    chosen = set(options.only or ())
    slowest = sorted(stock_costs(), key=lambda cost: -cost.per_gas)
    costs = sorted(worst_costs(chosen_cases(chosen, options.quick)), key=lambda cost: -cost.per_gas)
    holdings = [] if options.quick else sorted(_memory(chosen), key=lambda held: -held.most)
    precompiles = [] if options.quick else list(_precompiles())
    bound = slowest[0].per_gas
    _print_costs("Slowest stock instructions", slowest[:12], bound)
    _print_costs("DNN instructions, each at its worst operands", costs, bound)
    _print_costs("Precompiled contracts, for comparison", precompiles, bound)
    _print_holdings(holdings)
    lenet = lenet5_gas()
    print(f"LeNet-5: {lenet:,} gas for the frame of one `classify`")
    if options.json:
        report = {
            "machine": machine(),
            "stock": [asdict(cost) for cost in slowest],
            "dnn": [asdict(cost) for cost in costs],
            "precompiles": [asdict(cost) for cost in precompiles],
            "memory": [asdict(held) for held in holdings],
            "lenet5_gas": lenet,
        }
        options.json.write_text(json.dumps(report, indent=1))
    too_slow = any(cost.per_gas > bound for cost in costs)
    return int(too_slow or any(held.most > GIBIBYTE for held in holdings))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"one case of {EVERY}, times only")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these DNN instructions only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return parser.parse_args()


def chosen_cases(chosen: set[str], quick: bool) -> Iterator[Case]:
    """Cases of the chosen instructions, of all where none is; a quick run takes a few."""
    every = chain.from_iterable(grid() for grid in GRIDS)
    for index, case in enumerate(every):
        if (not chosen or case.mnemonic in chosen) and not (quick and index % EVERY):
            yield case


def stock_costs() -> Iterator[Cost]:
    """Each stock instruction at the slowest of its cases."""
    _report("stock instructions")
    slowest: dict[str, Cost] = {}
    for instruction in stock.instructions():
        cost = stock.measure(instruction, MANY_RUNS)
        if cost.name not in slowest or cost.per_gas > slowest[cost.name].per_gas:
            slowest[cost.name] = cost
    yield from slowest.values()


def _precompiles() -> Iterator[Cost]:
    _report("precompiled contracts")
    return (stock.measure_precompile(contract, FEW_RUNS) for contract in stock.precompiles())


def worst_costs(cases: Iterable[Case]) -> Iterator[Cost]:
    """The worst case of each instruction: the worst few of a first pass, measured again."""
    found: dict[str, list[tuple[float, Case]]] = defaultdict(list)
    for number, case in enumerate(cases, 1):
        if number % 100 == 1:
            _report(f"case {number:,}: {case.mnemonic}")
        found[case.mnemonic].append((measure(case, FEW_RUNS).per_gas, case))
    for mnemonic, measured in found.items():
        _report(f"{mnemonic} again")
        measured.sort(key=lambda pair: -pair[0])
        again = [measure(case, MANY_RUNS) for _, case in measured[:CANDIDATES]]
        yield max(again, key=lambda cost: cost.per_gas)


def _memory(chosen: set[str]) -> Iterator[memory.Holding]:
    most: dict[str, memory.Holding] = {}
    for case in memory.cases():
        if chosen and case.mnemonic not in chosen:
            continue
        _report(f"memory: {case.mnemonic}")
        held = memory.measure(case)
        if held.name not in most or held.most > most[held.name].most:
            most[held.name] = held
    yield from most.values()


def lenet5_gas() -> int:
    """Gas of the frame that classifies a digit."""
    network = Chain()
    contract = build_contract(lenet5.load())
    address = network.deploy(contract.init_code).contract
    upload_blocks(network, address, contract.blocks)
    pixels = lenet5.test_split().pixels[0].tobytes()
    return int(network.simulate(address, encode_call(CLASSIFY, pixels)).get_gas_used())


def _report(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _print_costs(title: str, costs: Iterable[Cost], bound: float) -> None:
    _report("")
    print(f"\n{title}\n\n  ns/gas   ratio         gas          µs")
    for cost in costs:
        print(
            f"{cost.per_gas:8,.0f}{cost.per_gas / bound:8.2f}{cost.gas:12,.0f}"
            f"{cost.nanoseconds / 1000:12,.1f}  {cost.case[:120]}"
        )


def _print_holdings(holdings: Iterable[memory.Holding]) -> None:
    _report("")
    print(f"\nMost memory for {memory.TRANSACTION_GAS:,} gas\n\n     MiB")
    for held in holdings:
        print(f"{held.most / (1 << 20):8,.0f}  {held.case[:120]}")
    print()


if __name__ == "__main__":
    sys.exit(main())
