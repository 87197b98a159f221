"""Contracts of either kind create contracts of either kind, by init code of either kind."""

from __future__ import annotations

from itertools import product

import pytest
import rlp
from eth.exceptions import InvalidInstruction, OutOfGas, ReservedBytesInCode
from eth_utils import keccak

from smartvm.compiler.program import Program, init_code

MAGIC = b"\xfcDNN\x01"
CREATOR = b"\xaa" * 20
SALT = 77
NAMES = {False: "stock", True: "DNN"}
KINDS = pytest.mark.parametrize(
    ("init", "runtime"),
    tuple(product((False, True), repeat=2)),
    ids=[f"{NAMES[i]} init, {NAMES[r]} runtime" for i, r in product((False, True), repeat=2)],
)
# PUSH size, DUP1, PUSH offset, PUSH0, CODECOPY of one word into new Memory, PUSH0, RETURN
INIT_GAS = 3 + 3 + 3 + 2 + (3 + 3 + 3) + 2
DEPOSIT_PER_BYTE = 200


def where_it_runs(dnn: bool) -> bytes:
    """Runtime code that returns its ADDRESS, whose number tells the kinds apart."""
    program = Program(dnn).op("ADDRESS").push(0).op("MSTORE")
    return program.push(32).push(0).op("RETURN").bytecode()


def creating(dnn: bool, mnemonic: str, init: bytes, value: int = 0) -> bytes:
    """Code that creates a contract and returns its address (0 if that failed)."""
    program = Program(dnn).data("init", init)
    program.push_size("init").push_offset("init").push(0).op("CODECOPY")
    if mnemonic == "CREATE2":
        program.push(SALT)
    program.push_size("init").push(0).push(value).op(mnemonic)
    return program.push(0).op("MSTORE").push(32).push(0).op("RETURN").bytecode()


def expected_address(world, mnemonic: str, init: bytes) -> bytes:
    if mnemonic == "CREATE2":
        return keccak(b"\xff" + CREATOR + SALT.to_bytes(32, "big") + keccak(init))[12:]
    return keccak(rlp.encode([CREATOR, world.state.get_nonce(CREATOR)]))[12:]


@KINDS
@pytest.mark.parametrize("mnemonic", ["CREATE", "CREATE2"])
@pytest.mark.parametrize("creator", [False, True], ids=["stock creator", "DNN creator"])
def test_by_instruction(world, creator, mnemonic, init, runtime):
    code = where_it_runs(runtime)
    constructor = init_code(code, dnn=init)
    world.put(creating(creator, mnemonic, constructor, value=3), CREATOR, balance=10)
    address = expected_address(world, mnemonic, constructor)
    frame = world.transact(CREATOR)
    assert frame.output[12:] == address
    assert world.state.get_code(address) == code
    assert world.state.get_balance(address) == 3
    assert frame.children[0].get_gas_used() == INIT_GAS + DEPOSIT_PER_BYTE * len(code)
    assert world.transact(address).output[12:] == address


@KINDS
def test_by_transaction(world, init, runtime):
    code = where_it_runs(runtime)
    constructor = init_code(code, dnn=init)
    frame = world.transact(b"", constructor)
    address = frame.msg.storage_address
    init_words = -(-len(constructor) // 32)
    assert frame.get_gas_used() == INIT_GAS + DEPOSIT_PER_BYTE * len(code) + 2 * init_words
    assert world.state.get_code(address) == code
    assert world.transact(address).output[12:] == address


@pytest.mark.parametrize("mnemonic", ["CREATE", "CREATE2"])
@pytest.mark.parametrize("init", [False, True], ids=["stock init", "DNN init"])
@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("fe", InvalidInstruction),
        ("60ef5f5360015ff3", ReservedBytesInCode),
        ("6160015ff3", OutOfGas),
    ],
    ids=["halts", "returns the reserved byte 0xEF", "returns 0x6001 bytes, one too many"],
)
def test_failed_creation(world, stock_world, mnemonic, init, body, error):
    """The init code writes, then fails as it may: no code, no storage; the creator goes on."""
    writing = bytes.fromhex("6001600155")
    tail = writing + bytes.fromhex(body)
    frames = []
    for state, constructor in (world, (MAGIC if init else b"") + tail), (stock_world, tail):
        state.put(creating(False, mnemonic, constructor), CREATOR)
        address = expected_address(state, mnemonic, constructor)
        frames.append(frame := state.transact(CREATOR))
        assert frame.is_success
        assert frame.output == bytes(32)
        assert type(frame.children[0].error) is error
        assert state.state.get_code(address) == b""
        assert state.state.get_storage(address, 1) == 0
        assert state.state.get_nonce(CREATOR) == 1
    smart, stock = frames
    assert smart.children[0].get_gas_used() == smart.children[0].msg.gas
    if not init:
        assert smart.get_gas_used() == stock.get_gas_used()


def test_init_code_may_leave_nothing(world):
    frame = world.transact(b"", MAGIC)
    assert frame.is_success
    assert world.state.get_code(frame.msg.storage_address) == b""


def test_marked_init_code_sees_its_own_code(world):
    """CODESIZE in init code counts the magic; it may return itself as the runtime."""
    copy = Program().op("CODESIZE").push(0).push(0).op("CODECOPY").op("CODESIZE").push(0)
    code = copy.op("RETURN").bytecode()
    frame = world.transact(b"", code)
    assert world.state.get_code(frame.msg.storage_address) == code


def test_a_constructor_writes_blocks_of_its_contract(world):
    """Init code uploads a block, the runtime adds it to a zero map, all in one address."""
    constructor = (
        Program().op("BUF_ALLO", size=2).op("BUF_FIL", value=-5).op("BTOS1", first=0, block=9)
    )
    runtime = Program().op("BUF_ALLO", size=2).op("BUF_BIAS", address=9)
    runtime.op("BTOM", offset=0).push(64).push(0).op("RETURN")
    frame = world.transact(b"", init_code(runtime.bytecode(), constructor=constructor))
    address = frame.msg.storage_address
    assert world.state.has_block(address, 9)
    assert world.transact(address).output == (-5).to_bytes(32, "big", signed=True) * 2


def test_the_same_address_twice(world):
    """CREATE2 onto a contract that is there fails as in Ethereum, whatever the kinds."""
    constructor = init_code(where_it_runs(True), dnn=True)
    world.put(creating(True, "CREATE2", constructor), CREATOR)
    assert world.transact(CREATOR).output != bytes(32)
    assert world.transact(CREATOR).output == bytes(32)
