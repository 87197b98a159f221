"""Artefacts: linking, and finding a contract by its name."""

from __future__ import annotations

import pytest

from smartvm.compiler.solidity import Compilation, SolidityContract
from smartvm.exceptions import SmartVMError

LIBRARY = "lib/Math.sol:Math"
ADDRESS = "0x" + "ab" * 20
MARK = "__$1234567890123456789012345678901234$__"


def contract(source: str = "A.sol", name: str = "A") -> SolidityContract:
    places = {"lib/Math.sol": {"Math": [{"start": 1, "length": 20}, {"start": 22, "length": 20}]}}
    return SolidityContract(
        source=source,
        name=name,
        abi=[],
        bytecode=f"73{MARK}73{MARK}00",
        deployed_bytecode="00",
        link_references=places,
        deployed_link_references={},
        immutable_references={},
        method_identifiers={},
        storage_layout={},
        transient_storage_layout={},
        devdoc={},
        userdoc={},
        yul="",
    )


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS[2:], bytes.fromhex(ADDRESS[2:])])
def test_linking(address):
    assert contract().libraries == [LIBRARY]
    expected = "73" + "ab" * 20 + "73" + "ab" * 20 + "00"
    assert contract().init_code({LIBRARY: address}).hex() == expected


@pytest.mark.parametrize(
    ("libraries", "message"),
    [
        (None, "Math: expected the address of this library, found none"),
        ({LIBRARY: "0x12"}, "expected an address of 20 bytes, found '0x12'"),
        ({LIBRARY: "math"}, "expected an address of 20 bytes, found 'math'"),
    ],
)
def test_what_cannot_be_linked(libraries, message):
    with pytest.raises(SmartVMError, match=message):
        contract().init_code(libraries)


def test_a_name_is_enough_where_only_one_contract_has_it():
    contracts = [contract(), contract("B.sol"), contract("B.sol", "C")]
    compilation = Compilation({each.full_name: each for each in contracts})
    assert list(compilation) == ["A.sol:A", "B.sol:A", "B.sol:C"]
    assert compilation["C"] is contracts[2]
    assert compilation["B.sol:A"] is contracts[1]
    for name in ("A", "D"):
        with pytest.raises(KeyError, match=r"expected one of A\.sol:A, B\.sol:A, B\.sol:C"):
            compilation[name]
