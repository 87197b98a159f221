r"""SmartVM: an Ethereum virtual machine that runs neural networks inside smart contracts.

    >>> import smartvm
    >>> code = smartvm.assemble("BUF_ALLO size=3\nBUF_FIL value=7\nBUF_SCL0 times=-2\nSTOP")
    >>> smartvm.execute(code).buffer
    [[-14, -14, -14]]

Names are imported when they are first used, so that `import smartvm` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smartvm.chain.local import Chain
    from smartvm.compiler.artefact import Artefact
    from smartvm.compiler.assembler import assemble
    from smartvm.compiler.compile import compile
    from smartvm.compiler.disassembler import disassemble
    from smartvm.compiler.program import Program
    from smartvm.dispatch import Backend, available_backends
    from smartvm.dispatch.tensor import Tensor
    from smartvm.exceptions import DNNError, SmartVMError
    from smartvm.execution import Execution, execute
    from smartvm.opcodes import INSTRUCTIONS, Instruction, InstructionSet, Kind, Operand
    from smartvm.vm import MAGIC, SmartVM

__version__ = "0.1.0"

__all__ = [
    "INSTRUCTIONS",
    "MAGIC",
    "Artefact",
    "Backend",
    "Chain",
    "DNNError",
    "Execution",
    "Instruction",
    "InstructionSet",
    "Kind",
    "Operand",
    "Program",
    "SmartVM",
    "SmartVMError",
    "Tensor",
    "assemble",
    "available_backends",
    "compile",
    "disassemble",
    "execute",
]

_HOMES = {
    "chain.local": ("Chain",),
    "compiler.artefact": ("Artefact",),
    "compiler.assembler": ("assemble",),
    "compiler.compile": ("compile",),
    "compiler.disassembler": ("disassemble",),
    "compiler.program": ("Program",),
    "dispatch": ("Backend", "available_backends"),
    "dispatch.tensor": ("Tensor",),
    "exceptions": ("DNNError", "SmartVMError"),
    "execution": ("Execution", "execute"),
    "opcodes": ("INSTRUCTIONS", "Instruction", "InstructionSet", "Kind", "Operand"),
    "vm": ("MAGIC", "SmartVM"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(f"smartvm.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'smartvm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
