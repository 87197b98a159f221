"""Every error of SmartVM.

SmartVMError                  wrong use of the library (never raised inside a frame)
├── AssemblerError            text or bytes that are no program
├── ProofError                a Merkle proof that proves nothing
├── ModelError                a model that cannot be compiled
│   ├── UnsupportedModelError all nodes that have no lowering, each with its reason
│   ├── WeightRangeError      a weight beyond 64 bits at the chosen scale
│   ├── CertificateError      a network that could wrap, or a certificate that proves nothing
│   └── CodeSizeError         a network whose contract passes EIP-170's limit
├── DatabaseError             a chain on disk that is in use, damaged, or none of ours
├── NotFound                  a block or a transaction that the chain does not have
├── ArtefactError             a compiled model on disk that is damaged or was tampered with
└── BackendError              an unknown or unusable backend
VMError (py-evm)              halts the frame, burns its gas, reverts its changes
└── DNNError                  names the instruction, the operand, what was expected and found
    ├── OperandsMissing       the Stack holds too few items (also InsufficientStack)
    ├── MapMissing            the Buffer holds too few feature maps
    ├── OperandError          an operand word outside its range
    ├── ShapeError            sizes that do not fit together, or do not fit the map
    ├── DivisionByZero        a divisor or a scale of zero
    ├── ItemRangeError        an item that does not fit the width asked for
    ├── BlockMissing          no weight block under that number
    ├── BlockMalformed        a stored block that does not decode
    ├── BlockTooLarge         a block beyond the size limit
    ├── StaticWrite           a block written in a static call (also WriteProtection)
    └── KernelFailure         a defect of a backend, contained
"""

from __future__ import annotations

from eth.exceptions import InsufficientStack, VMError, WriteProtection

__all__ = [
    "ArtefactError",
    "AssemblerError",
    "BackendError",
    "BlockMalformed",
    "BlockMissing",
    "BlockTooLarge",
    "CertificateError",
    "CodeSizeError",
    "DNNError",
    "DatabaseError",
    "DivisionByZero",
    "ItemRangeError",
    "KernelFailure",
    "MapMissing",
    "ModelError",
    "NotFound",
    "OperandError",
    "OperandsMissing",
    "ProofError",
    "ShapeError",
    "SmartVMError",
    "StaticWrite",
    "UnsupportedModelError",
    "WeightRangeError",
]


class SmartVMError(Exception):
    """Base of the errors that the library raises outside a frame."""


class AssemblerError(SmartVMError):
    """Raised when assembly text or bytecode is malformed; the message names the line."""


class ProofError(SmartVMError):
    """Raised when a Merkle proof does not lead from the root to the claimed value."""


class ModelError(SmartVMError):
    """Raised when a model cannot be compiled; the message names the input, tensor or node."""


class UnsupportedModelError(ModelError):
    """Raised with all nodes of a model that cannot be lowered, before any work is done.

    Attributes:
        problems: one for each node, with its name, its operator and the reason.
    """

    def __init__(self, message: str, problems: tuple[object, ...]) -> None:
        super().__init__(message)
        self.problems = problems


class WeightRangeError(ModelError):
    """Raised when a weight at the chosen scale passes 64 bits; the message names the tensor."""


class CertificateError(ModelError):
    """Raised when a network may wrap modulo 2²⁵⁶, or a certificate is not its network's."""


class CodeSizeError(ModelError):
    """Raised when a network's contract passes the size limit of EIP-170; it names both sizes."""


class ArtefactError(SmartVMError):
    """Raised when a compiled model on disk is incomplete, damaged or of an unknown version."""


class DatabaseError(SmartVMError):
    """Raised when a chain on disk cannot be opened, read or written; the message names the path.

    It also leaves a frame, where damage is found while a contract runs: no block may come of it.
    """


class NotFound(SmartVMError):
    """Raised when a chain has no block or transaction of that number or hash."""


class BackendError(SmartVMError):
    """Raised when a backend is asked for that is unknown or cannot run here."""


class DNNError(VMError):
    """Base of the errors of DNN instructions.

    `instruction` is filled in by the dispatching wrapper, so that code which knows only the
    operand can raise without knowing who called it.
    """

    def __init__(
        self, operand: str, expected: object, found: object, instruction: str | None = None
    ) -> None:
        super().__init__(operand, expected, found)
        self.instruction = instruction
        self.operand = operand
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        name = f"{self.instruction}: " if self.instruction else ""
        return f"{name}{self.operand}: expected {self.expected}, found {self.found}"


class OperandsMissing(DNNError, InsufficientStack):
    """Raised when the Stack holds fewer items than the instruction takes."""


class MapMissing(DNNError):
    """Raised when the Buffer holds fewer feature maps than the instruction reads."""


class OperandError(DNNError):
    """Raised when an operand word has a field outside its range."""


class ShapeError(DNNError):
    """Raised when sizes do not fit together or the map's length is not what they imply."""


class DivisionByZero(DNNError):
    """Raised for a divisor, a scale or the denominator of a ratio that is zero."""


class ItemRangeError(DNNError):
    """Raised when an item does not fit the number of bytes that the program asked for."""


class BlockMissing(DNNError):
    """Raised when a weight block that an instruction reads does not exist."""


class BlockMalformed(DNNError):
    """Raised when a stored block is truncated, has an unknown version or a wrong header."""


class BlockTooLarge(DNNError):
    """Raised when a program writes a block of more than `MAX_BLOCK_BYTES`."""


class StaticWrite(DNNError, WriteProtection):
    """Raised when a program writes a block inside a static call."""


class KernelFailure(DNNError):
    """Raised in place of an exception that a kernel should not have raised.

    It is a defect of the backend: the frame fails, the node goes on, and the log holds the
    traceback.
    """
