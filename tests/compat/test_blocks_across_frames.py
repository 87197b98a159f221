"""Weight blocks belong to accounts, and follow calls, reverts and deaths as slots do."""

from __future__ import annotations

import pytest

from smartvm import gas
from smartvm.compiler.program import Program, init_code
from smartvm.exceptions import BlockMissing, StaticWrite
from smartvm.words import Address

pytestmark = pytest.mark.filterwarnings("ignore:SELFDESTRUCT")  # py-evm's deprecation notice

OWNER, OTHER = b"\xaa" * 20, b"\xbb" * 20
BLOCK = 5
COLD = 3 + gas.BASE + 2_100 + 3  # PUSH the address, the base price, a cold block of one word
WARM = 3 + gas.BASE + 100 + 3
WRITE = 100_000  # gas that is enough to write a block


def write(value: int, block: int = BLOCK) -> Program:
    """Write a block of one item, and leave the Buffer as it was."""
    program = Program().op("BUF_ALLO", size=1).op("BUF_FIL", value=value)
    return program.op("BTOS1", first=0, block=block).op("BUF_FREE", size=0)


def add_block(program: Program, block: int = BLOCK) -> Program:
    return program.op("BUF_BIAS", address=Address(block, rows=1))


def read(block: int = BLOCK) -> Program:
    """Return the item of a block."""
    program = add_block(Program().op("BUF_ALLO", size=1), block).op("BTOM", offset=0)
    return program.push(32).push(0).op("RETURN")


def delete(block: int = BLOCK) -> Program:
    return Program().op("BTOS1", first=0, block=block, delete=1)


def call(mnemonic: str, target: bytes, gas: int = WRITE, dnn: bool = True) -> Program:
    """Call without data or value; whether it succeeded is left on the Stack."""
    program = Program(dnn).push(0).push(0).push(0).push(0)
    if mnemonic in ("CALL", "CALLCODE"):
        program.push(0)
    return program.push_bytes(target).push(gas).op(mnemonic)


def returning_the_top(program: Program) -> bytes:
    return program.push(0).op("MSTORE").push(32).push(0).op("RETURN").bytecode()


def top(frame) -> int:
    assert frame.is_success, frame.error
    return int.from_bytes(frame.output, "big")


def item(world, address: bytes, block: int = BLOCK) -> int | None:
    found = world.state.get_block(address, block)
    return None if found is None else found.items.to_ints()[0]


def run(world, program: Program):
    world.put(program.bytecode(), OWNER)
    return world.transact(OWNER)


@pytest.mark.parametrize("dnn", [False, True], ids=["stock caller", "DNN caller"])
@pytest.mark.parametrize("mnemonic", ["CALL", "CALLCODE", "DELEGATECALL"])
def test_a_library_writes_the_blocks_of_the_account_it_runs_in(world, dnn, mnemonic):
    world.put(write(7).bytecode(), OTHER)
    world.put(returning_the_top(call(mnemonic, OTHER, dnn=dnn)), OWNER)
    assert top(world.transact(OWNER)) == 1
    owner, other = (OTHER, OWNER) if mnemonic == "CALL" else (OWNER, OTHER)
    assert item(world, owner) == 7
    assert item(world, other) is None


def test_a_library_reads_the_blocks_of_its_caller(world):
    world.put(write(11).bytecode(), OTHER)
    world.transact(OTHER)
    run(world, write(7))
    world.put(read().bytecode(), OTHER)
    for mnemonic, expected in (
        ("DELEGATECALL", 7),
        ("CALLCODE", 7),
        ("CALL", 11),
        ("STATICCALL", 11),
    ):
        program = call(mnemonic, OTHER).op("POP").push(32).push(0).push(0).op("RETURNDATACOPY")
        assert top(run(world, program.push(32).push(0).op("RETURN"))) == expected


def test_a_delegated_account_has_blocks_of_its_own(world):
    """EIP-7702: the code of a DNN contract, in the account of a person."""
    person = b"\xcc" * 20
    world.put(b"\xef\x01\x00" + OTHER, person)
    world.put(write(3).bytecode(), OTHER)
    assert world.transact(person).is_success
    assert item(world, person) == 3
    assert item(world, OTHER) is None
    world.put(read().bytecode(), OTHER)
    assert top(world.transact(person)) == 3
    frame = run(world, call("CALL", person, dnn=True))
    assert frame._stack.values == [1]


def test_blocks_and_slots_of_one_number_are_apart(world):
    program = write(7, block=1).push(99).push(1).op("SSTORE")
    assert run(world, program).is_success
    assert item(world, OWNER, 1) == 7
    assert world.state.get_storage(OWNER, 1) == 99
    assert run(world, delete(1)).is_success
    assert item(world, OWNER, 1) is None
    assert world.state.get_storage(OWNER, 1) == 99


def test_a_static_call_writes_no_block(world):
    for program in write(7), delete():
        world.put(program.bytecode(), OTHER)
        frame = run(world, call("STATICCALL", OTHER))
        assert frame._stack.values == [0]
        assert type(frame.children[0].error) is StaticWrite
        assert frame.children[0].get_gas_used() == WRITE
    assert item(world, OTHER) is None


@pytest.mark.parametrize("mnemonic", ["CALL", "CALLCODE", "DELEGATECALL"])
@pytest.mark.parametrize("dnn", [False, True], ids=["through stock", "through DNN"])
def test_nothing_below_a_static_call_writes_a_block(world, dnn, mnemonic):
    writer, middle = b"\xcc" * 20, OTHER
    world.put(write(7).bytecode(), writer)
    world.put(call(mnemonic, writer, dnn=dnn).bytecode(), middle)
    frame = run(world, call("STATICCALL", middle, gas=2 * WRITE))
    assert frame._stack.values == [1]
    assert type(frame.children[0].children[0].error) is StaticWrite
    assert all(item(world, address) is None for address in (writer, middle, OWNER))


@pytest.mark.parametrize("ending", ["REVERT", "INVALID"])
def test_a_failing_frame_takes_back_its_blocks(world, ending):
    run(world, write(1, block=1))
    changes = write(7).include(write(2, block=1)).push(0).push(0).op(ending)
    world.put(changes.bytecode(), OTHER)
    frame = run(world, call("DELEGATECALL", OTHER))
    assert frame._stack.values == [0]
    assert item(world, OWNER, BLOCK) is None
    assert item(world, OWNER, 1) == 1


def test_a_failing_frame_takes_back_a_deletion(world):
    run(world, write(7))
    world.put(delete().push(0).push(0).op("REVERT").bytecode(), OTHER)
    run(world, call("DELEGATECALL", OTHER))
    assert item(world, OWNER) == 7
    run(world, delete())
    assert item(world, OWNER) is None


def test_a_success_inside_a_failure_is_taken_back(world):
    inner, outer = b"\xcc" * 20, OTHER
    world.put(write(7).bytecode(), inner)
    program = call("DELEGATECALL", inner, gas=2 * WRITE).op("POP").push(0).push(0).op("REVERT")
    world.put(program.bytecode(), outer)
    frame = run(world, call("DELEGATECALL", outer, gas=4 * WRITE))
    assert frame._stack.values == [0]
    assert frame.children[0].children[0].is_success
    assert item(world, OWNER) is None


def test_a_missing_block_halts_only_its_frame(world):
    world.put(read(404).bytecode(), OTHER)
    frame = run(world, call("CALL", OTHER))
    assert frame._stack.values == [0]
    error = frame.children[0].error
    assert type(error) is BlockMissing
    assert "404" in str(error)
    assert frame.children[0].get_gas_used() == WRITE


def test_self_destruction_in_the_creating_transaction_wipes_the_blocks(world):
    """CREATE2, block and death in one transaction; a second contract there starts without."""
    dying = write(7).op("CALLER").op("SELFDESTRUCT").bytecode()
    factory = Program(dnn=False).data("init", dying).push_size("init").push_offset("init").push(0)
    factory.op("CODECOPY").push(1).push_size("init").push(0).push(0).op("CREATE2")
    world.put(returning_the_top(factory), OWNER)
    for _ in range(2):
        frame = world.transact(OWNER, gas=1_000_000)
        address = frame.output[12:]
        assert address != bytes(20)
        assert frame.children[0].is_success
        assert item(world, address) is None
        assert not world.state.has_block(address, BLOCK)
        assert not world.state.account_exists(address)


def test_self_destruction_later_leaves_the_blocks(world):
    """EIP-6780: an account that is older than the transaction only loses its balance."""
    run(world, write(7))
    run(world, Program().op("CALLER").op("SELFDESTRUCT"))
    assert item(world, OWNER) == 7


def test_blocks_live_until_the_end_of_the_transaction(world):
    """The wipe is at its end: a dead contract that is called again still reads its block."""
    runtime = Program().op("CALLDATASIZE").jump_if("read").op("CALLER").op("SELFDESTRUCT")
    runtime.label("read").include(read())
    init = init_code(runtime.bytecode(), constructor=write(7))
    factory = Program(dnn=False).data("init", init).push_size("init").push_offset("init").push(0)
    factory.op("CODECOPY").push_size("init").push(0).push(0).op("CREATE")
    for data_size in 0, 1:  # the first call destroys, the second reads into Memory
        factory.push(32).push(0).push(data_size).push(0).push(0)
        factory.op("DUP6").push(WRITE).op("CALL").op("POP")
    factory.op("POP").push(32).push(0).op("RETURN")
    world.put(factory.bytecode(), OWNER)
    assert top(world.transact(OWNER)) == 7


# Warm and cold


def metered(program: Program, block: int = BLOCK) -> Program:
    """Read a block into the top map and leave on the Stack what that cost."""
    add_block(program.op("GAS"), block).op("GAS").op("SWAP1").op("SUB")
    return program.push(2).op("SWAP1").op("SUB")  # less the GAS instruction itself


def costs(frame) -> list[int]:
    assert frame.is_success, frame.error
    return frame._stack.values


def start() -> Program:
    return Program().op("BUF_ALLO", size=1)


@pytest.fixture
def stocked(world):
    """The owner has blocks 5 and 6 of one item, another contract has its own 5."""
    run(world, write(7).include(write(8, block=6)))
    world.put(write(9).bytecode(), OTHER)
    world.transact(OTHER)
    return world


def test_the_first_read_is_cold_and_the_next_warm(stocked):
    program = metered(metered(metered(metered(start())), block=6), block=6)
    assert costs(run(stocked, program)) == [COLD, WARM, COLD, WARM]
    assert costs(run(stocked, metered(start()))) == [COLD]  # another transaction


def test_a_write_warms(stocked):
    assert costs(run(stocked, metered(write(1).include(start())))) == [WARM]


def test_warmth_passes_into_calls_and_out_of_them(stocked):
    stocked.put(metered(start()).bytecode(), OTHER)
    program = metered(start()).include(call("DELEGATECALL", OTHER)).op("POP")
    frame = run(stocked, program)
    assert costs(frame) == [COLD]
    assert costs(frame.children[0]) == [WARM]
    program = metered(start().include(call("DELEGATECALL", OTHER)).op("POP"))
    frame = run(stocked, program)
    assert costs(frame.children[0]) == [COLD]
    assert costs(frame) == [WARM]


def test_warmth_is_an_accounts_own(stocked):
    stocked.put(metered(start()).bytecode(), OTHER)
    frame = run(stocked, metered(start()).include(call("CALL", OTHER)).op("POP"))
    assert costs(frame) == costs(frame.children[0]) == [COLD]


@pytest.mark.parametrize("ending", ["REVERT", "INVALID"])
def test_a_failing_frame_takes_back_its_warmth(stocked, ending):
    stocked.put(metered(start()).push(0).push(0).op(ending).bytecode(), OTHER)
    program = metered(start().include(call("DELEGATECALL", OTHER)).op("POP"))
    assert costs(run(stocked, program)) == [COLD]


def test_a_failing_frame_leaves_earlier_warmth(stocked):
    stocked.put(metered(start()).op("INVALID").bytecode(), OTHER)
    program = metered(start()).include(call("DELEGATECALL", OTHER)).op("POP")
    assert costs(run(stocked, metered(program))) == [COLD, WARM]


def test_slots_and_blocks_do_not_warm_each_other(stocked):
    program = Program().push(BLOCK).op("SLOAD").op("POP").include(start())
    assert costs(run(stocked, metered(program))) == [COLD]
    program = metered(start()).op("GAS").push(BLOCK).op("SLOAD").op("POP").op("GAS")
    frame = run(stocked, program.op("SWAP1").op("SUB"))
    assert costs(frame) == [COLD, 3 + 2_100 + 2 + 2]
