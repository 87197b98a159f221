"""Model contracts as the chain shows them: recognised by their code, asked by calls.

What follows from code and storage is kept under the code and the storage root, so that it is
worked out once and can never be out of date.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from smartvm.chain.proven import GETTER_GAS, model_hash_of
from smartvm.chain.receipts import ExecutionFailed
from smartvm.compiler import contract_abi as abi
from smartvm.compiler import lenet5
from smartvm.compiler.abi import (
    WORD,
    decode_int256_array,
    decode_uint256,
    encode_call,
    selector,
)
from smartvm.compiler.contract import build_contract
from smartvm.compiler.disassembler import is_dnn
from smartvm.exceptions import SmartVMError
from smartvm.execution import execute
from smartvm.node.debug import BoundedSteps
from smartvm.node.errors import RPCError
from smartvm.node.limits import Limits
from smartvm.node.models_blocks import BlockMap, Kept, map_blocks
from smartvm.node.models_layers import Layer, Part, layers, parts_of_code, parts_of_run
from smartvm.trace import Step, Tracer
from smartvm.words import fields

MOST_INPUT_BYTES = 1 << 24
"""Bytes of a packed input; a contract that claims more is no model."""


class InputForm(NamedTuple):
    """How the packed input of a model is read."""

    nbytes: int
    items: int
    item_bytes: int
    unsigned: bool


class Interface(NamedTuple):
    """What the code of a model contract says without any storage.

    Attributes:
        model_hash: that of the model that was compiled.
        input: how an input is packed.
        output_items: integers that `predict` returns.
        output_scale: the integer that stands for 1.0 in the first output.
        classifies: whether it has `classify` and `infer`.
        parts: its network, as far as the code shows it.
    """

    model_hash: bytes
    input: InputForm
    output_items: int
    output_scale: int
    classifies: bool
    parts: tuple[Part, ...]


@lru_cache(maxsize=64)
def interface_of(code: bytes) -> Interface | None:
    """The interface of a model contract; None if the code is none."""
    model_hash = model_hash_of(code) if is_dnn(code) else None
    if model_hash is None:
        return None
    parts = parts_of_code(code)
    nbytes, outputs, scale = (
        _constant(code, name) for name in (abi.INPUT_BYTES, abi.OUTPUT_ITEMS, abi.OUTPUT_SCALE)
    )
    form = _input_form(parts)
    if form is None or form.nbytes != nbytes or nbytes > MOST_INPUT_BYTES or not outputs:
        return None
    classifies = selector(abi.CLASSIFY).to_bytes(4, "big") in code
    return Interface(model_hash, form, outputs, scale or 1, classifies, tuple(parts))


def _input_form(parts: Sequence[Part]) -> InputForm | None:
    """What the instruction says that reads the input."""
    for part in parts:
        if part.row.mnemonic == "MTOB":
            items, item_bytes, unsigned, _ = fields(part.operands[1])
            width = item_bytes or WORD
            return InputForm(items * width, items, width, bool(unsigned))
    return None


def _constant(code: bytes, signature: str) -> int:
    """What a getter of the code returns with empty storage; 0 where that is no word."""
    call = execute(code, calldata=encode_call(signature), gas=GETTER_GAS)
    is_word = call.is_success and len(call.output) == WORD
    return int.from_bytes(call.output, "big") if is_word else 0


class Run(NamedTuple):
    """A network as it ran, or, with an error, as its code shows it.

    Attributes:
        layers: with their gas, or without.
        gas: of the frame.
        error: why it did not run, or None.
    """

    layers: list[Layer]
    gas: int | None
    error: str | None


@dataclass(frozen=True)
class Model:
    """A model contract in the state after the newest block.

    Attributes:
        chain: a `smartvm.chain.Chain`.
        address: of the contract.
        code: of the contract.
        interface: what the code says.
    """

    chain: Any
    address: bytes
    code: bytes
    interface: Interface

    @classmethod
    def at(cls, chain: Any, address: bytes) -> Model | None:
        """The model contract at an address; None if there is none."""
        code = chain.code(address)
        interface = interface_of(code)
        return None if interface is None else cls(chain, address, code, interface)

    @cached_property
    def state(self) -> Any:
        """The state, for reading."""
        return self.chain.state

    @cached_property
    def storage_root(self) -> bytes:
        """The root of its storage, which fixes all slots and blocks."""
        return bytes(self.state._account_db._get_storage_root(self.address))

    @property
    def name(self) -> str | None:
        """The name of a model that comes with SmartVM, else None: names are not on chain."""
        return _known_names().get(self.interface.model_hash)

    def get(self, signature: str) -> int:
        """What a getter returns; 0 where that is no word."""
        try:
            return decode_uint256(bytes(self.call(encode_call(signature), GETTER_GAS).output))
        except (ExecutionFailed, ValueError):
            return 0

    @property
    def bases(self) -> set[int]:
        """The numbers of the first blocks of its tensors."""
        return {number for part in self.interface.parts for number in part.base_blocks}

    @property
    def block_map(self) -> BlockMap:
        """The weight blocks that are in storage."""
        return _maps.get_or_make(
            (self.storage_root, self.code),
            lambda: map_blocks(
                self.state, self.address, self.code, self.interface.model_hash, self.bases
            ),
        )

    def run(self, packed: bytes | None, limits: Limits) -> Run:
        """A traced call of `predict`.

        Args:
            packed: the input; None for zeros, with the layers of the code where it fails.
            limits: of the call and its trace.

        Raises:
            ExecutionFailed: the call fails.
            RPCError: the trace is too long.
        """
        if packed is not None:
            return self._run(packed, limits)
        key = (self.storage_root, self.code, limits)
        return _runs.get_or_make(key, lambda: self._run_zeros(limits))

    def _run_zeros(self, limits: Limits) -> Run:
        try:
            return self._run(bytes(self.interface.input.nbytes), limits)
        except (ExecutionFailed, RPCError) as error:
            return Run(layers(self.interface.parts), None, str(error))

    def _run(self, packed: bytes, limits: Limits) -> Run:
        steps, gas = self.trace(encode_call(abi.PREDICT, packed), limits)
        return Run(layers(parts_of_run(steps)), gas, None)

    def trace(self, calldata: bytes, limits: Limits) -> tuple[list[Step], int]:
        """The steps of a call, and the gas of its frame.

        Raises:
            ExecutionFailed: the call fails.
            RPCError: the trace is too long.
        """
        tracer = bounded_tracer(limits)
        computation = self.call(calldata, self.most_gas(limits), tracer)
        return tracer.steps, int(computation.get_gas_used())

    def predict(self, packed: bytes, limits: Limits) -> tuple[list[int], int]:
        """The outputs for an input, and the gas of the frame.

        Raises:
            ExecutionFailed: the call fails.
            SmartVMError: the contract answers something else.
        """
        computation = self.call(encode_call(abi.PREDICT, packed), self.most_gas(limits))
        try:
            outputs = decode_int256_array(bytes(computation.output))
        except ValueError as error:
            raise SmartVMError(f"0x{self.address.hex()}: predict: {error}") from error
        return outputs, int(computation.get_gas_used())

    def most_gas(self, limits: Limits) -> int:
        """Gas of a call."""
        return int(min(limits.gas_cap, self.chain.header().gas_limit))

    def call(self, calldata: bytes, gas: int, tracer: Tracer | None = None) -> Any:
        """The finished computation of a call.

        Raises:
            ExecutionFailed: it fails.
        """
        computation = self.chain.simulate(self.address, calldata, gas=gas, tracer=tracer)
        if computation.is_error:
            raise ExecutionFailed(computation.error, computation.output)
        return computation


def bounded_tracer(limits: Limits) -> Tracer:
    """A tracer that stops what makes too long a trace."""
    tracer = Tracer()
    tracer.steps = BoundedSteps(limits.trace_items)
    return tracer


def summary(parts: tuple[Part, ...]) -> str:
    """What a network is made of: "3 conv, 2 pool, 2 fc"."""
    stems = Counter(part.stem.rstrip("_") for part in parts if part.stem)
    return ", ".join(f"{number} {stem}" for stem, number in stems.items())


@lru_cache(maxsize=1)
def _known_names() -> dict[bytes, str]:
    graph = lenet5.load()
    return {build_contract(graph).model_hash: graph.name}


_maps: Kept[BlockMap] = Kept(64)
_runs: Kept[Run] = Kept(64)
