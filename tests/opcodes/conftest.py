"""What the tests of the instructions share: running a program on each backend, and prices.

`run` assembles a text, loads maps and Memory before it, executes it and gives what is left. The
instruction that a test is about is the last DNN instruction of its text; `gas` is what it took.

`price` spells the terms of docs/gas.md out a second time, so that a test says which terms an
instruction charges and for how many items, and does not ask the code that it tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from eth.abc import MiningChainAPI
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.exceptions import VMError

from smartvm import gas
from smartvm.compiler.assembler import assemble
from smartvm.execution import Execution, execute
from smartvm.opcodes import STANDARD
from smartvm.trace import Step
from smartvm.vm import SmartVM

BACKENDS = ("reference", "numpy")


@cache
def chain(vm: type[SmartVM]) -> MiningChainAPI:
    """A chain of a VM class, whose genesis state each run begins with."""
    chain_class = MiningChain.configure("Chain", vm_configuration=((0, vm),), chain_id=1)
    return chain_class.from_genesis(AtomicDB(), {"gas_limit": 1 << 60, "timestamp": 1}, {})


@cache
def vm_of(backend: str) -> type[SmartVM]:
    return SmartVM.with_backend(backend)


@dataclass(frozen=True)
class Outcome:
    """What a program left, and the step of the last DNN instruction in it."""

    execution: Execution

    @property
    def maps(self) -> list[list[int]]:
        """The maps, the top one last; the program must not have failed."""
        return self.execution.raise_for_error().buffer

    @property
    def top(self) -> list[int]:
        return self.maps[-1]

    @property
    def stack(self) -> list[int]:
        return self.execution.raise_for_error().stack

    @property
    def memory(self) -> bytes:
        return self.execution.raise_for_error().memory

    @property
    def error(self) -> VMError | None:
        return self.execution.error

    @property
    def state(self) -> Any:
        return self.execution.state

    @property
    def step(self) -> Step:
        """The step of the last DNN instruction that ran."""
        steps = self.execution.steps
        return next(step for step in reversed(steps) if step.mnemonic in STANDARD.by_mnemonic)

    @property
    def gas(self) -> int:
        """What that step took; it must not have failed."""
        self.execution.raise_for_error()
        return self.step.gas_cost

    @property
    def charged(self) -> int:
        """What that step took beyond the base price, if it failed up to then."""
        return self.step.gas_cost - gas.BASE


class Machine:
    """Runs programs on one backend, each in a state of its own unless one is given."""

    def __init__(self, backend: str) -> None:
        self.vm = vm_of(backend)

    def __call__(
        self,
        text: str,
        *,
        maps: Sequence[Sequence[int]] = (),
        memory: Sequence[int] = (),
        state: Any = None,
        **options: Any,
    ) -> Outcome:
        """Run a text with `memory` as 32-byte words from offset 0, and `maps`, the top one last.

        The maps come through Memory behind these words, in the narrowest form that holds them,
        so that the frame has paid for just the bytes that they take.
        """
        loads, data = _loading(memory, maps)
        code = assemble(loads + text)
        state = chain(self.vm).get_vm().state if state is None else state
        return Outcome(execute(code, calldata=data, vm=self.vm, state=state, trace=True, **options))

    def fails(self, text: str, error: type[Exception], message: str, **options: Any) -> None:
        """Run a text whose last step raises just this error, with just this message."""
        outcome = self(text, **options)
        assert (type(outcome.error), str(outcome.error)) == (error, message)
        assert outcome.execution.steps[-1].error is outcome.error
        assert outcome.execution.gas_used == options.get("gas", 30_000_000)


def _loading(memory: Sequence[int], maps: Iterable[Sequence[int]]) -> tuple[str, bytes]:
    """The program that loads words and maps from calldata, and that calldata."""
    data = b"".join((word % (1 << 256)).to_bytes(32, "big") for word in memory)
    loads = ""
    for items in maps:
        width = next(w for w in (2, 4, 8, 32) if _fit(items, 8 * w))
        loads += f"MTOB offset={len(data)} count={len(items)} item_bytes={width}\n"
        data += b"".join(item.to_bytes(width, "big", signed=True) for item in items)
    if data:
        loads = f"PUSH {len(data)}\nPUSH 0\nPUSH 0\nCALLDATACOPY\n" + loads
    return loads, data


def _fit(items: Sequence[int], bits: int) -> bool:
    return all(-(1 << bits - 1) <= item < 1 << bits - 1 for item in items)


def _unpacking(items: int, item_bytes: int) -> int:
    """Reading a block: by the words that its items take in the form that holds their width."""
    form = next(size for size in (2, 4, 8, 32) if item_bytes <= size)
    return gas.BLOCK_READ_WORD * -(-items * form // 32)


class Price:
    """The terms of docs/gas.md, written from its text. Each is rounded down by itself."""

    @staticmethod
    def macs(count: int, limbs_x: int, limbs_w: int) -> int:
        return count * limbs_x * limbs_w // gas.LIMB_PRODUCTS_PER_GAS

    @staticmethod
    def items(count: int, limbs: int = 1) -> int:
        return count * limbs // gas.LIMBS_PER_GAS

    @staticmethod
    def divided(count: int, limbs: int = 1) -> int:
        return count * limbs // gas.LIMBS_PER_GAS_DIVIDE

    @staticmethod
    def cold_block(items: int, item_bytes: int = 1) -> int:
        return gas.BLOCK_READ_COLD + _unpacking(items, item_bytes)

    @staticmethod
    def warm_block(items: int, item_bytes: int = 1) -> int:
        return gas.BLOCK_READ_WARM + _unpacking(items, item_bytes)

    @staticmethod
    def copied(size: int) -> int:
        return gas.MEMORY_WORD * -(-size // 32)

    @staticmethod
    def growth(paid: int, size: int) -> int:
        """The Buffer passes its peak: from `paid` bytes to `size`."""

        def held(size: int) -> int:
            words = -(-size // 32)
            return gas.BUFFER_WORD * words + words * words // gas.BUFFER_QUADRATIC_DENOMINATOR

        return held(size) - held(paid)


@pytest.fixture(params=BACKENDS)
def run(request: pytest.FixtureRequest) -> Machine:
    """`run(text, maps=…, memory=…, blocks=…)` on each backend."""
    return Machine(request.param)


@pytest.fixture
def price() -> type[Price]:
    """The terms of docs/gas.md."""
    return Price


@pytest.fixture
def machine() -> Callable[[str], Machine]:
    """A backend's name → its `run`."""
    return Machine
