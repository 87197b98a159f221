"""SmartVM: py-evm's newest fork, with DNN contracts.

Three small subclasses, as every fork of py-evm is made: a computation that gives DNN contracts
their own opcodes, Buffer and kernels, a state that knows weight blocks, and the VM. Contracts
without the marker take none of these paths.
"""

from __future__ import annotations

from typing import Any, ClassVar

from eth.abc import MessageAPI, StateAPI, TransactionContextAPI
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from eth.vm.forks.prague.state import PragueState
from eth_typing import Address

from smartvm.buffer import Buffer
from smartvm.dispatch import Backend, Dispatcher, make_dispatcher
from smartvm.opcodes import STANDARD, Instruction, InstructionSet, dnn_table
from smartvm.storage import Block, SmartVMAccountDB
from smartvm.trace import TracedOpcodes, Tracer

MAGIC = b"\xfcDNN\x01"
"""What the code of a DNN contract starts with (docs/isa.md §1)."""


class SmartVMComputation(PragueComputation):
    """A call frame. In a DNN contract it has a Buffer and starts behind the magic.

    Attributes:
        instructions: the DNN instructions of this VM.
        buffer: the frame's feature maps (DNN contracts only).
        kernels: what computes them (DNN contracts only).
    """

    instructions: ClassVar[InstructionSet] = STANDARD
    dnn_opcodes: ClassVar[dict[int, Any]] = dnn_table(PRAGUE_OPCODES, STANDARD)
    buffer: Buffer
    kernels: Dispatcher

    def __init__(
        self, state: StateAPI, message: MessageAPI, transaction_context: TransactionContextAPI
    ) -> None:
        super().__init__(state, message, transaction_context)
        if message.code[: len(MAGIC)] == MAGIC:
            self.opcodes = self.dnn_opcodes
            self.code.program_counter = len(MAGIC)
            self.buffer = Buffer()
            self.kernels = state.kernels  # type: ignore[attr-defined]
        tracer = state.tracer  # type: ignore[attr-defined]
        if tracer is not None:
            self.opcodes = TracedOpcodes(self.opcodes, tracer)  # type: ignore[assignment]
            tracer.enter(self)


class SmartVMState(PragueState):
    """The state, with weight blocks beside the slots (docs/isa.md §7).

    Attributes:
        tracer: records every step while it is set.
    """

    account_db_class = SmartVMAccountDB
    computation_class = SmartVMComputation
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

    def get_block(self, address: Address, number: int) -> Block | None:
        """The weight block of an account, or None."""
        return self._account_db.get_block(address, number)

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

    def mark_block_warm(self, address: Address, number: int) -> None:
        """Note that this transaction has touched the block."""
        self._account_db.mark_block_warm(address, number)


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
