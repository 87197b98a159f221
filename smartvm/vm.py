"""SmartVM: py-evm's newest fork, with DNN contracts.

Three small subclasses, as every fork of py-evm is made: a computation that gives DNN contracts
their own opcodes, Buffer and kernels, a state that knows weight blocks, and the VM. Contracts
without the marker take none of these paths. The rules for transactions that py-evm lets slip are
`validate_rules`.
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

from eth._utils.state import code_is_delegation_designation
from eth.abc import (
    ComputationAPI,
    MessageAPI,
    SignedTransactionAPI,
    StateAPI,
    TransactionContextAPI,
)
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.exceptions import OutOfGas
from eth.vm.forks.cancun.constants import BLOB_TX_TYPE
from eth.vm.forks.cancun.state import get_total_blob_gas
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from eth.vm.forks.prague.state import PragueState, PragueTransactionExecutor
from eth.vm.forks.shanghai.constants import MAX_INITCODE_SIZE
from eth.vm.message import Message
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address
from eth_utils import ValidationError

from smartvm.buffer import Buffer
from smartvm.dispatch import Backend, Dispatcher, make_dispatcher
from smartvm.opcodes import STANDARD, Instruction, InstructionSet, dnn_table
from smartvm.opcodes.decoding import Code, decode
from smartvm.opcodes.fusion import Waiting
from smartvm.opcodes.interruption import NEVER, InterruptibleStream, governing_interrupt
from smartvm.opcodes.stack import OperandStack
from smartvm.opcodes.stream import RunStream
from smartvm.storage import Block, LookAhead, SmartVMAccountDB
from smartvm.trace import TracedOpcodes, Tracer

MAGIC = b"\xfcDNN\x01"
"""What the code of a DNN contract starts with (docs/isa.md §1)."""


class SmartVMComputation(PragueComputation):
    """A call frame. In a DNN contract it has a Buffer and starts behind the magic.

    Attributes:
        instructions: the DNN instructions of this VM.

    Attributes of a DNN contract's frame only:
        buffer: the feature maps.
        kernels: what computes them.
        decoded: the code.
        waiting: results computed ahead (`smartvm.opcodes.fusion`).
    """

    instructions: ClassVar[InstructionSet] = STANDARD
    dnn_opcodes: ClassVar[dict[int, Any]] = dnn_table(PRAGUE_OPCODES, STANDARD)
    buffer: Buffer
    kernels: Dispatcher
    decoded: Code
    waiting: list[Waiting]

    def __init__(
        self, state: StateAPI, message: MessageAPI, transaction_context: TransactionContextAPI
    ) -> None:
        super().__init__(state, message, transaction_context)
        tracer = state.tracer  # type: ignore[attr-defined]
        if (interrupt := governing_interrupt()) is not NEVER:
            self.code = InterruptibleStream(message.code, interrupt)
        if message.code[: len(MAGIC)] == MAGIC:
            self._prepare(message.code, state.kernels)  # type: ignore[attr-defined]
            if tracer is None and not self.logger.show_debug2:
                self.code = RunStream(self.decoded, self)
            self.code.program_counter = len(MAGIC)
        if tracer is not None:
            self.opcodes = TracedOpcodes(self.opcodes, tracer)  # type: ignore[assignment]
            tracer.enter(self)

    def _prepare(self, code: bytes, kernels: Dispatcher) -> None:
        OperandStack().serve(self)
        self.consume_gas = self._gas_meter.consume_gas  # type: ignore[method-assign]
        self.opcodes = self.dnn_opcodes
        self.buffer = Buffer()
        self.kernels = kernels
        self.decoded = decode(code)
        self.waiting = []


class SmartVMTransactionExecutor(PragueTransactionExecutor):
    """What runs a transaction."""

    def __call__(self, transaction: SignedTransactionAPI) -> ComputationAPI:
        """Run it. A call that cannot pay its floor runs out of gas.

        Estimates of gas try limits until one is enough, and expect no other error of those that
        are not: py-evm's begins with the intrinsic gas, which may lie below the floor.
        """
        if isinstance(transaction, SpoofTransaction) and transaction.gas < gas_floor(transaction):
            return self._out_of_gas(transaction)
        return super().__call__(transaction)

    def _out_of_gas(self, transaction: SpoofTransaction) -> ComputationAPI:
        message = Message(
            gas=transaction.gas,
            to=transaction.to,
            sender=transaction.sender,
            value=transaction.value,
            data=transaction.data,
            code=b"",
        )
        context = self.vm_state.get_transaction_context(cast(Any, transaction))
        computation = self.vm_state.get_computation(message, context)
        computation.error = OutOfGas(
            f"gas limit: expected at least {gas_floor(transaction):,}, which the transaction "
            f"costs whatever it does (EIP-7623), found {transaction.gas:,}"
        )
        return computation


class SmartVMState(PragueState):
    """The state, with weight blocks beside the slots (docs/isa.md §7).

    Attributes:
        tracer: records every step while it is set.
    """

    account_db_class = SmartVMAccountDB
    computation_class = SmartVMComputation
    transaction_executor_class = SmartVMTransactionExecutor
    backend: ClassVar[str | Backend | None] = None
    _account_db: SmartVMAccountDB
    tracer: Tracer | None = None
    _dispatcher: Dispatcher | None = None

    @property
    def kernels(self) -> Dispatcher:
        """What computes: this state's own choice, else that of its class, made at first use."""
        if self._dispatcher is None:
            type(self)._dispatcher = make_dispatcher(self.backend)
        assert self._dispatcher is not None
        return self._dispatcher

    def use_backend(self, backend: str | Backend) -> None:
        """Compute with another backend from now on. The results are the same bits.

        Raises:
            BackendError: no such backend, or it cannot run here.
        """
        self._dispatcher = make_dispatcher(backend)

    def validate_transaction(self, transaction: SignedTransactionAPI) -> None:
        """Check a transaction against this state, as py-evm does and by `validate_rules`.

        Raises:
            ValidationError: no block may hold it.
        """
        super().validate_transaction(transaction)
        validate_rules(self, transaction)

    def get_block(
        self, address: Address, number: int, ahead: LookAhead | None = None
    ) -> Block | None:
        """The weight block of an account, or None; `ahead` says what will be asked for next."""
        return self._account_db.get_block(address, number, ahead)

    def peek_block(self, address: Address, number: int) -> Block | None:
        """The block, if it is at hand without reading anything; nobody notices."""
        return self._account_db.peek_block(address, number)

    @property
    def blocks(self) -> SmartVMAccountDB:
        """Where the weight blocks are; for tensors of them, see `find_range` there."""
        return self._account_db

    def has_block(self, address: Address, number: int) -> bool:
        """Whether the account has the block."""
        return self._account_db.has_block(address, number)

    def set_block(self, address: Address, number: int, value: bytes) -> None:
        """Write a block, encoded by `smartvm.storage.encode_block`."""
        self._account_db.set_block(address, number, value)

    def delete_block(self, address: Address, number: int) -> None:
        """Remove a block, if it is there."""
        self._account_db.delete_block(address, number)

    def is_block_warm(self, address: Address, number: int) -> bool:
        """Whether this transaction has touched the block (as EIP-2929 has it for slots)."""
        return self._account_db.is_block_warm(address, number)

    def mark_block_warm(self, address: Address, number: int) -> bool:
        """Note that this transaction has touched the block; whether it had before."""
        return self._account_db.mark_block_warm(address, number)


class SmartVM(PragueVM):
    """A py-evm VM whose contracts can run deep neural networks.

    Use it wherever py-evm takes a VM class: ``vm_configuration=((0, SmartVM),)``.
    """

    _state_class = SmartVMState

    @classmethod
    def with_backend(cls, backend: str | Backend) -> type[SmartVM]:
        """The same VM on another backend: a name, or an instance. The results are the same bits.

        Raises:
            BackendError: no such backend, or it cannot run here.
        """
        dispatcher = make_dispatcher(backend)
        state = cls._state_class.configure(backend=backend, _dispatcher=dispatcher)
        return cls.configure(_state_class=state)

    @classmethod
    def with_instructions(cls, *rows: Instruction) -> type[SmartVM]:
        """A VM with more instructions on the extension page, 0xc0–0xcf.

        Raises:
            SmartVMError: a number outside the page, or taken.
        """
        base = cls._state_class.computation_class
        instructions = base.instructions.extended(*rows)
        computation = base.configure(
            instructions=instructions, dnn_opcodes=dnn_table(PRAGUE_OPCODES, instructions)
        )
        state = cls._state_class.configure(computation_class=computation)
        return cls.configure(_state_class=state)


def validate_rules(state: SmartVMState, transaction: SignedTransactionAPI) -> None:
    """The rules of Ethereum for transactions that py-evm 0.12 does not check.

    A call (eth_call) has no signature, chain or funds; of it, gas and size alone are checked.

    Raises:
        ValidationError: the transaction breaks one.
    """
    _validate_gas(transaction)
    if not isinstance(transaction, SpoofTransaction):
        _validate_fees(transaction, state.get_balance(transaction.sender))
        _validate_sender(state, transaction)


def gas_floor(transaction: SignedTransactionAPI | SpoofTransaction) -> int:
    """The least gas limit of a transaction: its intrinsic gas and EIP-7623's floor for its data."""
    floor = PragueTransactionExecutor.calc_data_floor_gas(cast(Any, transaction), 0, 0)
    return max(int(transaction.intrinsic_gas), floor)


def _validate_gas(transaction: SignedTransactionAPI) -> None:
    """EIP-3860, the size of init code; EIP-7623, the floor that calldata costs."""
    creates = transaction.to == CREATE_CONTRACT_ADDRESS
    if creates and len(transaction.data) > MAX_INITCODE_SIZE:
        raise ValidationError(
            f"init code: expected at most {MAX_INITCODE_SIZE:,} bytes, "
            f"found {len(transaction.data):,} (EIP-3860)"
        )
    least = gas_floor(transaction)
    if transaction.gas < least:
        raise ValidationError(
            f"gas limit: expected at least {least:,}, which the transaction costs whatever it "
            f"does (EIP-7623), found {transaction.gas:,}"
        )


def _validate_fees(transaction: SignedTransactionAPI, balance: int) -> None:
    """EIP-1559: the tip is part of the fee. EIP-1559, EIP-4844: the sender can pay all of it."""
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
        raise ValidationError(
            f"max_priority_fee_per_gas: expected at most {transaction.max_fee_per_gas}, the "
            f"max_fee_per_gas, found {transaction.max_priority_fee_per_gas} (EIP-1559)"
        )
    cost = transaction.value + transaction.gas * transaction.max_fee_per_gas
    if transaction.type_id == BLOB_TX_TYPE:
        cost += get_total_blob_gas(transaction) * transaction.max_fee_per_blob_gas
    if balance < cost:
        raise ValidationError(
            f"the sender's balance: expected at least {cost} wei, its value and most that gas and "
            f"blobs can cost, found {balance} (EIP-1559, EIP-4844)"
        )


def _validate_sender(state: SmartVMState, transaction: SignedTransactionAPI) -> None:
    """EIP-155: signed for this chain. EIP-3607: by no contract. EIP-4844: a blob has a receiver."""
    chain_id = state.execution_context.chain_id
    if transaction.chain_id not in (None, chain_id):
        raise ValidationError(
            f"chain_id: expected {chain_id}, found {transaction.chain_id} (EIP-155)"
        )
    code = state.get_code(transaction.sender)
    if code and not code_is_delegation_designation(code):
        raise ValidationError(
            f"the sender 0x{transaction.sender.hex()}: expected an account, found a contract "
            "(EIP-3607)"
        )
    if transaction.type_id == BLOB_TX_TYPE and transaction.to == CREATE_CONTRACT_ADDRESS:
        raise ValidationError(
            "to: expected an address, found none in a blob transaction (EIP-4844)"
        )
