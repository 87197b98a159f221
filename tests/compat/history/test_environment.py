"""What a contract sees of its account, its caller, its transaction and its block."""

from __future__ import annotations

import pytest
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from eth_utils import keccak

from smartvm.compiler.program import Program, init_code

ENVIRONMENT = range(0x30, 0x4B)
OPERANDS = {  # as pushed, the last on top
    "BALANCE": ["self"],
    "CALLDATALOAD": [1],
    "CALLDATACOPY": [40, 2, 0x400],
    "CODECOPY": [30, 0, 0x440],
    "EXTCODESIZE": ["other"],
    "EXTCODECOPY": [20, 1, 0x480, "other"],
    "RETURNDATACOPY": [4, 3, 0x4C0],
    "EXTCODEHASH": ["other"],
    "BLOCKHASH": [1],
    "BLOBHASH": [0],
}
COPIES = {"CALLDATACOPY", "CODECOPY", "EXTCODECOPY", "RETURNDATACOPY"}
MEMORY_SIZE = 0x500


def every_environment_instruction(other: bytes) -> bytes:
    """Code that runs each of them once, logs all that they gave, and returns it."""
    program = Program(dnn=False)
    for word in (0, 0, 8, 0, 0, 4, 50_000):  # so that there is return data: copy 8 zero bytes
        program.push(word)
    program.op("CALL").op("POP")
    addresses = {"self": lambda: program.op("ADDRESS"), "other": lambda: program.push_bytes(other)}
    for index, number in enumerate(ENVIRONMENT):
        mnemonic = PRAGUE_OPCODES[number].mnemonic
        for operand in OPERANDS.get(mnemonic, []):
            program.push(operand) if isinstance(operand, int) else addresses[operand]()
        program.raw(bytes([number]))
        if mnemonic not in COPIES:
            program.push(32 * index).op("MSTORE")
    program.push(MEMORY_SIZE).push(0).op("LOG0")
    return program.push(MEMORY_SIZE).push(0).op("RETURN").bytecode()


def test_the_code_holds_every_environment_instruction():
    code = every_environment_instruction(b"\x11" * 20)
    assert set(ENVIRONMENT) <= set(PRAGUE_OPCODES)
    assert set(ENVIRONMENT) <= set(code)


BLOB_HASH = b"\x01" + keccak(b"blob")[1:]


def every_kind(twins, to: bytes, data: bytes, value: int) -> list:
    """The same request as each of the five kinds of transaction."""
    slot = "0x" + "00" * 32
    access = [{"address": to, "storageKeys": [slot]}]
    return [
        twins.sign(to, data, value=value),
        twins.sign(to, data, value=value, type=1, accessList=access),
        twins.sign(to, data, value=value, type=2, accessList=access),
        twins.sign(
            to, data, value=value, type=3, maxFeePerBlobGas=10**6, blobVersionedHashes=[BLOB_HASH]
        ),
        twins.sign(
            to, data, value=value, type=4, authorizationList=[twins.authorize(to, sender=2)]
        ),
    ]


@pytest.fixture
def observer(twins):
    """A contract, deployed after a few blocks, that runs every environment instruction."""
    for _ in range(3):
        twins.assert_same_history([])
    other = twins.deploy(init_code(b"\x60\x01\x60\x02\x01\x00" * 5))
    return twins.deploy(init_code(every_environment_instruction(other)))


def test_every_environment_instruction(twins, observer):
    outcomes = twins.assert_same_history(every_kind(twins, observer, b"\x07" * 70, value=3))
    assert [outcome.error for outcome in outcomes] == [None] * 5
    words = [
        [int.from_bytes(outcome.output[at : at + 32], "big") for at in range(0, 0x360, 32)]
        for outcome in outcomes
    ]
    seen = {PRAGUE_OPCODES[number].mnemonic: words[3][i] for i, number in enumerate(ENVIRONMENT)}
    assert seen["ADDRESS"] == int.from_bytes(observer, "big")
    assert seen["BLOBHASH"] == int.from_bytes(BLOB_HASH, "big")
    assert seen["CHAINID"] == 1337
    assert seen["BLOBBASEFEE"] > 1
    assert 0 not in [value for name, value in seen.items() if name not in COPIES]


def test_delegated_account_sees_itself(twins, observer):
    """EIP-7702: an account that borrows the observer's code is its own ADDRESS."""
    authorization = twins.authorize(observer, sender=1)
    account = twins.accounts[1]
    outcomes = twins.assert_same_history(
        [
            twins.sign(account, b"\x01", value=9, type=4, authorizationList=[authorization]),
            twins.sign(account, b"\x02", sender=1),
            twins.sign(account, b"\x02", sender=2, gas=33_000),
        ]
    )
    assert [outcome.succeeded for outcome in outcomes] == [True, True, False]
    assert outcomes[0].output[12:32] == account


def test_environment_of_a_compiled_contract(twins, compiled, calldata):
    contract = twins.deploy(compiled("environment"))
    twins.assert_same_history(every_kind(twins, contract, calldata("tell(uint256)", 0), value=7))
    twins.assert_same_history(every_kind(twins, contract, calldata("message()"), value=7))
    for signature in "block_facts()", "ancestors()", "own_code()":
        assert twins.assert_same_call(contract, calldata(signature))
    for target in contract, twins.coinbase, twins.accounts[0], b"\x09".rjust(20, b"\0"):
        assert twins.assert_same_call(contract, calldata("account(address)", target))
        twins.assert_same_call(contract, calldata("code_of(address)", target))
    assert twins.assert_same_call(contract, calldata("blob(uint256)", 0)) == bytes(32)


def test_withdrawals_reach_accounts(twins, withdrawal):
    twins.assert_same_history(
        [twins.sign(twins.accounts[1], value=1)],
        [withdrawal(twins.accounts[1], 10**9), withdrawal(b"\x33" * 20, 1)],
    )
