"""Ordinary and DNN contracts call each other, and each frame keeps to its own kind."""

from __future__ import annotations

from itertools import product

import pytest

from smartvm import gas
from smartvm.compiler.program import Program
from smartvm.exceptions import MapMissing

CALLER, CALLEE = b"\xaa" * 20, b"\xbb" * 20
KINDS = pytest.mark.parametrize(
    ("outer", "inner"),
    tuple(product((False, True), repeat=2)),
    ids=["stock to stock", "stock to DNN", "DNN to stock", "DNN to DNN"],
)
CALLS = ("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL")
CHILD_GAS = 50_000


def calling(dnn: bool, mnemonic: str, value: int = 0, gas: int = CHILD_GAS) -> Program:
    """Call CALLEE with this frame's calldata; whether it succeeded is left on the Stack."""
    program = Program(dnn).op("CALLDATASIZE").push(0).push(0).op("CALLDATACOPY")
    program.push(0).push(0).op("CALLDATASIZE").push(0)
    if mnemonic in ("CALL", "CALLCODE"):
        program.push(value)
    return program.push_bytes(CALLEE).push(gas).op(mnemonic)


def forwarding(program: Program) -> bytes:
    """The code that then returns what it was told, with the success as a first word."""
    program.push(0).op("MSTORE").op("RETURNDATASIZE").push(0).push(32).op("RETURNDATACOPY")
    return program.op("RETURNDATASIZE").push(32).op("ADD").push(0).op("RETURN").bytecode()


def reporting(dnn: bool) -> bytes:
    """Code that returns where it runs, who calls it, with what value and what data."""
    program = Program(dnn)
    for index, mnemonic in enumerate(("ADDRESS", "CALLER", "CALLVALUE", "CALLDATASIZE", "ORIGIN")):
        program.op(mnemonic).push(32 * index).op("MSTORE")
    program.push(0).op("CALLDATALOAD").push(160).op("MSTORE")
    return program.push(192).push(0).op("RETURN").bytecode()


def run(world, outer: bytes, inner: bytes, data: bytes = b"", **options):
    world.put(outer, CALLER, balance=100)
    world.put(inner, CALLEE)
    return world.transact(CALLER, data, **options)


def words(frame) -> list[int]:
    return [
        int.from_bytes(frame.output[at : at + 32], "big") for at in range(0, len(frame.output), 32)
    ]


@KINDS
@pytest.mark.parametrize("mnemonic", CALLS)
def test_context_of_each_call(world, stock_world, outer, inner, mnemonic):
    caller, callee, sender = (int.from_bytes(a, "big") for a in (CALLER, CALLEE, world.sender))
    data = bytes(range(1, 41))
    here = caller if mnemonic in ("CALLCODE", "DELEGATECALL") else callee
    by = sender if mnemonic == "DELEGATECALL" else caller
    value = {"DELEGATECALL": 9, "STATICCALL": 0}.get(mnemonic, 4)
    expected = [1, here, by, value, len(data), sender, int.from_bytes(data[:32], "big")]

    code = forwarding(calling(outer, mnemonic, value=4))
    frame = run(world, code, reporting(inner), data, value=9)
    assert words(frame) == expected
    stock = run(
        stock_world, forwarding(calling(False, mnemonic, value=4)), reporting(False), data, value=9
    )
    assert words(stock) == expected
    assert frame.get_gas_used() == stock.get_gas_used()


def test_the_gas_of_a_call_into_a_dnn_contract(world):
    """A cold account 2,600, no value, and what the callee used, to the unit."""
    inner = Program().op("BUF_ALLO", size=1).bytecode()
    code = calling(False, "CALL").bytecode()
    frame = run(world, code, inner)
    pushes = 2 + 2 + 2 + 3 + 2 + 2 + 2 + 2 + 2 + 3 + 3  # PUSH0 and CALLDATASIZE 2, PUSH 3, copy 3
    buf_allo = 3 + gas.BASE + 0 + 3  # PUSH, the base price, 1/16 for an item, a word of Buffer
    assert frame.children[0].get_gas_used() == buf_allo
    assert frame.get_gas_used() == pushes + 2_600 + buf_allo


@KINDS
@pytest.mark.parametrize("mnemonic", CALLS)
def test_reverts_give_back_gas_and_data(world, stock_world, outer, inner, mnemonic):
    def reverting(dnn: bool) -> bytes:
        program = Program(dnn).push(0xBAD).push(0).op("MSTORE")
        return program.push(32).push(0).op("REVERT").bytecode()

    frame = run(world, forwarding(calling(outer, mnemonic)), reverting(inner))
    stock = run(stock_world, forwarding(calling(False, mnemonic)), reverting(False))
    assert words(frame) == words(stock) == [0, 0xBAD]
    assert frame.get_gas_used() == stock.get_gas_used()


@KINDS
@pytest.mark.parametrize("mnemonic", CALLS)
def test_exceptional_halts_burn_the_callees_gas(world, stock_world, outer, inner, mnemonic):
    """The callee writes and logs where it may, then halts; the caller goes on without a trace."""

    def halting(dnn: bool) -> bytes:
        program = Program(dnn)
        if mnemonic != "STATICCALL":
            program.push(1).push(1).op("SSTORE").push(0).push(0).op("LOG0")
        return program.op("INVALID").bytecode()

    frame = run(world, forwarding(calling(outer, mnemonic)), halting(inner))
    stock = run(stock_world, forwarding(calling(False, mnemonic)), halting(False))
    assert words(frame) == [0]
    assert frame.children[0].get_gas_used() == CHILD_GAS
    assert frame.get_gas_used() == stock.get_gas_used()
    assert frame.get_log_entries() == ()
    assert world.state.make_state_root() != b""
    for address in CALLER, CALLEE:
        assert world.state.get_storage(address, 1) == 0


@KINDS
def test_static_calls_stay_static(world, outer, inner):
    inner_code = Program(inner).push(1).push(1).op("SSTORE").bytecode()
    frame = run(world, forwarding(calling(outer, "STATICCALL")), inner_code)
    assert words(frame) == [0]


def filled(value: int, count: int) -> Program:
    """Push a map of equal items."""
    return Program().op("BUF_ALLO", size=count).op("BUF_FIL", value=value)


def test_an_ordinary_contract_uses_a_dnn_contract(world):
    """calldata (two words) → a map → times −3 → words."""
    program = Program().push(64).push(0).push(0).op("CALLDATACOPY").op("MTOB", offset=0, count=2)
    program.op("BUF_SCL0", times=-3).op("BTOM", offset=0, count=2)
    inner = program.push(64).push(0).op("RETURN").bytecode()
    data = (5).to_bytes(32, "big") + (-7 % 2**256).to_bytes(32, "big")
    frame = run(world, forwarding(calling(False, "STATICCALL")), inner, data)
    assert words(frame) == [1, -15 % 2**256, 21]


def test_each_frame_has_its_own_buffer(world):
    """The callee finds an empty Buffer, and what it leaves there does not reach the caller."""
    outer = filled(7, count=2).include(calling(True, "CALL")).op("POP")
    outer = outer.op("BTOM", offset=0, count=2).push(64).push(0).op("RETURN").bytecode()
    frame = run(world, outer, filled(9, count=3).bytecode())
    assert words(frame) == [7, 7]
    assert [list(tensor) for tensor in frame.buffer.maps] == [[7, 7]]
    assert [list(tensor) for tensor in frame.children[0].buffer.maps] == [[9, 9, 9]]


@pytest.mark.parametrize("mnemonic", CALLS)
def test_no_call_passes_maps_on(world, mnemonic):
    outer = forwarding(filled(7, count=2).include(calling(True, mnemonic)))
    frame = run(world, outer, Program().op("BUF_FIL", value=1).bytecode())
    assert words(frame) == [0]
    assert type(frame.children[0].error) is MapMissing


def test_a_contract_that_calls_itself_starts_with_an_empty_buffer(world):
    """The inner frame has no calldata and returns the Buffer's lack; the outer one has some."""
    program = Program().op("CALLDATASIZE").jump_if("outer").op("BUF_FIL", value=1).op("STOP")
    program.label("outer").op("BUF_ALLO", size=1)
    program.push(0).push(0).push(0).push(0).push(0).op("ADDRESS").push(CHILD_GAS).op("CALL")
    frame = run(world, forwarding(program), b"", b"\x01")
    assert words(frame) == [0]
    assert type(frame.children[0].error) is MapMissing


def test_ordinary_frames_have_no_buffer(world):
    frame = run(world, forwarding(calling(False, "CALL")), filled(9, count=1).bytecode())
    assert words(frame) == [1]
    assert not hasattr(frame, "buffer")


def test_delegating_into_the_other_kind_keeps_the_callees_kind(world):
    """DELEGATECALL runs foreign code in one's own account: the code decides, not the account."""
    for outer, inner in product((False, True), repeat=2):
        opcode = b"\xb0" if inner else b"\x30"  # ADDRESS in the callee's numbering
        code = (b"\xfcDNN\x01" if inner else b"") + opcode + bytes.fromhex("5f5260205ff3")
        frame = run(world, forwarding(calling(outer, "DELEGATECALL")), code)
        assert words(frame) == [1, int.from_bytes(CALLER, "big")]
