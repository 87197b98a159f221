"""ChainExecutor: calls and past transactions, executed on a chain's states and then dropped."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address

from smartvm.chain.accounts import Account
from smartvm.chain.reading import BlockId, ChainReader
from smartvm.chain.receipts import ExecutionFailed, MinedTransaction, Receipt, executed, refusing
from smartvm.exceptions import SmartVMError
from smartvm.trace import Tracer
from smartvm.vm import gas_floor

TRANSACTION_GAS = 30_000_000
"""Gas of a transaction or a call by default: a block of Ethereum's main chain."""


BLOCK_SECONDS = 12
"""Seconds between blocks, as on Ethereum's main chain."""


@dataclass(frozen=True)
class Call:
    """A transaction that nobody signs.

    Attributes:
        to: the address called; empty for init code.
        data: calldata or init code.
        sender: any address.
        gas: its limit.
        value: wei that it sends.
        access_list: addresses with the slots of theirs that are warm (EIP-2930).
        authorizations: the fields of signed authorizations, as py-evm names them (EIP-7702).
    """

    to: Address
    data: bytes
    sender: Address
    gas: int
    value: int = 0
    access_list: Sequence[tuple[Address, Sequence[int]]] = ()
    authorizations: Sequence[dict[str, Any]] = ()


class ChainExecutor(ChainReader):
    """A chain on which code runs without leaving anything.

    Attributes:
        accounts: who sends a call, the first one by default.
    """

    accounts: tuple[Account, ...]
    _last_free_header: tuple[Any, Any] | None = None

    def call(
        self,
        to: bytes,
        data: bytes = b"",
        *,
        value: int = 0,
        sender: Account | bytes | None = None,
        gas: int = TRANSACTION_GAS,
        block: BlockId = None,
    ) -> bytes:
        """What a contract returns, without a transaction (eth_call).

        Args:
            to: the address called; empty for init code.
            data: calldata or init code.
            value: wei that it sends.
            sender: an account or any address; the first account by default.
            gas: gas limit.
            block: the block on whose state it runs.

        Raises:
            ExecutionFailed: it reverted or halted.
            NotFound: the chain has no such block.
        """
        computation = self.simulate(to, data, value=value, sender=sender, gas=gas, block=block)
        if computation.is_error:
            raise ExecutionFailed(computation.error, computation.output)
        return bytes(computation.output)

    def simulate(
        self,
        to: bytes,
        data: bytes = b"",
        *,
        value: int = 0,
        sender: Account | bytes | None = None,
        gas: int = TRANSACTION_GAS,
        block: BlockId = None,
        tracer: Tracer | None = None,
    ) -> Any:
        """The finished computation of a call: output, error, gas. Its changes are dropped.

        A `tracer` collects every step (SmartVM only).

        Raises:
            SmartVMError: the transaction is not valid.
            NotFound: the chain has no such block.
        """
        call = self._call(to, data, value, sender, gas)
        return self.run(call, block=block, tracer=tracer)

    def run(
        self,
        call: Call,
        *,
        block: BlockId = None,
        tracer: Tracer | None = None,
        prepare: Callable[[Any], None] | None = None,
    ) -> Any:
        """The finished computation of a call, as `simulate` gives it.

        Args:
            call: what is sent, by whom, with which gas.
            block: the block on whose state it runs.
            tracer: collects every step (SmartVM only).
            prepare: gets the state before the call, for instance to write to it.

        Raises:
            SmartVMError: the transaction is not valid.
            NotFound: the chain has no such block.
        """
        vm = self.vm_at(block)
        state = self._free_state(vm)
        if prepare is not None:
            prepare(state)
        state.tracer = tracer
        with refusing("invalid transaction"):
            return state.apply_transaction(_unsigned(vm, state, call, self.chain_id))

    def _free_state(self, vm: Any) -> Any:
        """The state after a block, in a next block in which gas costs nothing.

        py-evm's `in_costless_state` takes the time of that block from the clock.
        """
        parent = vm.get_header()
        return vm.build_state(
            vm.chaindb.db,
            self._free_header(parent),
            vm.chain_context,
            itertools.chain((parent.hash,), vm.previous_hashes),
        )

    def _free_header(self, parent: Any) -> Any:
        """The header of a next block in which gas costs nothing; that of one parent is kept."""
        known = self._last_free_header
        if known is None or known[0] is not parent:
            timestamp = parent.timestamp + BLOCK_SECONDS
            header = self._chain.create_header_from_parent(
                parent, gas_limit=parent.gas_limit, timestamp=timestamp, coinbase=parent.coinbase
            )
            known = self._last_free_header = parent, header.copy(base_fee_per_gas=0)
        return known[1]

    def estimate(
        self,
        to: bytes,
        data: bytes = b"",
        *,
        value: int = 0,
        sender: Account | bytes | None = None,
        gas: int = TRANSACTION_GAS,
        block: BlockId = None,
    ) -> int:
        """The least gas limit, up to `gas`, with which a transaction succeeds.

        Raises:
            ExecutionFailed: it fails with `gas`.
            SmartVMError: it is not valid.
        """
        return self.least_gas(self._call(to, data, value, sender, gas), block=block)

    def least_gas(
        self,
        call: Call,
        *,
        block: BlockId = None,
        prepare: Callable[[Any], None] | None = None,
    ) -> int:
        """The least gas limit, up to the call's own, with which it succeeds.

        Raises:
            ExecutionFailed: it fails with its own.
            SmartVMError: it is not valid.
        """

        def run(limit: int) -> Any:
            return self.run(replace(call, gas=limit), block=block, prepare=prepare)

        def succeeds(limit: int) -> bool:
            try:
                return not run(limit).is_error
            except SmartVMError:  # less than the intrinsic gas or the floor
                return False

        computation = run(call.gas)
        if computation.is_error:
            raise ExecutionFailed(computation.error, computation.output)
        # At its peak, refunds not yet given, it took this. Less is never enough; more may be
        # needed where code looks at the gas that is left.
        vm = self.vm_at(block)
        floor = gas_floor(_unsigned(vm, vm.state, call, self.chain_id))
        taken = max(floor, call.gas - int(computation.get_gas_remaining()))
        if succeeds(taken):
            return taken
        return bisect_left(range(call.gas), True, lo=taken, key=succeeds)

    def replay(self, transaction_hash: bytes, tracer: Tracer | None = None) -> Receipt:
        """Execute a past transaction once more, after those before it in its block.

        Args:
            transaction_hash: of a transaction of the chain's history.
            tracer: collects every step of it (SmartVM only).

        Raises:
            NotFound: no block of the history holds it.
            SmartVMError: it leaves another receipt than the one that is stored.
        """
        mined = self.transaction(transaction_hash)
        computation, receipt = self._execute_again(mined, tracer)
        if receipt.encode() != mined.receipt.encode():
            raise SmartVMError(
                f"transaction 0x{mined.hash.hex()}: executed again, it leaves another receipt; "
                "open the chain with the VM that mined the block"
            )
        return executed(mined, computation)

    def _execute_again(self, mined: MinedTransaction, tracer: Tracer | None) -> tuple[Any, Any]:
        """The computation of a past transaction, and the receipt that it leaves."""
        block = self.block(mined.header.hash)
        before = self.header(mined.header.parent_hash).state_root
        start = mined.header.copy(state_root=before, gas_used=0, blob_gas_used=0, bloom=0)
        vm = self._chain.get_vm(start)
        vm.block_preprocessing(block)
        header, _, _ = vm.apply_all_transactions(block.transactions[: mined.index], start)
        vm.state.tracer = tracer
        receipt, computation = vm.apply_transaction(header, mined.transaction)
        return computation, receipt

    def _call(
        self, to: bytes, data: bytes, value: int, sender: Account | bytes | None, gas: int
    ) -> Call:
        account = sender or self.accounts[0]
        address = account.address if isinstance(account, Account) else account
        return Call(Address(to), data, Address(address), gas, value)


class _Calldata(bytes):
    """Calldata that counts its zeros once: py-evm counts them each time it asks for a price."""

    @cached_property
    def _zeros(self) -> int:
        return len(self) - int(np.count_nonzero(np.frombuffer(self, np.uint8)))

    def count(self, *sub: Any) -> int:
        """As `bytes.count`."""
        return self._zeros if sub == (b"\0",) else super().count(*sub)


def _unsigned(vm: Any, state: Any, call: Call, chain_id: int) -> SpoofTransaction:
    builder = vm.get_transaction_builder()
    fields = {
        "chain_id": chain_id,
        "nonce": state.get_nonce(call.sender),
        "max_priority_fee_per_gas": 0,
        "max_fee_per_gas": 0,
        "gas": call.gas,
        "to": call.to,
        "value": call.value,
        "data": _Calldata(call.data),
        "access_list": call.access_list,
    }
    if call.authorizations:
        unsigned = builder.new_unsigned_set_code_transaction(
            **fields, authorization_list=call.authorizations
        )
    else:
        unsigned = builder.new_unsigned_dynamic_fee_transaction(**fields)
    return SpoofTransaction(unsigned, from_=call.sender)
