"""Contracts that Vyper compiles have the same history on SmartVM as on stock py-evm."""

from __future__ import annotations

import pytest
from eth_abi import decode, encode
from eth_utils import keccak

pytestmark = pytest.mark.filterwarnings("ignore:SELFDESTRUCT")  # py-evm's deprecation notice

ETHER = 10**18
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
NEVER = b"\xee" * 20


@pytest.fixture
def token(twins, compiled):
    return twins.deploy(compiled("token") + encode(["string", "uint256"], ["Weights", 10**6]))


def test_token(twins, token, calldata):
    alice, bob, carol = twins.accounts

    def call(signature, *arguments, sender=0):
        return twins.sign(token, calldata(signature, *arguments), sender=sender)

    transfer, from_ = "transfer(address,uint256)", "transferFrom(address,address,uint256)"
    outcomes = twins.assert_same_history(
        [
            call(transfer, bob, 1000),
            call(transfer, carol, 250, sender=1),
            call(transfer, carol, 751, sender=1),  # more than is left
            call(transfer, b"\0" * 20, 1),  # no receiver
            call("approve(address,uint256)", bob, 100),
            call(from_, alice, carol, 60, sender=1),
            call(from_, alice, carol, 60, sender=1),  # beyond the allowance
        ]
    )
    assert [outcome.succeeded for outcome in outcomes] == [1, 1, 0, 0, 1, 1, 0]
    assert [len(outcome.logs) for outcome in outcomes] == [1, 1, 0, 0, 1, 1, 0]
    outcomes = twins.assert_same_history(
        [
            call("mint(address,uint256)", bob, 5, sender=1),  # not the owner
            call("mint(address,uint256)", bob, 10**9),  # beyond the cap
            call("mint(address,uint256)", bob, 5),
            call("burn(uint256)", 100, sender=2),
            call(transfer, alice, 0, sender=2),
            call("nothing()"),
        ]
    )
    assert [outcome.succeeded for outcome in outcomes] == [0, 0, 1, 1, 1, 0]
    for holder, balance in (alice, 998_940), (bob, 755), (carol, 210):
        answer = twins.assert_same_call(token, calldata("balanceOf(address)", holder))
        assert int.from_bytes(answer, "big") == balance
    assert twins.assert_same_call(token, calldata("name()"))
    assert twins.assert_same_call(token, calldata("decimals()"))


def test_loop(twins, compiled, calldata):
    loop = twins.deploy(compiled("loop"))
    outcomes = twins.assert_same_history(
        [
            twins.sign(loop, calldata("remember(uint256)", 40)),
            twins.sign(loop, calldata("remember(uint256)", 256)),
            twins.sign(loop, calldata("remember(uint256)", 257)),  # beyond the loop's bound
            twins.sign(loop, calldata("remember(uint256)", 256), gas=60_000),  # out of gas
            twins.sign(loop, calldata("modular(uint256,uint256,uint256)", 300, 7, 2**255 - 19)),
        ]
    )
    assert [outcome.succeeded for outcome in outcomes] == [1, 1, 0, 0, 1]
    answer = twins.assert_same_call(
        loop, calldata("modular(uint256,uint256,uint256)", 500, 3, ORDER)
    )
    expected = 1
    for i in range(500):
        expected = (expected * 3 + i) % ORDER
    assert int.from_bytes(answer, "big") == expected
    twins.assert_same_call(loop, calldata("wrapping(uint256,uint256)", 500, 2**200 + 1))
    for seed in (-(2**255), -7, 2**255 - 1):
        twins.assert_same_call(loop, calldata("signed(uint256,int256)", 12, seed))
    twins.assert_same_call(loop, calldata("power(uint256,uint256)", 2**255 + 3, 2**256 - 1))
    twins.assert_same_call(loop, calldata("sorted(int128[])", [5, -3, 2**100, -(2**100), 0, 5]))
    twins.assert_same_call(loop, calldata("checked(uint8,uint8)", 15, 17))
    twins.assert_same_call(loop, calldata("checked(uint8,uint8)", 16, 16))


def test_factory(twins, token, compiled, calldata):
    factory = twins.deploy(compiled("factory"))
    # EIP-5202: the blueprint is the init code behind fe 71 00, so that nothing can call it
    blueprint_code = b"\xfe\x71\x00" + compiled("token")
    size = len(blueprint_code).to_bytes(2, "big")
    blueprint = twins.deploy(
        bytes.fromhex("61") + size + bytes.fromhex("80600a3d393df3") + blueprint_code
    )

    def call(signature, *arguments, **options):
        return twins.sign(factory, calldata(signature, *arguments), gas=3_000_000, **options)

    make = "from_blueprint(address,string,uint256,bytes32)"
    salt = keccak(b"salt")
    outcomes = twins.assert_same_history(
        [
            call("proxy(address)", token, value=ETHER),
            call("proxy_at(address,bytes32)", token, salt),
            call("proxy_at(address,bytes32)", token, salt),  # the address is taken
            call("copy(address)", token),
            call("copy(address)", NEVER),  # nothing to copy
            call(make, blueprint, "A", 7, salt),
            call(make, blueprint, "A", 7, salt),  # the address is taken
            call(make, blueprint, "B", 10**10, salt),  # the constructor reverts
            call("try_blueprint(address,string,uint256)", blueprint, "C", 10**10),
            call("try_blueprint(address,string,uint256)", blueprint, "D", 8),
        ]
    )
    assert [outcome.succeeded for outcome in outcomes] == [1, 1, 0, 1, 0, 1, 0, 0, 1, 1]
    child = decode(["address"], outcomes[5].output)[0]
    receiver = twins.accounts[2]
    minted, refused = twins.assert_same_history(
        [
            call("mint_at(address,address,uint256)", child, receiver, 3),
            call("mint_at(address,address,uint256)", child, receiver, 10**9),
        ]
    )
    assert minted.succeeded
    assert not refused.succeeded
    for index in range(5):
        twins.assert_same_call(factory, calldata("made(uint256)", index))


def test_features(twins, compiled, calldata):
    features, other = (twins.deploy(compiled("features")) for _ in range(2))

    def call(signature, *arguments, **options):
        return twins.sign(features, calldata(signature, *arguments), **options)

    count, forward = calldata("count()"), "forward(address,bytes,uint256)"
    outcomes = twins.assert_same_history(
        [call("remember_briefly(uint256)", 21), call("read_scratch()"), call("count()")]
        + [call(forward, target, count, kind) for target in (other, features) for kind in range(3)]
        + [
            call(forward, other, calldata("fail(uint256)", 1), 0),
            call(forward, b"\x02".rjust(20, b"\0"), b"to be hashed", 1),  # SHA-256
            call(forward, b"\x04".rjust(20, b"\0"), b"to be copied", 2),  # identity
            call(forward, NEVER, b"nobody is there", 0, value=5),
            call("forward_with(address,bytes,uint256)", other, calldata("burn_gas()"), 50_000),
            call("forward_with(address,bytes,uint256)", other, count, 100),
        ]
    )
    assert all(outcome.succeeded for outcome in outcomes)
    inner = [outcome.output[31] for outcome in outcomes[3:]]  # what became of the call within
    assert inner == [1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0]
    payloads = (b"", b"short", b"\xff" * 256, b"\x01" * 33, b"")
    twins.assert_same_history([call("keep(bytes)", payload) for payload in payloads])
    failed = twins.assert_same_history([call("fail(uint256)", kind) for kind in range(5)])
    assert not any(outcome.succeeded for outcome in failed)
    assert [len(outcome.output) for outcome in failed] == [100, 21, 0, 0, 0]
    outcomes = twins.assert_same_history(
        [
            twins.sign(features, b"", value=1),
            twins.sign(features, b"\xff" * 4, value=2),
            call("count()", value=1),  # not payable
            call("burn_gas()", gas=150_000),
            call("destroy(address)", NEVER),  # EIP-6780: only the balance goes
            twins.sign(features, b"", value=3),
        ]
    )
    assert [outcome.succeeded for outcome in outcomes] == [1, 1, 0, 0, 1, 1]
    twins.assert_same_call(features, calldata("hashes(bytes)", b"abc" * 40))
    twins.assert_same_call(features, calldata("curve(uint256,uint256,uint256)", 1, 2, ORDER))
    twins.assert_same_call(features, calldata("curve(uint256,uint256,uint256)", 1, 3, 1))


def test_recovery_precompile(twins, compiled, calldata):
    features = twins.deploy(compiled("features"))
    recover = "recover(bytes32,uint256,uint256,uint256)"
    digest = keccak(b"signed")
    for v, r, s in (27, 5, 7), (28, 5, 7), (29, 5, 7), (27, 2**256 - 1, 7):
        twins.assert_same_call(features, calldata(recover, digest, v, r, s))


def test_deep_calls(twins, compiled, calldata):
    features = twins.deploy(compiled("features"))
    descend = "descend(uint256)"
    outcomes = twins.assert_same_history(
        [
            twins.sign(features, calldata(descend, 60), gas=2_000_000),
            twins.sign(features, calldata(descend, 60), gas=55_000),  # ends half-way down
            twins.sign(features, calldata("descend_for_ever()"), gas=3_000_000),
        ]
    )
    assert [outcome.succeeded for outcome in outcomes] == [True, False, True]
