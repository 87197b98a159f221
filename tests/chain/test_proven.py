"""What proofs show to whoever has a block hash alone."""

from __future__ import annotations

import pytest
from eth_utils import keccak

from smartvm.chain import Account
from smartvm.chain.proofs import Proof, prove_inference, prove_model, read_proof
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract_abi import FREEZE
from smartvm.exceptions import NotFound, ProofError
from smartvm.storage import storage_root


def reread(proof: Proof) -> Proof:
    again = read_proof(proof.to_bytes())
    assert again == proof
    return again


def test_weight_blocks_are_proven_there_or_not(setting) -> None:
    shown = reread(setting.model_proof(1, 77)).verify(setting.hash)
    assert shown.blocks[1].items.to_ints() == setting.artefact.contract.blocks[1].items.tolist()
    assert shown.blocks[77] is None
    assert shown.model_hash == setting.artefact.contract.model_hash
    assert shown.header.block_number == setting.chain.block_number
    assert not shown.is_whole


def test_all_blocks_together_are_the_model_that_the_hash_names(setting) -> None:
    assert setting.model_proof(*setting.numbers).verify(setting.hash).is_whole
    assert not setting.model_proof(*setting.numbers[:-1]).verify(setting.hash).is_whole


def test_owner_version_and_the_frozen_bit_are_proven(own_setting) -> None:
    setting = own_setting
    shown = setting.model_proof().verify(setting.hash)
    assert shown.owner == setting.chain.accounts[0].address
    assert (shown.version, shown.is_frozen) == (len(setting.numbers), False)
    setting.chain.transact(setting.address, encode_call(FREEZE))
    assert setting.model_proof().verify(setting.chain.header().hash).is_frozen


def test_an_artefact_is_compared_to_the_last_weight(setting) -> None:
    proof = reread(setting.model_proof())
    proof.verify(setting.hash).check_artefact(setting.artefact)
    with pytest.raises(ProofError, match="other code"):
        proof.verify(setting.hash).check_artefact(setting.other)
    slot = setting.chain.storage(setting.address, 0)
    root = storage_root({0: slot, 5: 0}, {})
    assert root != proof.verify(setting.hash).storage_root


def test_a_contract_with_other_weights_is_not_the_artefact(own_setting) -> None:
    setting = own_setting
    half = setting.chain.deploy(setting.artefact.contract.init_code).contract
    shown = prove_model(setting.chain, half).verify(setting.chain.header().hash)
    assert shown.model_hash == setting.artefact.contract.model_hash
    with pytest.raises(ProofError, match="not exactly its blocks"):
        shown.check_artefact(setting.artefact)


def test_an_inference_is_proven_with_caller_input_and_label(setting) -> None:
    shown = reread(setting.inference_proof()).verify(setting.hash)
    sender = setting.chain.accounts[1].address
    assert (shown.address, shown.sender) == (setting.address, sender)
    assert shown.transaction_hash == setting.transaction
    assert shown.model_hash == setting.artefact.contract.model_hash
    (inference,) = shown.inferences
    assert (inference.caller, inference.label) == (sender, setting.label)
    assert inference.input_hash == keccak(setting.INPUT)


def test_every_transaction_of_a_block_can_be_proven(setting) -> None:
    for mined in setting.chain.transactions():
        shown = prove_inference(setting.chain, mined.hash).verify(setting.hash)
        assert (shown.index, shown.transaction_hash) == (mined.index, mined.hash)


def test_an_earlier_block_can_be_proven_later(setting) -> None:
    number = setting.chain.block_number - 1
    header = setting.chain.header(number)
    for block in (number, header.hash):
        proof = prove_model(setting.chain, setting.address, block=block)
        assert proof.verify(header.hash).header.block_number == number
        with pytest.raises(ProofError, match="is of block"):
            proof.verify(setting.hash)


def test_a_contract_that_is_no_model_has_no_model_hash(setting) -> None:
    shown = prove_model(setting.chain, setting.plain, [3]).verify(setting.hash)
    assert (shown.model_hash, shown.blocks, shown.is_whole) == (None, {3: None}, False)


def test_what_is_not_there_cannot_be_proven(setting) -> None:
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
