"""benchmarks/gas_calibration.py measures every instruction, and its operands are no mistakes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES

from smartvm import gas
from smartvm.opcodes import INSTRUCTIONS

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from calibration import activations, blocks, extensions, frame, items, memory, products, stock

GRIDS = (
    *(products.convolutions, products.matrix_products, items.poolings, items.arithmetic),
    *(items.buffers, items.transfers, items.products_in_memory, blocks.writings),
    *(extensions.movements, extensions.terms, extensions.reductions, extensions.batches),
)
ENDING = {0x00, 0xF3, 0xFD, 0xFE, 0xFF}
"""STOP, RETURN, REVERT, INVALID, SELFDESTRUCT: each ends its frame."""
ONCE = {0xF5}
"""CREATE2, which needs another salt each time."""

SEARCHED = (activations.logistic, activations.softmax, activations.functions)
"""Their operands take a search to find, the first ones none."""
FIRST = {case.mnemonic: case for grid in GRIDS for case in reversed(list(grid()))}
FIRST |= {case.mnemonic: case for case in map(next, (grid() for grid in SEARCHED))}


def test_every_instruction_is_measured():
    measured = {*FIRST, *activations.KERNELS}
    assert measured == {row.mnemonic for row in INSTRUCTIONS}


def test_every_stock_instruction_is_measured():
    measured = {instruction.opcode for instruction in stock.instructions()}
    assert measured == set(PRAGUE_OPCODES) - ENDING - ONCE


@pytest.mark.parametrize("case", FIRST.values(), ids=lambda case: case.mnemonic)
def test_a_case_runs_and_growth_is_free(case):
    cost = frame.measure(case, runs=1)
    assert cost.nanoseconds > 0
    assert cost.gas >= gas.BASE
    growing = frame.preparation(case, paid=0)()
    before = growing.get_gas_remaining()
    frame.interpret(growing)
    growth = gas.buffer_growth(0, growing.buffer.paid)
    assert before - growing.get_gas_remaining() == cost.gas + growth


def test_a_stock_instruction_costs_its_gas():
    assert stock.measure(stock.Stock(0x01, (1, 2)), runs=1).gas == 3
    assert stock.measure(stock.Stock(0x52, (0, 1)), runs=1).gas == 3
    assert stock.measure(stock.Stock(0x54, (3,)), runs=1).gas >= 100


def test_a_map_has_just_its_limbs():
    for limbs in range(1, 17):
        case = frame.Case("BUF_CLS count=0", (frame.Map(10, limbs),))
        assert frame.preparation(case)().buffer.top.limbs == limbs


def test_the_gas_of_a_transaction_bounds_the_memory():
    """A copy takes what it pays for, so that no more is held than frames can for linear growth."""
    held = memory.measure(frame.Case("BUF_COPY start=1 end=65536", (frame.Map(65536),)))
    assert held.held == 2 * 65536
    assert held.peak >= 2 * 65535
    assert held.most == memory.TRANSACTION_GAS * 32 // gas.BUFFER_WORD
