"""Ranges cannot be seen: tensors bought at once, and block by block without a resident cache.

A random history on a random layout of blocks runs twice, without a cache and with a full one.
Whatever is warm, pending or missing, and wherever the gas ends, gas, errors, items, warm blocks and
the witness are the same after each step.
"""

from __future__ import annotations

from typing import Any

import pytest
from eth.exceptions import VMError
from eth.vm.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm import gas
from smartvm.dispatch.tensor import Tensor
from smartvm.execution import CALLER, CONTRACT, fresh_state
from smartvm.opcodes.tensors import buy, resident_tensor
from smartvm.storage import encode_block, resident
from smartvm.vm import MAGIC, SmartVMState
from smartvm.words import Address

NUMBERS = range(6)
OWNERS = (CONTRACT, b"\xbb" * 20)
PLENTY = 1 << 30

numbers = st.sampled_from(NUMBERS)
lengths = st.integers(1, 5)
widths = st.sampled_from([1, 2, 3, 8])
layouts = st.dictionaries(numbers, st.tuples(lengths, widths), min_size=2)
budgets = st.one_of(st.just(PLENTY), st.integers(0, 9000))
uses = st.tuples(st.integers(0, 300), st.integers(1, 3))
purchases = st.tuples(st.just("buy"), numbers, st.integers(1, 14), uses, budgets)
histories = st.lists(
    st.one_of(
        purchases,
        purchases,
        st.tuples(st.just("peek"), numbers, st.integers(1, 14)),
        st.tuples(st.just("warm"), numbers),
        st.tuples(st.just("write"), numbers, lengths, widths),
        st.tuples(st.just("delete"), numbers),
        st.tuples(st.sampled_from(["record", "revert", "commit", "next", "persist", "wipe"])),
        st.tuples(st.sampled_from(["record", "revert", "clear"])),
    ),
    max_size=12,
)


def value(length: int, width: int, number: int) -> bytes:
    return encode_block(Tensor.from_ints([100 - number] * length), width)


def stored(layout: dict[int, tuple[int, int]]) -> SmartVMState:
    """A state whose two accounts hold the blocks, read by nobody."""
    state = fresh_state()
    for owner in OWNERS:
        state.set_nonce(owner, 1)
        for number, (length, width) in layout.items():
            state.set_block(owner, number, value(length, width, number))
    state.persist()
    return reopened(state)


def reopened(state: Any) -> Any:
    state._account_db.persist()
    return type(state)(
        state._account_db._raw_store_db.wrapped_db, state.execution_context, state.state_root
    )


def frame(state: Any, owner: bytes, budget: int) -> Any:
    message = Message(budget, owner, CALLER, 0, b"", MAGIC)
    context = state.get_transaction_context_class()(gas_price=0, origin=CALLER)
    return state.computation_class(state, message, context)


class History:
    """What happens to a state, step by step."""

    def __init__(self, layout: dict[int, tuple[int, int]]) -> None:
        self.state = stored(layout)
        self.owner = CONTRACT
        self.checkpoints: list[Any] = []

    def do(self, name: str, *terms: Any) -> Any:
        return getattr(self, name)(*terms)

    def buy(self, base: int, items: int, work: tuple[int, int], budget: int) -> Any:
        computation = frame(self.state, self.owner, budget)
        try:
            tensor, limbs = buy(computation, Address(base), "weights", items, *work)
        except VMError as error:
            return repr(error), computation.get_gas_remaining()
        return tensor.to_ints(), limbs, computation.get_gas_remaining()

    def peek(self, base: int, items: int) -> None:
        tensor = resident_tensor(frame(self.state, self.owner, 0), base, items)
        assert tensor is None or len(tensor) == items

    def warm(self, number: int) -> None:
        self.state.mark_block_warm(self.owner, number)

    def write(self, number: int, length: int, width: int) -> None:
        self.state.set_block(self.owner, number, value(length, width, 50 + number))

    def delete(self, number: int) -> None:
        self.state.delete_block(self.owner, number)

    def record(self) -> None:
        self.checkpoints.append(self.state.snapshot())

    def revert(self) -> None:
        if self.checkpoints:
            self.state.revert(self.checkpoints.pop())

    def commit(self) -> None:
        if self.checkpoints:
            self.state.commit(self.checkpoints.pop())

    def next(self) -> None:
        """The next transaction."""
        self.checkpoints.clear()
        self.state.lock_changes()
        self.state._account_db._reset_access_counters()

    def persist(self) -> None:
        self.checkpoints.clear()
        self.state.persist()
        self.state = reopened(self.state)

    def wipe(self) -> None:
        self.checkpoints.clear()
        self.state._account_db.delete_storage(self.owner)

    def clear(self) -> None:
        if resident.capacity:
            resident.clear()

    def seen(self) -> Any:
        """All that can be told apart afterwards."""
        warm = [self.state.is_block_warm(self.owner, number) for number in NUMBERS]
        return warm, frozenset(self.state._account_db._get_accessed_node_hashes())


def run(layout: dict[int, tuple[int, int]], steps: list[Any], capacity: int) -> list[Any]:
    resident.set_capacity(capacity)
    history = History(layout)
    return [(history.do(*step), history.seen()) for step in steps]


@given(layout=layouts, steps=histories)
@settings(max_examples=150)
def test_any_history(layout, steps):
    plain = run(layout, steps, 0)
    full = 1 << 30
    run(
        layout, [("buy", n, items, (0, 1), PLENTY) for n in NUMBERS for items in range(1, 15)], full
    )
    assert run(layout, steps, full) == plain


BOUGHT = ("buy", 0, 22, (3, 1), PLENTY)
PENDING = [("write", 2, 4, 1), ("delete", 2), ("wipe",)]


@pytest.mark.parametrize(
    "steps",
    [
        [("record",), BOUGHT, ("revert",), BOUGHT],
        [("record",), BOUGHT, ("commit",), BOUGHT],
        [BOUGHT, ("next",), BOUGHT],
        *([change, BOUGHT] for change in PENDING),
        *([change, ("next",), BOUGHT] for change in PENDING),
        *([("record",), change, ("revert",), BOUGHT] for change in PENDING[:2]),
    ],
    ids=str,
)
def test_a_range_is_as_warm_and_as_new_as_its_blocks(steps):
    layout = dict.fromkeys(NUMBERS, (4, 2))
    plain = run(layout, steps, 0)
    run(layout, [BOUGHT], 1 << 30)
    assert run(layout, steps, 1 << 30) == plain


@pytest.mark.parametrize("warm", [(), (2,), (1, 2, 3)])
@pytest.mark.parametrize("work", [(0, 1), (50, 3)])
def test_wherever_the_gas_ends(warm, work):
    """One gas too little for each access, each reading and each share of the work."""
    layout = {1: (4, 1), 2: (3, 2), 3: (5, 8)}
    used, limbs = {1: 4, 2: 3, 3: 2}, {1: 1, 2: 1, 3: 4}
    prices, total = [], 0
    for number, (length, width) in layout.items():
        prices.append(gas.block_access(number not in warm))
        prices.append(gas.block_read(length * max(2, width)))
        prices.append(gas.multiply_accumulate(work[0] * used[number], work[1], limbs[number]))
    for price in prices:
        total += price
        for budget in (total - 1, total):
            steps = [*(("warm", number) for number in warm), ("buy", 1, 9, work, budget)]
            plain = run(layout, steps, 0)
            run(layout, [("buy", 1, 9, work, PLENTY)], 1 << 30)
            assert run(layout, steps, 1 << 30) == plain
    assert plain[-1][0] == ([99] * 4 + [98] * 3 + [97] * 2, 4, 0)


def test_a_resident_tensor_is_bought_at_once(monkeypatch):
    """No block of it is looked up by itself, unless one is pending."""
    layout = dict.fromkeys(NUMBERS, (4, 2))
    run(layout, [("buy", 0, 22, (0, 1), PLENTY)], 1 << 30)
    history = History(layout)
    asked: list[int] = []
    monkeypatch.setattr(
        SmartVMState, "get_block", lambda self, owner, number, _: asked.append(number)
    )
    items = history.buy(0, 22, (0, 1), PLENTY)[0]
    assert items == [100] * 4 + [99] * 4 + [98] * 4 + [97] * 4 + [96] * 4 + [95] * 2
    assert not asked
    history.write(5, 4, 2)
    assert "no such block" in history.buy(0, 22, (0, 1), PLENTY)[0]
    assert asked == [0]


def test_a_range_whose_tensor_was_dropped_is_of_no_use():
    layout = dict.fromkeys(NUMBERS, (4, 2))
    steps = [("buy", 0, 22, (0, 1), PLENTY)]
    expected = run(layout, steps, 1 << 30)
    for content in [key for key in list(resident._entries) if not isinstance(key, tuple)]:
        resident._drop(content)
    assert run(layout, steps, 1 << 30) == expected
