"""execute(): run bytecode in a throwaway state, for tests and experiments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.exceptions import VMError
from eth.vm.chain_context import ChainContext
from eth.vm.message import Message
from eth_typing import Address
from eth_utils import to_canonical_address

from smartvm.dispatch import Backend
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import SmartVMError
from smartvm.storage import encode_block
from smartvm.trace import Step, Tracer
from smartvm.vm import MAGIC, SmartVM, SmartVMState
from smartvm.words import bytes_for

__all__ = ["CALLER", "CONTRACT", "DEFAULT_GAS", "Execution", "execute", "fresh_state"]

CONTRACT = Address(to_canonical_address("0x" + "c0" * 20))
"""The address at which `execute` runs the code."""
CALLER = Address(to_canonical_address("0x" + "ca" * 20))
"""The caller and the origin."""
DEFAULT_GAS = 30_000_000


@dataclass(frozen=True)
class Execution:
    """What a run left.

    Attributes:
        output: returned or reverted bytes.
        gas_used: gas that the frame took, the transaction's own 21,000 not included.
        logs: (address, topics, data) of each log.
        stack: the final Stack, the top last, unsigned.
        buffer: the final feature maps, the top last.
        memory: the final Memory.
        error: the error that halted the frame, or None.
        steps: every step of every frame; empty unless a trace was asked for.
        state: the state after the run, for reading slots and blocks.
    """

    output: bytes
    gas_used: int
    logs: tuple[tuple[bytes, tuple[int, ...], bytes], ...]
    stack: list[int]
    buffer: list[list[int]]
    memory: bytes
    error: VMError | None
    steps: list[Step]
    state: SmartVMState = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the frame ended without an error."""
        return self.error is None

    def raise_for_error(self) -> Execution:
        """This execution; raises the frame's error if it has one."""
        if self.error is not None:
            raise self.error
        return self


def execute(
    code: bytes | str,
    *,
    calldata: bytes = b"",
    gas: int = DEFAULT_GAS,
    value: int = 0,
    blocks: Mapping[int, Iterable[int]] | None = None,
    storage: Mapping[int, int] | None = None,
    backend: str | Backend | None = None,
    vm: type[SmartVM] = SmartVM,
    mark: bool = False,
    static: bool = False,
    trace: bool = False,
    state: SmartVMState | None = None,
) -> Execution:
    """Run bytecode in a throwaway state and return everything that it left.

    Args:
        code: bytecode, as bytes or as a hex string.
        calldata: the call's input.
        gas: gas of the call.
        value: wei that the call brings.
        blocks: weight blocks of the contract by number. A numpy array becomes a block of its
            dtype's width, other integers one of the narrowest width.
        storage: slots of the contract.
        backend: the backend's name or an instance; the best available by default.
        vm: the VM class, for extensions (`SmartVM.with_instructions`).
        mark: put the marker of a DNN contract in front of the code, if it is not there.
        static: run as a static call.
        trace: record every step.
        state: run in this state instead of a fresh one (`Execution.state` of an earlier run).

    Raises:
        BackendError: no such backend.
        SmartVMError: the code is no hex string.
    """
    raw = _bytecode(code)
    if mark and not raw.startswith(MAGIC):
        raw = MAGIC + raw
    if state is None:
        state = fresh_state(vm)
    if backend is not None:
        state.use_backend(backend)
    _prepare(state, raw, value, blocks or {}, storage or {})
    tracer = Tracer() if trace else None
    return _run(state, _message(raw, calldata, gas, value, static), tracer)


def fresh_state(vm: type[SmartVM] = SmartVM) -> SmartVMState:
    """An empty state in memory, at block 1 of a chain of its own."""
    chain = _genesis()
    header = chain.get_vm().get_header()
    state = vm.build_state(chain.chaindb.db, header, ChainContext(chain.chain_id))
    assert isinstance(state, SmartVMState)
    return state


@cache
def _genesis() -> MiningChain:
    """A chain of one block, the same for every VM class, so that no class is kept by it.

    It is shared: what a state persists lies under a root of its own.
    """
    chain_class = MiningChain.configure(
        __name__="ThrowawayChain", vm_configuration=((0, SmartVM),), chain_id=1
    )
    chain = chain_class.from_genesis(AtomicDB(), {"gas_limit": 1 << 60, "timestamp": 1}, {})
    assert isinstance(chain, MiningChain)
    return chain


def _bytecode(code: bytes | str) -> bytes:
    if not isinstance(code, str):
        return bytes(code)
    try:
        return bytes.fromhex(code.removeprefix("0x"))
    except ValueError:
        raise SmartVMError(
            "code: expected bytes or a hex string (smartvm.assemble turns assembly into bytes), "
            f"found {code[:40]!r}"
        ) from None


def _prepare(
    state: SmartVMState,
    code: bytes,
    value: int,
    blocks: Mapping[int, Iterable[int]],
    storage: Mapping[int, int],
) -> None:
    state.set_code(CONTRACT, code)
    state.set_balance(CALLER, state.get_balance(CALLER) + value)
    for number, items in blocks.items():
        state.set_block(CONTRACT, number, _encoded(items))
    for slot, content in storage.items():
        state.set_storage(CONTRACT, slot, content)
    state.lock_changes()


def _encoded(items: Iterable[int]) -> bytes:
    """A block's leaf value: a numpy array keeps its width, anything else takes the narrowest."""
    if not isinstance(items, np.ndarray) or items.dtype == object:
        tensor = items if isinstance(items, Tensor) else Tensor.from_ints(items)
        return encode_block(tensor, bytes_for(*tensor.bounds))
    if items.dtype.kind not in "iu":
        raise SmartVMError(f"blocks: expected integers, found an array of {items.dtype}")
    tensor = Tensor.from_array(items)
    return encode_block(tensor, max(items.dtype.itemsize, bytes_for(*tensor.bounds)))


def _message(code: bytes, calldata: bytes, gas: int, value: int, static: bool) -> Message:
    return Message(
        gas=gas,
        to=CONTRACT,
        sender=CALLER,
        value=value,
        data=bytes(calldata),
        code=code,
        is_static=static,
    )


def _run(state: SmartVMState, message: Message, tracer: Tracer | None) -> Execution:
    context = state.get_transaction_context_class()(gas_price=0, origin=CALLER)
    state.tracer = tracer
    try:
        computation: Any = state.computation_class.apply_message(state, message, context)
    finally:
        state.tracer = None
    buffer = getattr(computation, "buffer", None)
    return Execution(
        output=computation.output,
        gas_used=computation.get_gas_used(),
        logs=computation.get_log_entries(),
        stack=[_word(item) for item in computation._stack.values],
        buffer=[tensor.to_ints() for tensor in buffer.maps] if buffer is not None else [],
        memory=computation.memory_read_bytes(0, len(computation._memory)),
        error=computation._error,
        steps=tracer.steps if tracer else [],
        state=state,
    )


def _word(item: int | bytes) -> int:
    return item if isinstance(item, int) else int.from_bytes(item, "big")
