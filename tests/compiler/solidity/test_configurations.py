"""Ordinary contracts do the same as DNN contracts as from stock solc on the stock VM."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from smartvm.compiler.solidity import Settings, compile_sources
from smartvm.vm import MAGIC

SOURCE = "Configurations.sol"
TEXT = (Path(__file__).parent / "contracts" / SOURCE).read_text()
LIBRARY = f"{SOURCE}:Sums"
PAYEE = "0xBEbeBeBEbeBebeBeBEBEbebEBeBeBebeBeBebebe"
ITEM = ("a name", [1, -2, 3], b"\x30\x31\x3a")
LONG_ITEM = ("n" * 100, [-(2**63), 2**63 - 1, 0], bytes(range(0x21, 0x40)) * 3)


class Use(NamedTuple):
    """What is done with a contract: its constructor's arguments, then calls of `run`."""

    arguments: tuple[Any, ...]
    calls: list[tuple[Any, ...]]
    value: int = 0


USES = {
    "Children": Use((), [(1,), (4,)], value=100),
    "Salted": Use((), [(b"\x30" * 32,), (b"\x3a" * 32,)], value=20),
    "Linked": Use((), [(5,), (0x303132,)]),
    "Immutables": Use((7, True), [(9,), (2,)]),
    "Trying": Use((), [(n,) for n in range(7)], value=11),
    "Transient": Use((), [(0,), (3,)]),
    "Delegating": Use((), [(5,)], value=6),
    "SelfCopying": Use((), [(1,)]),
    "Ether": Use((), [(PAYEE,), (PAYEE,)], value=800),
    "Tables": Use((), [(ITEM, 1), (LONG_ITEM, 1), (ITEM, 0)]),
    "Coding": Use((), [(bytes(range(0x30, 0x3B)) * 9, b"\x22" * 32, b"\x33" * 32, 27)], value=3),
    "Assembly": Use((), [(0,), (0x30,), (3,)], value=9),
}


@pytest.fixture(scope="module")
def ours(solc):
    return compile_sources({SOURCE: TEXT}, settings=Settings(solc=solc))


@pytest.fixture(scope="module")
def stocks(solc):
    settings = {
        "viaIR": True,
        "optimizer": {"enabled": True, "runs": 200},
        "evmVersion": "prague",
        "metadata": {"appendCBOR": False},
        "outputSelection": {"*": {"*": ["abi", "storageLayout", "evm"]}},
    }
    request = {"language": "Solidity", "sources": {SOURCE: {"content": TEXT}}, "settings": settings}
    with solc.session() as compile_one:
        output = compile_one(request)
    return output["contracts"][SOURCE]


def used(side: Any, use: Use, abi: Any, code: bytes) -> dict[str, Any]:
    """All that a use of a contract leaves behind."""
    contract = side.deploy(abi, code, *use.arguments)
    seen = []
    for arguments in use.calls:
        call = contract.functions.run(*arguments)
        value = use.value if use.value else 0
        answer = call.call({"value": value, "gas": 5_000_000})
        receipt = side.send(call, value)
        logs = [(log.topics, log.data) for log in receipt.logs]
        own = [log.address == contract.address for log in receipt.logs]
        seen.append((answer, receipt.status, logs, own))
    return {
        "address": contract.address,
        "calls": seen,
        "storage": side.storage_root(contract),
        "balances": [side.web3.eth.get_balance(each) for each in (contract.address, PAYEE)],
    }


def linked(code: str, references: Any, address: str) -> bytes:
    for place in references.get(SOURCE, {}).get("Sums", ()):
        start = 2 * place["start"]
        code = code[:start] + address[2:] + code[start + 40 :]
    return bytes.fromhex(code)


@pytest.mark.parametrize("name", USES)
def test_it_does_the_same_as_from_stock_solc(name, ours, stocks, side, stock_side):
    stock, contract = stocks[name]["evm"]["bytecode"], ours[name]
    stock_library = stock_side.deploy(
        [], bytes.fromhex(stocks["Sums"]["evm"]["bytecode"]["object"])
    )
    library = side.deploy([], ours["Sums"].init_code())
    assert library.address == stock_library.address
    stock_code = linked(stock["object"], stock["linkReferences"], library.address)
    code = contract.init_code({LIBRARY: library.address})

    left = used(side, USES[name], contract.abi, code)
    assert left == used(stock_side, USES[name], stocks[name]["abi"], stock_code)
    assert all(status == 1 for _, status, _, _ in left["calls"])


def test_interface_and_layout_are_those_of_solc(ours, stocks):
    for name in USES:
        assert ours[name].abi == stocks[name]["abi"]
        assert ours[name].method_identifiers == stocks[name]["evm"]["methodIdentifiers"]
        assert ours[name].storage_layout == stocks[name]["storageLayout"]


def test_the_magic_comes_first_in_every_code(ours):
    """In init code, runtime code, and the codes of children inside them."""
    begin = f'code {{ verbatim_0i_0o(hex"{MAGIC.hex()}")'
    for contract in ours.values():
        assert contract.bytecode.startswith(MAGIC.hex())
        assert contract.deployed_bytecode.startswith(MAGIC.hex())
        assert contract.yul.count(begin) == contract.yul.count("object ")
    assert ours["Children"].yul.count(begin) == 4


def test_children_have_the_code_of_their_artefacts(ours):
    """Whoever computes the address of a CREATE2 from an artefact is right."""
    for parent, child in ("Children", "Child"), ("Salted", "Child"), ("Delegating", "Delegate"):
        assert ours[child].bytecode in ours[parent].bytecode


def test_the_magic_costs_little_code(ours, stocks):
    """Five bytes an object; verbatims that the last optimiser cannot see through add a few."""
    for name in USES:
        stock = len(stocks[name]["evm"]["deployedBytecode"]["object"])
        assert len(ours[name].deployed_bytecode) < 1.1 * stock + 20
