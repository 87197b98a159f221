"""The SmartVM compiler for Solidity and Yul: solc, and the instructions of this machine."""

from smartvm.compiler.solidity.compile import (
    Settings,
    compile_files,
    compile_sources,
    compile_yul,
)
from smartvm.compiler.solidity.contract import Compilation, SolidityContract
from smartvm.compiler.solidity.diagnostics import Diagnostic, SolidityError
from smartvm.compiler.solidity.solc import SolcFailed, SolcMissing, find_solc
from smartvm.compiler.solidity.sources import ImportPaths, Remapping

__all__ = [
    "Compilation",
    "Diagnostic",
    "ImportPaths",
    "Remapping",
    "Settings",
    "SolcFailed",
    "SolcMissing",
    "SolidityContract",
    "SolidityError",
    "compile_files",
    "compile_sources",
    "compile_yul",
    "find_solc",
]
