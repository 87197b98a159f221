"""What comes out: contracts with the parts that tools know from solc."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from smartvm.compiler.solidity.diagnostics import Diagnostic
from smartvm.exceptions import SmartVMError

ADDRESS_BYTES = 20


@dataclass(frozen=True)
class SolidityContract:
    """One compiled contract or library.

    Attributes:
        source: name of its source unit.
        name: its own name.
        abi: its JSON ABI.
        bytecode: init code in hexadecimal, with solc's marks (`__$…$__`) for unlinked libraries.
        deployed_bytecode: runtime code, likewise; zeros stand for immutables.
        link_references: where the marks are: source, library, byte offsets.
        deployed_link_references: the same for the runtime code.
        immutable_references: where immutables are in the runtime code, by AST id.
        method_identifiers: selectors by signature.
        storage_layout: solc's storage layout.
        transient_storage_layout: solc's layout of transient storage.
        devdoc: NatSpec for developers.
        userdoc: NatSpec for users.
        yul: the optimised Yul, as it was assembled.
    """

    source: str
    name: str
    abi: list[Any] = field(repr=False)
    bytecode: str = field(repr=False)
    deployed_bytecode: str = field(repr=False)
    link_references: dict[str, Any] = field(repr=False)
    deployed_link_references: dict[str, Any] = field(repr=False)
    immutable_references: dict[str, Any] = field(repr=False)
    method_identifiers: dict[str, str] = field(repr=False)
    storage_layout: dict[str, Any] = field(repr=False)
    transient_storage_layout: dict[str, Any] = field(repr=False)
    devdoc: dict[str, Any] = field(repr=False)
    userdoc: dict[str, Any] = field(repr=False)
    yul: str = field(repr=False)

    @property
    def full_name(self) -> str:
        """`source:name`, as solc writes it."""
        return f"{self.source}:{self.name}"

    @property
    def libraries(self) -> list[str]:
        """The full names of the libraries that it has to be linked with."""
        return [f"{s}:{name}" for s, names in self.link_references.items() for name in names]

    def init_code(self, libraries: Mapping[str, str | bytes] | None = None) -> bytes:
        """The code that deploys it, without constructor arguments.

        Args:
            libraries: the address (bytes or hexadecimal) of each library, by its full name.

        Raises:
            SmartVMError: a library's address is missing, or is none.
        """
        code = self.bytecode
        given = libraries or {}
        for source, names in self.link_references.items():
            for name, places in names.items():
                address = _address(f"{source}:{name}", given)
                for place in places:
                    start, end = 2 * place["start"], 2 * (place["start"] + place["length"])
                    code = code[:start] + address.hex() + code[end:]
        return bytes.fromhex(code)

    def as_json(self) -> dict[str, Any]:
        """Plain data, shaped as the artefacts of the usual tools."""
        return {
            "contractName": self.name,
            "sourceName": self.source,
            "abi": self.abi,
            "bytecode": {
                "object": f"0x{self.bytecode}",
                "linkReferences": self.link_references,
            },
            "deployedBytecode": {
                "object": f"0x{self.deployed_bytecode}",
                "linkReferences": self.deployed_link_references,
                "immutableReferences": self.immutable_references,
            },
            "methodIdentifiers": self.method_identifiers,
            "storageLayout": self.storage_layout,
            "transientStorageLayout": self.transient_storage_layout,
            "devdoc": self.devdoc,
            "userdoc": self.userdoc,
        }


def _address(library: str, given: Mapping[str, str | bytes]) -> bytes:
    if library not in given:
        raise SmartVMError(f"{library}: expected the address of this library, found none")
    address = given[library]
    try:
        found = bytes.fromhex(address.removeprefix("0x")) if isinstance(address, str) else address
    except ValueError:
        found = b""
    if len(found) != ADDRESS_BYTES:
        raise SmartVMError(f"{library}: expected an address of 20 bytes, found {address!r}")
    return found


@dataclass(frozen=True)
class Compilation(Mapping[str, SolidityContract]):
    """The contracts of a compilation, by full name, or by name where only one has it.

    Attributes:
        contracts: the contracts, those that have code, by full name.
        warnings: what solc had to say all the same.
    """

    contracts: dict[str, SolidityContract]
    warnings: tuple[Diagnostic, ...] = ()

    def __getitem__(self, name: str) -> SolidityContract:
        if name in self.contracts:
            return self.contracts[name]
        fitting = [each for each in self.contracts.values() if each.name == name]
        if len(fitting) != 1:
            raise KeyError(f"{name!r}: expected one of {', '.join(self.contracts) or 'none'}")
        return fitting[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self.contracts)

    def __len__(self) -> int:
        return len(self.contracts)
