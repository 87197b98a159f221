"""What the owner of a model contract can do, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from eth_abi import decode, encode
from eth_utils import function_signature_to_4byte_selector, keccak

import smartvm
from smartvm.chain import Account, Chain, ExecutionFailed
from smartvm.compiler.abi import decode_uint256, encode_call, event_topic
from smartvm.compiler.contract import ModelContract, build_contract
from smartvm.compiler.contract_abi import (
    BLOCKS_SET,
    FREEZE,
    FROZEN,
    IS_FROZEN,
    OWNER,
    OWNERSHIP_TRANSFERRED,
    PREDICT,
    SET_BLOCK,
    SET_BLOCKS,
    TRANSFER_OWNERSHIP,
    VERSION,
)
from smartvm.compiler.contract_code import ERRORS
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.sequential import Sequential
from smartvm.execution import CALLER, CONTRACT

Call = Callable[..., smartvm.Execution]
Refusal = Callable[[smartvm.Execution], str]

CALLER_WORD = int.from_bytes(CALLER, "big")
ONE_VERSION = 1 << 160
IS_FROZEN_BIT = 1 << 255
OWNER_CALLS = {
    SET_BLOCK: encode_call(SET_BLOCK, 1, 1, b"\1"),
    SET_BLOCKS: encode_call(SET_BLOCKS, 1, 1, [b"\1"]),
    FREEZE: encode_call(FREEZE),
    TRANSFER_OWNERSHIP: encode_call(TRANSFER_OWNERSHIP, 7),
}


@pytest.fixture(scope="module")
def contract() -> ModelContract:
    network = Sequential("sum", (2,), scale=1, input_range=Interval(-128, 127))
    return build_contract(network.fully_connected("fc", np.array([[1, 1]]), np.array([0])).graph)


def packed(values: list[int], item_bytes: int) -> bytes:
    return b"".join(value.to_bytes(item_bytes, "big", signed=True) for value in values)


def slot(execution: smartvm.Execution) -> int:
    return execution.state.get_storage(CONTRACT, 0)


@pytest.mark.parametrize(
    ("item_bytes", "values"),
    [(1, [0, -128, 127]), (2, [-32768]), (3, [1, -(2**23)]), (32, [2**255 - 1, -(2**255)])],
)
def test_set_block_writes_a_block(
    call: Call, contract: ModelContract, item_bytes: int, values: list[int]
) -> None:
    calldata = encode_call(SET_BLOCK, 2**64 - 1, item_bytes, packed(values, item_bytes))
    execution = call(contract, calldata).raise_for_error()
    block = execution.state.get_block(CONTRACT, 2**64 - 1)
    assert block.item_bytes == item_bytes
    assert list(block.items) == values
    assert execution.output == b""


@pytest.mark.parametrize("item_bytes", [1, 3])
def test_set_blocks_writes_consecutive_blocks(
    call: Call, contract: ModelContract, item_bytes: int
) -> None:
    values = [[1, -2, 3], [7] * 50, [-128]]
    items = [packed(block, item_bytes) for block in values]
    execution = call(contract, encode_call(SET_BLOCKS, 40, item_bytes, items)).raise_for_error()
    for number, expected in enumerate(values, start=40):
        block = execution.state.get_block(CONTRACT, number)
        assert (block.item_bytes, list(block.items)) == (item_bytes, expected)
    assert execution.state.get_block(CONTRACT, 43) is None
    assert execution.buffer == []


@pytest.mark.parametrize("function", [SET_BLOCK, SET_BLOCKS])
def test_each_write_counts_the_version_up_and_logs_it(
    call: Call, contract: ModelContract, function: str
) -> None:
    before = CALLER_WORD + 41 * ONE_VERSION
    execution = call(contract, OWNER_CALLS[function], storage={0: before}).raise_for_error()
    assert slot(execution) == before + ONE_VERSION
    assert execution.logs == ((CONTRACT, (event_topic(BLOCKS_SET),), (42).to_bytes(32, "big")),)


def test_slot_0_holds_owner_version_and_whether_it_is_frozen(
    call: Call, contract: ModelContract
) -> None:
    storage = {0: CALLER_WORD + 41 * ONE_VERSION + IS_FROZEN_BIT}
    answers = [
        decode_uint256(call(contract, encode_call(name), storage=storage, static=True).output)
        for name in (OWNER, VERSION, IS_FROZEN)
    ]
    assert answers == [CALLER_WORD, 41, 1]
    assert decode_uint256(call(contract, encode_call(IS_FROZEN)).output) == 0


@pytest.mark.parametrize("function", OWNER_CALLS)
def test_only_the_owner_may(
    call: Call, refusal: Refusal, contract: ModelContract, function: str
) -> None:
    execution = call(contract, OWNER_CALLS[function], storage={0: CALLER_WORD + 1})
    assert refusal(execution) == ERRORS["not_owner"]


def test_freeze_forbids_every_later_write(
    call: Call, refusal: Refusal, contract: ModelContract
) -> None:
    execution = call(contract, encode_call(FREEZE)).raise_for_error()
    assert execution.logs == ((CONTRACT, (event_topic(FROZEN),), b""),)
    frozen = {0: slot(execution)}
    assert frozen == {0: CALLER_WORD + IS_FROZEN_BIT}
    for function in (SET_BLOCK, SET_BLOCKS):
        execution = call(contract, OWNER_CALLS[function], storage=frozen)
        assert refusal(execution) == ERRORS["is_frozen"]
    assert slot(call(contract, encode_call(FREEZE), storage=frozen)) == frozen[0]


def test_ownership_goes_to_any_address(call: Call, contract: ModelContract) -> None:
    others = 3 * ONE_VERSION + IS_FROZEN_BIT
    calldata = encode_call(TRANSFER_OWNERSHIP, 2**160 - 1)
    execution = call(contract, calldata, storage={0: CALLER_WORD + others}).raise_for_error()
    assert slot(execution) == 2**160 - 1 + others
    topics = (event_topic(OWNERSHIP_TRANSFERRED), CALLER_WORD, 2**160 - 1)
    assert execution.logs == ((CONTRACT, topics, b""),)


@pytest.mark.parametrize("owner", [0, 2**160, 2**256 - 1])
def test_ownership_goes_to_addresses_only(
    call: Call, refusal: Refusal, contract: ModelContract, owner: int
) -> None:
    execution = call(contract, encode_call(TRANSFER_OWNERSHIP, owner))
    assert refusal(execution) == ERRORS["bad_owner"]
    cut = call(contract, encode_call(TRANSFER_OWNERSHIP, 1 << 8)[:-1])
    assert refusal(cut) == ERRORS["bad_owner"]


MALFORMED = [
    (1 << 64, 1, b"\1"),
    (2**256 - 1, 1, b"\1"),
    (1, 0, b"\1"),
    (1, 33, bytes(33)),
    (1, 2**256 - 1, b"\1"),
    (1, 2, b"\1\2\3"),
    (1, 1, b""),
    (1, 1, bytes((1 << 20) + 1)),
]


@pytest.mark.parametrize(("number", "item_bytes", "items"), MALFORMED)
def test_a_malformed_block_is_refused(
    call: Call,
    refusal: Refusal,
    contract: ModelContract,
    number: int,
    item_bytes: int,
    items: bytes,
) -> None:
    single = encode_call(SET_BLOCK, number, item_bytes, items)
    assert refusal(call(contract, single)) == ERRORS["bad_block"]
    several = encode_call(SET_BLOCKS, number, item_bytes, [items])
    assert refusal(call(contract, several)) == ERRORS["bad_block"]


def test_one_malformed_block_of_several_undoes_all(call: Call, contract: ModelContract) -> None:
    execution = call(contract, encode_call(SET_BLOCKS, 40, 2, [b"\0\1", b"\0\1\2"]), blocks={})
    assert not execution.is_success
    assert execution.state.get_block(CONTRACT, 40) is None


def test_numbers_end_at_2_to_the_64(call: Call, contract: ModelContract) -> None:
    last = encode_call(SET_BLOCKS, 2**64 - 1, 1, [b"\1"])
    assert call(contract, last).is_success
    assert not call(contract, encode_call(SET_BLOCKS, 2**64 - 1, 1, [b"\1", b"\1"])).is_success


@pytest.mark.parametrize("kept", [4, 36, 68, 100, 132, 135])
def test_a_cut_block_is_refused(
    call: Call, refusal: Refusal, contract: ModelContract, kept: int
) -> None:
    calldata = encode_call(SET_BLOCK, 1, 1, b"\1\2\3\4")[:kept]
    assert refusal(call(contract, calldata)) == ERRORS["bad_block"]


@pytest.mark.parametrize("kept", [4, 36, 68, 100, 132, 164, 196, 199, 200, 231])
def test_cut_blocks_are_refused(
    call: Call, refusal: Refusal, contract: ModelContract, kept: int
) -> None:
    calldata = encode_call(SET_BLOCKS, 1, 1, [b"\1\2\3\4", b"\5\6"])[:kept]
    assert refusal(call(contract, calldata)) == ERRORS["bad_block"]


@pytest.mark.parametrize("count", [0, 3, 1 << 32, 1 << 64, 2**256 - 1])
def test_a_wrong_number_of_blocks_is_refused(
    call: Call, refusal: Refusal, contract: ModelContract, count: int
) -> None:
    usual = encode_call(SET_BLOCKS, 1, 1, [b"\1"])
    calldata = usual[:100] + count.to_bytes(32, "big") + usual[132:-64]
    assert refusal(call(contract, calldata)) == ERRORS["bad_block"]


def test_the_json_abi_says_how_each_function_is_called(contract: ModelContract) -> None:
    chain = Chain()
    address = chain.deploy(contract.init_code).contract
    functions = {e["name"]: e for e in contract.abi if e["type"] == "function"}
    samples = {"uint256": 1, "bytes": b"\1", "bytes[]": [b"\1"], "address": CALLER}
    for name, entry in functions.items():
        types = [argument["type"] for argument in entry["inputs"]]
        values = [bytes(2) if name == "predict" else samples[kind] for kind in types]
        signature = f"{name}({','.join(types)})"
        calldata = function_signature_to_4byte_selector(signature) + encode(types, values)
        if name == "predict":
            chain.transact(address, encode_call(SET_BLOCK, 1, 1, b"\1\1"))
            chain.transact(address, encode_call(SET_BLOCK, 2, 1, b"\0"))
        output = chain.call(address, calldata)
        decode([result["type"] for result in entry["outputs"]], output)
    events = {e["name"] for e in contract.abi if e["type"] == "event"}
    assert events == {"BlocksSet", "Frozen", "OwnershipTransferred"}
    assert len(functions) == 12


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def address(chain: Chain, contract: ModelContract) -> bytes:
    created = chain.deploy(contract.init_code).contract
    assert created is not None
    return created


def test_a_layer_is_updated_by_its_owner_and_governed_by_the_next(
    chain: Chain, address: bytes
) -> None:
    owner, other = chain.accounts[:2]
    chain.transact(address, encode_call(SET_BLOCKS, 1, 1, [b"\1\1", b"\0"]))
    assert predict(chain, address) == 7
    chain.transact(address, encode_call(SET_BLOCK, 2, 1, b"\x05"))
    assert predict(chain, address) == 12
    chain.transact(address, encode_call(TRANSFER_OWNERSHIP, int.from_bytes(other.address, "big")))
    with pytest.raises(ExecutionFailed, match="only the owner"):
        write(chain, address, owner)
    write(chain, address, other)
    assert predict(chain, address) == -1
    assert decode_uint256(chain.call(address, encode_call(VERSION))) == 3
    chain.transact(address, encode_call(FREEZE), sender=other)
    with pytest.raises(ExecutionFailed, match="the model is frozen"):
        write(chain, address, other)


def write(chain: Chain, address: bytes, sender: Account) -> None:
    chain.transact(address, encode_call(SET_BLOCK, 2, 1, b"\xf8"), sender=sender)


def predict(chain: Chain, address: bytes) -> int:
    output = chain.call(address, encode_call(PREDICT, b"\3\4"))
    ((result,),) = decode(["int256[]"], output)
    return result


VOTE = """
# pragma version ^0.4.0
interface Model:
    def predict(input: Bytes[2]) -> DynArray[int256, 4]: view
    def setBlock(number: uint256, itemBytes: uint256, items: Bytes[4]): nonpayable
    def modelHash() -> bytes32: view

@external
def decide(model: address, votes: uint256, items: Bytes[4]) -> int256:
    assert votes > 2
    extcall Model(model).setBlock(2, 1, items)
    return (staticcall Model(model).predict(b"\\x03\\x04"))[0]

@external
@view
def name(model: address) -> bytes32:
    return staticcall Model(model).modelHash()
"""


def test_a_contract_in_a_common_language_can_own_and_call_it(
    chain: Chain, address: bytes, contract: ModelContract
) -> None:
    vyper = pytest.importorskip("vyper", reason="Vyper compiles the contract")
    compiled = vyper.compile_code(VOTE, output_formats=["bytecode"])
    vote = chain.deploy(bytes.fromhex(compiled["bytecode"].removeprefix("0x"))).contract
    chain.transact(address, encode_call(SET_BLOCKS, 1, 1, [b"\1\1", b"\0"]))
    chain.transact(address, encode_call(TRANSFER_OWNERSHIP, int.from_bytes(vote, "big")))
    arguments = encode(["address", "uint256", "bytes"], [address, 3, b"\x0a"])
    call = keccak(text="decide(address,uint256,bytes)")[:4] + arguments
    assert int.from_bytes(chain.transact(vote, call).output, "big") == 17
    name = keccak(text="name(address)")[:4] + encode(["address"], [address])
    assert chain.call(vote, name) == contract.model_hash
