"""Proofs from a block hash alone: what they show, and that nothing forged is accepted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rlp
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from smartvm.chain import Account, Chain, upload_blocks
from smartvm.chain.proofs import (
    FORMAT,
    InferenceProof,
    ModelProof,
    Proof,
    prove_inference,
    prove_model,
    read_proof,
)
from smartvm.compiler.abi import encode_call
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.compile import compile
from smartvm.compiler.contract_abi import FREEZE, INFER
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.program import init_code
from smartvm.compiler.sequential import Sequential
from smartvm.exceptions import NotFound, ProofError
from smartvm.storage import BlockProof, storage_root

INPUT = bytes([1, 2, 3])


def model(bias: int) -> Artefact:
    network = Sequential("tiny", (3,), scale=10, input_range=Interval(0, 100))
    weights = np.array([[3, -4, 5], [-300, 2, 1], [0, 9, 2]])
    return compile(network.fully_connected("fc", weights, np.array([7, bias, 0])).graph)


class Setting:
    """A chain with two models, a DNN contract that is none, and an inference between others."""

    def __init__(self) -> None:
        self.chain, self.artefact, self.other = Chain(), model(8), model(9)
        self.address = self.deploy(self.artefact)
        self.second = self.deploy(self.other)
        self.numbers = sorted(self.artefact.contract.blocks)
        self.plain = self.chain.deploy(init_code(bytes.fromhex("fc444e4e0100"))).contract
        calls = [(self.second, 0), (self.address, 1), (self.address, 2)]
        signed = [
            self.chain.sign(to, encode_call(INFER, INPUT), sender=self.chain.accounts[number])
            for to, number in calls
        ]
        receipts = self.chain.mine(signed)
        assert all(receipt.is_success for receipt in receipts)
        self.transaction = receipts[1].transaction_hash
        self.label = int.from_bytes(receipts[1].output, "big")
        self.hash = self.chain.header().hash

    def deploy(self, artefact: Artefact) -> bytes:
        address = self.chain.deploy(artefact.contract.init_code).contract
        upload_blocks(self.chain, address, artefact.contract.blocks)
        return address

    def model_proof(self, *numbers: int) -> ModelProof:
        return prove_model(self.chain, self.address, numbers)

    def inference_proof(self) -> InferenceProof:
        return prove_inference(self.chain, self.transaction)


@pytest.fixture(scope="module")
def setting() -> Setting:
    return Setting()


def reread(proof: Proof) -> Proof:
    again = read_proof(proof.to_bytes())
    assert again == proof
    return again


def test_weight_blocks_are_proven_there_or_not(setting: Setting) -> None:
    shown = reread(setting.model_proof(1, 77)).verify(setting.hash)
    assert shown.blocks[1].items.to_ints() == setting.artefact.contract.blocks[1].items.tolist()
    assert shown.blocks[77] is None
    assert shown.model_hash == setting.artefact.contract.model_hash
    assert shown.header.block_number == setting.chain.block_number
    assert not shown.is_whole


def test_all_blocks_together_are_the_model_that_the_hash_names(setting: Setting) -> None:
    assert setting.model_proof(*setting.numbers).verify(setting.hash).is_whole
    assert not setting.model_proof(*setting.numbers[:-1]).verify(setting.hash).is_whole


def test_owner_version_and_the_frozen_bit_are_proven() -> None:
    setting = Setting()
    shown = setting.model_proof().verify(setting.hash)
    assert shown.owner == setting.chain.accounts[0].address
    assert (shown.version, shown.is_frozen) == (len(setting.numbers), False)
    setting.chain.transact(setting.address, encode_call(FREEZE))
    assert setting.model_proof().verify(setting.chain.header().hash).is_frozen


def test_an_artefact_is_compared_to_the_last_weight(setting: Setting) -> None:
    proof = reread(setting.model_proof())
    proof.verify(setting.hash).check_artefact(setting.artefact)
    with pytest.raises(ProofError, match="other code"):
        proof.verify(setting.hash).check_artefact(setting.other)
    slot = setting.chain.storage(setting.address, 0)
    root = storage_root({0: slot, 5: 0}, {})
    assert root != proof.verify(setting.hash).storage_root


def test_a_contract_with_other_weights_is_not_the_artefact() -> None:
    setting = Setting()
    half = setting.chain.deploy(setting.artefact.contract.init_code).contract
    shown = prove_model(setting.chain, half).verify(setting.chain.header().hash)
    assert shown.model_hash == setting.artefact.contract.model_hash
    with pytest.raises(ProofError, match="not exactly its blocks"):
        shown.check_artefact(setting.artefact)


def test_an_inference_is_proven_with_caller_input_and_label(setting: Setting) -> None:
    shown = reread(setting.inference_proof()).verify(setting.hash)
    sender = setting.chain.accounts[1].address
    assert (shown.address, shown.sender) == (setting.address, sender)
    assert shown.transaction_hash == setting.transaction
    assert shown.model_hash == setting.artefact.contract.model_hash
    (inference,) = shown.inferences
    assert (inference.caller, inference.label) == (sender, setting.label)
    assert inference.input_hash == keccak(INPUT)


def test_every_transaction_of_a_block_can_be_proven(setting: Setting) -> None:
    for mined in setting.chain.transactions():
        shown = prove_inference(setting.chain, mined.hash).verify(setting.hash)
        assert (shown.index, shown.transaction_hash) == (mined.index, mined.hash)


def test_an_earlier_block_can_be_proven_later(setting: Setting) -> None:
    number = setting.chain.block_number - 1
    header = setting.chain.header(number)
    for block in (number, header.hash):
        proof = prove_model(setting.chain, setting.address, block=block)
        assert proof.verify(header.hash).header.block_number == number
        with pytest.raises(ProofError, match="is of block"):
            proof.verify(setting.hash)


def test_a_contract_that_is_no_model_has_no_model_hash(setting: Setting) -> None:
    shown = prove_model(setting.chain, setting.plain, [3]).verify(setting.hash)
    assert (shown.model_hash, shown.blocks, shown.is_whole) == (None, {3: None}, False)


def test_what_is_not_there_cannot_be_proven(setting: Setting) -> None:
    nobody = Account.numbered(99).address
    with pytest.raises(ProofError, match="found no code"):
        prove_model(setting.chain, nobody)
    with pytest.raises(NotFound):
        prove_model(setting.chain, setting.address, block=10_000)
    with pytest.raises(NotFound):
        prove_inference(setting.chain, bytes(32))
    with pytest.raises(ProofError, match="no inference by"):
        prove_inference(setting.chain, setting.transaction, address=setting.second)
    upload = setting.chain.transactions(2)[0].hash
    with pytest.raises(ProofError, match="no inference"):
        prove_inference(setting.chain, upload)


def accepted(encoding: bytes, block_hash: bytes) -> bool:
    try:
        read_proof(encoding).verify(block_hash)
    except ProofError:
        return False
    return True


def sealed(content: bytes) -> bytes:
    return content + keccak(content)


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
@pytest.mark.parametrize("kind", ["model", "light", "inference"])
def test_no_byte_of_a_proof_can_be_changed(setting: Setting, kind: str, flip: int) -> None:
    proof = {
        "model": lambda: setting.model_proof(*setting.numbers),
        "light": setting.model_proof,
        "inference": setting.inference_proof,
    }[kind]()
    encoding = proof.to_bytes()
    assert accepted(encoding, setting.hash)
    for position in range(len(encoding)):
        forged = bytearray(encoding)
        forged[position] ^= flip
        assert not accepted(bytes(forged), setting.hash), position
        if position < len(encoding) - 32:  # nor where the forger makes the last 32 bytes fit
            assert not accepted(sealed(bytes(forged[:-32])), setting.hash), position


def test_not_even_the_number_of_an_absent_block_can_be_changed(setting: Setting) -> None:
    encoding = setting.model_proof(*setting.numbers, 77).to_bytes()
    for position in range(len(encoding)):
        forged = bytearray(encoding)
        forged[position] ^= 1
        assert not accepted(bytes(forged), setting.hash), position


def test_a_proof_cannot_be_cut_or_lengthened(setting: Setting) -> None:
    for proof in (setting.model_proof(1), setting.inference_proof()):
        encoding = proof.to_bytes()
        assert not any(accepted(encoding[:end], setting.hash) for end in range(len(encoding)))
        assert not accepted(encoding + b"\x00", setting.hash)
        assert not accepted(encoding + encoding, setting.hash)


def test_a_proof_is_of_its_block_alone(setting: Setting) -> None:
    for proof in (setting.model_proof(1), setting.inference_proof()):
        for position in range(32):
            other = bytearray(setting.hash)
            other[position] ^= 1
            assert not accepted(proof.to_bytes(), bytes(other))


def test_parts_of_true_proofs_do_not_make_another(setting: Setting) -> None:
    whole, second = setting.model_proof(1, 2), prove_model(setting.chain, setting.second, [1, 2])
    one, answer = setting.model_proof(1), setting.inference_proof()
    first, *_, last = (prove_inference(setting.chain, t.hash) for t in setting.chain.transactions())
    account, storage = whole.state.account_proof, whole.state.storage_proof
    forgeries: list[Proof] = [
        replace(whole, numbers=(1,)),
        replace(one, numbers=(1, 2)),
        replace(one, numbers=(2,)),
        replace(whole, address=setting.second),
        replace(whole, state=second.state),
        replace(whole, code=second.code),
        replace(whole, code=b""),
        replace(whole, address=b""),
        replace(whole, header=second.header[:-1]),
        replace(whole, state=BlockProof(account, storage[::-1])),
        replace(whole, state=BlockProof(account, (*storage, storage[-1]))),
        replace(whole, state=BlockProof(account, ())),
        replace(whole, state=BlockProof(storage, account)),
        replace(answer, index=0),
        replace(answer, index=answer.index + 1),
        replace(answer, index=1 << 70),
        replace(answer, receipt_proof=last.receipt_proof),
        replace(answer, transaction_proof=last.transaction_proof),
        replace(answer, transaction_proof=answer.receipt_proof),
        replace(answer, index=last.index, receipt_proof=last.receipt_proof),
        replace(answer, address=first.address),
        replace(answer, address=first.address, account_proof=first.account_proof),
        replace(answer, receipt_proof=()),
    ]
    for forged in forgeries:
        with pytest.raises(ProofError):
            forged.verify(setting.hash)
        assert not accepted(forged.to_bytes(), setting.hash)


def test_an_account_without_code_is_no_model(setting: Setting) -> None:
    true = setting.inference_proof()
    sender = setting.chain.accounts[1].address
    path = prove_inference_account(setting.chain, sender)
    with pytest.raises(ProofError, match="no contract"):
        replace(true, address=sender, code=b"", account_proof=path).verify(setting.hash)


def prove_inference_account(chain: Chain, address: bytes) -> tuple[bytes, ...]:
    from smartvm.storage.proofs import prove_keys

    return prove_keys(chain.database, chain.state_root, [keccak(address)])


def test_numbers_come_once_and_ascending(setting: Setting) -> None:
    proof = setting.model_proof(1, 2)
    for numbers in ((2, 1), (1, 1, 2), (1, 1 << 256)):
        with pytest.raises(ProofError, match="ascending"):
            read_proof(replace(proof, numbers=numbers).to_bytes())


def test_the_size_of_a_proof_is_bounded(setting: Setting) -> None:
    encoding = setting.model_proof().to_bytes()
    read_proof(encoding, max_bytes=len(encoding))
    with pytest.raises(ProofError, match="at most"):
        read_proof(encoding, max_bytes=len(encoding) - 1)
    many = replace(setting.model_proof(), numbers=tuple(range(1 << 16)))
    with pytest.raises(ProofError, match="at most 65,536 keys"):
        many.verify(setting.hash)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a proof"),
        (b"\x80", "not a proof"),
        (b"\xc0", "not a proof"),
        (b"\xc1" * 5000 + b"\xc0", "not a proof"),
        (rlp.encode([b"smartvm", b"\x01", b"\x01"]), "does not begin with the name"),
        (rlp.encode([FORMAT, b"\x02", b"\x01"]), "expected version 1"),
        (rlp.encode([FORMAT, b"\x01", b"\x07"]), "expected a proof of kind 1 or 2, found 7"),
        (rlp.encode([FORMAT, b"\x01", b"\x01"]), "not a proof"),
        (rlp.encode([FORMAT, b"\x01", b"\x02", *[b""] * 7]), "not a proof"),
        (b"\xfb\xff\xff\xff\xff" + bytes(20), "not a proof"),
    ],
)
def test_bytes_that_are_no_proof_are_named(content: bytes, message: str) -> None:
    with pytest.raises(ProofError, match=message):
        read_proof(sealed(content))
    with pytest.raises(ProofError):
        read_proof(content)


def test_a_header_that_an_attacker_chose_raises_nothing_else(setting: Setting) -> None:
    """Whoever is talked into a wrong hash is deceived, but no exception escapes."""
    proof = setting.model_proof(1)
    for header in (b"", b"\xc0", rlp.encode([b""] * 21), proof.header + b"\x00"):
        with pytest.raises(ProofError):
            replace(proof, header=header).verify(keccak(header))


def hostile(setting: Setting, root_node: bytes) -> ModelProof:
    """A proof whose header, chosen with its hash, has this node for a state root."""
    fields = list(rlp.decode(setting.model_proof().header))
    fields[3] = keccak(root_node)
    header = rlp.encode(fields)
    return replace(setting.model_proof(), header=header, state=BlockProof((root_node,), ()))


@given(node=st.binary(max_size=80) | st.lists(st.binary(max_size=40), max_size=17).map(rlp.encode))
def test_nodes_that_an_attacker_chose_raise_nothing_else(setting: Setting, node: bytes) -> None:
    proof = hostile(setting, node)
    with pytest.raises(ProofError):
        proof.verify(keccak(proof.header))
