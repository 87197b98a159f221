"""Every instruction of Ethereum gives in a DNN contract what it gives in an ordinary one."""

from __future__ import annotations

from inspect import unwrap

import pytest
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES

from smartvm.opcodes.table import RELOCATION

pytestmark = pytest.mark.filterwarnings("ignore:SELFDESTRUCT")  # py-evm's deprecation notice

MAGIC = b"\xfcDNN\x01"
ADDRESS, LIBRARY = b"\xaa" * 20, b"\xbb" * 20
LIBRARY_CODE = bytes.fromhex("6001546001016001555f355f5260075f5fa160205ff3")
NAMES = {number: unwrap(opcode).mnemonic for number, opcode in PRAGUE_OPCODES.items()}
COUNT_THE_MAGIC = {"PC", "CODESIZE", "CODECOPY", "JUMP", "JUMPI"}
DATA = bytes(range(100, 180))


def run(world, code: bytes):
    world.put(LIBRARY_CODE, LIBRARY, balance=5)
    world.put(code, ADDRESS, balance=7)
    return world.transact(ADDRESS, DATA, value=11, gas=200_000)


def both(world, stock_world, before: bytes, number: int, after: bytes = b""):
    """The frames of `before`, the instruction, `after`: stock, and marked with its own number."""
    marked = before + bytes([RELOCATION.get(number, number)]) + after
    return run(stock_world, before + bytes([number]) + after), run(world, MAGIC + marked)


def push_all(*words: int) -> bytes:
    return b"".join(b"\x7f" + word.to_bytes(32, "big") for word in words)


OPERANDS = {
    "small": (33,) * 17,
    "zero": (0,) * 17,
    "great": (2**256 - 1,) * 17,
    "an account": (int.from_bytes(LIBRARY, "big"),) * 17,
    "a call": (0,) * 9 + (33, 5, 33, 2, 0, int.from_bytes(LIBRARY, "big"), 50_000),
    "too few": (),
}


@pytest.mark.parametrize("operands", OPERANDS.values(), ids=OPERANDS.keys())
def test_every_stock_instruction(world, stock_world, words, operands):
    for number, name in NAMES.items():
        if name in COUNT_THE_MAGIC:
            continue
        stock, marked = both(world, stock_world, push_all(*operands), number, b"\x5b" * 33)
        assert repr(marked._error) == repr(stock._error).replace(
            f"@ {len(push_all(*operands))}", f"@ {len(push_all(*operands)) + 5}"
        ), name
        assert words(marked) == words(stock), name
        assert marked._memory._bytes == stock._memory._bytes, name
        assert marked.get_gas_used() == stock.get_gas_used(), name
        assert marked.output == stock.output, name
        assert marked.get_log_entries() == stock.get_log_entries(), name


EXPECTED = {
    "ADDRESS": int.from_bytes(ADDRESS, "big"),
    "CALLVALUE": 11,
    "CALLDATASIZE": 80,
    "GASPRICE": 2_000_000_000,
}


@pytest.mark.parametrize("number", RELOCATION, ids=[NAMES[number] for number in RELOCATION])
def test_each_relocated_instruction(world, stock_world, number):
    """By name, so that a wrong relocation of two instructions that are alike would show."""
    name = NAMES[number]
    address = int.from_bytes(LIBRARY, "big")
    operands = {"BALANCE": (address,), "CALLDATALOAD": (3,)}
    copies = {"CALLDATACOPY": (40, 3, 64), "CODECOPY": (30, 0, 64)}
    before = push_all(*operands.get(name, copies.get(name, ())))
    stock, marked = both(world, stock_world, before, number)
    assert stock.is_success
    assert marked.is_success
    assert marked.get_gas_used() == stock.get_gas_used()
    own = {"ORIGIN": world.sender, "CALLER": world.sender}
    expected = EXPECTED | {
        "BALANCE": 5,
        "CALLDATALOAD": int.from_bytes(DATA[3:35], "big"),
        "CODESIZE": len(MAGIC) + 1,
        **{name: int.from_bytes(value, "big") for name, value in own.items()},
    }
    if name in copies:
        source = DATA[3:43] if name == "CALLDATACOPY" else (MAGIC + before)[:30]
        assert bytes(marked._memory._bytes)[64:].rstrip(b"\0") == source.rstrip(b"\0")
    else:
        assert marked._stack.pop1_int() == expected[name]


def test_a_displaced_number_is_no_stock_instruction_in_marked_code(world):
    for number in RELOCATION:
        frame = run(world, MAGIC + bytes([number]))
        assert frame.is_error
        assert frame.get_gas_used() == frame.msg.gas
