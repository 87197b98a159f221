"""Models on a chain: deployed with their weights, asked by calls and by transactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from smartvm.chain.accounts import Account
from smartvm.chain.receipts import Receipt
from smartvm.chain.upload import BATCH_BYTES, Progress, Upload, upload_blocks
from smartvm.compiler.abi import decode_int256_array, decode_uint256, encode_call
from smartvm.compiler.contract import ModelContract
from smartvm.compiler.contract_abi import INFER, INPUT_BYTES, OUTPUT_SCALE, PREDICT
from smartvm.exceptions import SmartVMError

if TYPE_CHECKING:
    from smartvm.chain.local import Chain
    from smartvm.chain.reading import BlockId
    from smartvm.compiler.artefact import Artefact

Input = bytes | np.ndarray | Sequence[float]
"""An input packed as the contract takes it, or its numbers."""


class Deployment(NamedTuple):
    """A model on a chain.

    Attributes:
        address: of its contract.
        receipt: of the contract's creation; None where it was there already.
        upload: what was sent.
    """

    address: bytes
    receipt: Receipt | None
    upload: Upload


class Prediction(NamedTuple):
    """What a model answers.

    Attributes:
        outputs: the integers that the contract returned.
        scale: the integer that stands for 1.0.
    """

    outputs: tuple[int, ...]
    scale: int

    @property
    def values(self) -> np.ndarray:
        """The outputs as numbers (float64)."""
        return np.array([output / self.scale for output in self.outputs])

    @property
    def label(self) -> int:
        """The index of the greatest output, the first of equals."""
        return self.outputs.index(max(self.outputs))


class Inference(NamedTuple):
    """What a model answered in a transaction."""

    receipt: Receipt
    label: int


def deploy_model(
    chain: Chain,
    model: Artefact | ModelContract,
    *,
    address: bytes | None = None,
    sender: Account | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Deployment:
    """Deploy a model's contract and upload its weights.

    Args:
        chain: the chain.
        model: what is compiled.
        address: a contract that was deployed before; its upload is resumed.
        sender: who becomes or is the owner; the first account by default.
        progress: called at the start of the upload and after each transaction.

    Raises:
        SmartVMError: there is another contract, or none, at `address`.
        ExecutionFailed: the contract refuses a block; those before it stay.
    """
    contract = contract_of(model)
    receipt = None
    if address is None:
        receipt = chain.deploy(contract.init_code, sender=sender)
        assert receipt.contract is not None
        address = receipt.contract
    elif chain.code(address) != contract.runtime:
        raise SmartVMError(
            f"0x{address.hex()}: expected the contract of {contract.graph.name}, found "
            f"{'another' if chain.code(address) else 'none'}; check the address and the artefact"
        )
    upload = upload_blocks(
        chain,
        address,
        contract.blocks,
        sender=sender,
        progress=progress,
        batch_bytes=BATCH_BYTES,
    )
    return Deployment(address, receipt, upload)


def predict(
    chain: Chain,
    address: bytes,
    x: Input,
    *,
    model: Artefact | ModelContract | None = None,
    block: BlockId = None,
) -> Prediction:
    """What a model answers to one input, by a call.

    Args:
        chain: the chain.
        address: the model's contract.
        x: the input, packed or in numbers (`pack`).
        model: what was compiled, which knows the scale of an input.
        block: the block on whose state it runs; the newest by default.

    Raises:
        ExecutionFailed: the contract refuses the input, or lacks a block.
        SmartVMError: the input does not fit, or there is no model contract at the address.
    """
    scale = _word(chain, address, OUTPUT_SCALE, block)
    calldata = encode_call(PREDICT, pack(chain, address, x, model, block))
    output = chain.call(address, calldata, block=block)
    try:
        return Prediction(tuple(decode_int256_array(output)), scale)
    except ValueError as error:
        raise _no_model(address) from error


def infer(
    chain: Chain,
    address: bytes,
    x: Input,
    *,
    model: Artefact | ModelContract | None = None,
    sender: Account | None = None,
) -> Inference:
    """What a model answers to one input, by a transaction that logs the answer.

    Raises:
        ExecutionFailed: the contract refuses the input, or lacks a block.
        SmartVMError: the input does not fit, or there is no model contract at the address.
    """
    _word(chain, address, INPUT_BYTES)
    calldata = encode_call(INFER, pack(chain, address, x, model))
    gas = chain.estimate(address, calldata, sender=sender, gas=chain.header().gas_limit)
    receipt = chain.transact(address, calldata, sender=sender, gas=gas)
    return Inference(receipt, decode_uint256(receipt.output))


def pack(
    chain: Chain,
    address: bytes,
    x: Input,
    model: Artefact | ModelContract | None = None,
    block: BlockId = None,
) -> bytes:
    """The calldata of an input.

    Bytes are packed already. Integers are packed at the width that the contract's `inputBytes()`
    leaves for each. Floats need the model, which knows the scale that stands for 1.0.

    Raises:
        SmartVMError: the input does not fit, or there is no model contract at the address.
    """
    if isinstance(x, bytes):
        return x
    values = np.asarray(x)
    if model is not None:
        return contract_of(model).input_format.pack(values)
    if values.dtype.kind not in "iuO":
        raise SmartVMError(
            f"input: expected packed bytes or integers, found {values.dtype}; give the model, "
            "which knows the scale of an input"
        )
    return pack_integers(values, _word(chain, address, INPUT_BYTES, block))


def pack_integers(values: np.ndarray, nbytes: int) -> bytes:
    """Integers, big-endian, at the width that `nbytes` leaves for each.

    Raises:
        SmartVMError: another number of items, or one that does not fit its width.
    """
    width, rest = divmod(nbytes, max(values.size, 1))
    if rest or not values.size:
        raise SmartVMError(
            f"input: expected a number of items that divides {nbytes} bytes, found {values.size}"
        )
    try:
        items = [int(item) for item in values.flat]
        return b"".join(item.to_bytes(width, "big", signed=item < 0) for item in items)
    except (OverflowError, TypeError, ValueError) as error:
        raise SmartVMError(f"input: expected integers of {width} bytes: {error}") from error


def contract_of(model: Artefact | ModelContract) -> ModelContract:
    """The contract of a compiled model."""
    return model if isinstance(model, ModelContract) else model.contract


def _word(chain: Chain, address: bytes, function: str, block: BlockId = None) -> int:
    """The number that a function of a model contract returns.

    Raises:
        SmartVMError: there is no model contract at the address.
    """
    try:
        return decode_uint256(chain.call(address, encode_call(function), block=block))
    except ValueError as error:
        raise _no_model(address) from error


def _no_model(address: bytes) -> SmartVMError:
    return SmartVMError(
        f"0x{address.hex()}: expected a model contract, found none; check the address"
    )
