"""DNN contracts in blocks: the same history on every backend, and none on a stock node."""

from __future__ import annotations

from smartvm.compiler.program import Program, init_code
from smartvm.words import Address

MAGIC = b"\xfcDNN\x01"


def constructor() -> Program:
    """Writes two blocks: nine weights, and a bias beyond 64 bits."""
    program = Program().op("BUF_ALLO", size=9).op("BUF_FIL", value=-2)
    program.op("BTOS1", first=0, block=1).op("BUF_INIT", size=1).op("BUF_FIL", value=2**70)
    return program.op("BTOS1", first=0, block=2)


def classifier() -> bytes:
    """16 bytes of calldata as a 4 × 4 image → convolution, bias, division, ReLU → logged."""
    program = Program().op("CALLDATASIZE").push(0).push(0).op("CALLDATACOPY")
    program.op("MTOB", offset=0, count=16, item_bytes=1, unsigned=1)
    program.op("CONV_MUL", weights=1, in_channels=1, out_channels=1, size=4, kernel=3, padding=1)
    program.op("BUF_BIAS", address=Address(2, rows=1, columns=16))
    program.op("BUF_SCL1", divisor=2**50, rounding=1).op("ACT_RL", cap=2**40)
    program.op("POOL_MAX", channels=1, size=4, kernel=2).op("BTOM", offset=0)
    program.push(128).push(0).op("LOG0").op("MSIZE").push(0).op("RETURN")
    return program.bytecode()


def test_the_same_history_on_every_backend(backend_twins):
    twins = backend_twins
    contract = twins.deploy(init_code(classifier(), constructor=constructor()))
    images = [bytes(range(n, n + 16)) for n in (0, 100, 240)] + [b"", b"\xff" * 16]
    outcomes = twins.assert_same_history(
        [twins.sign(contract, image) for image in images]
        + [twins.sign(contract, images[0], gas=22_000)]  # out of gas
    )
    assert [outcome.succeeded for outcome in outcomes] == [True] * 5 + [False]
    assert [len(outcome.logs) for outcome in outcomes] == [1] * 5 + [0]
    assert int.from_bytes(outcomes[0].output[:32], "big") == 2**20
    for image in images:
        assert twins.assert_same_call(contract, image)


def test_a_person_delegates_to_a_dnn_contract(backend_twins):
    """EIP-7702, by signed transactions: the blocks are then the person's own."""
    twins = backend_twins
    writer = Program().op("BUF_ALLO", size=2).op("CALLVALUE").op("BUF_FIL")
    writer.op("BTOS1", first=0, block=5).op("ADDRESS").push(0).op("MSTORE").push(32).push(0)
    contract = twins.deploy(init_code(writer.op("RETURN").bytecode()))
    authorization = twins.authorize(contract, sender=1)
    person = twins.accounts[1]
    delegated, again, direct = twins.assert_same_history(
        [
            twins.sign(person, value=9, type=4, authorizationList=[authorization]),
            twins.sign(person, value=8, sender=1),
            twins.sign(contract, value=7),
        ]
    )
    assert delegated.output[12:] == again.output[12:] == person
    assert direct.output[12:] == contract
    state = twins.smart.get_vm(twins.smart.get_canonical_head()).state
    assert list(state.get_block(person, 5).items) == [8, 8]
    assert list(state.get_block(contract, 5).items) == [7, 7]


def test_stock_nodes_store_marked_code(twins):
    """Ordinary init code may return it anywhere; only running it tells the two nodes apart."""
    address = twins.deploy(init_code(classifier()))
    for chain in twins.stock, twins.smart:
        state = chain.get_vm(chain.get_canonical_head()).state
        assert state.get_code(address).startswith(MAGIC)
