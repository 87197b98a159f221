"""web3.py over HTTP: deploy, upload, predict, read logs, sign locally and send raw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError, Web3RPCError

from smartvm.chain import Account
from smartvm.compiler.artefact import Artefact


@pytest.fixture(scope="module")
def web3(served: Any) -> Iterator[Web3]:
    provider = HTTPProvider(served.url)
    yield Web3(provider)
    for session in provider._request_session_manager.session_cache._data.values():
        session.close()


@pytest.fixture(scope="module")
def contract(web3: Web3, small_model: Artefact) -> Any:
    """The small model, deployed and uploaded as a web3.py user does it."""
    model, owner = small_model.contract, web3.eth.accounts[0]
    factory = web3.eth.contract(abi=model.abi, bytecode=model.init_code)
    receipt = web3.eth.wait_for_transaction_receipt(factory.constructor().transact({"from": owner}))
    found = web3.eth.contract(receipt["contractAddress"], abi=model.abi)
    for number, block in model.blocks.items():
        call = found.functions.setBlock(number, block.item_bytes, block.packed)
        sent = call.transact({"from": owner})
        assert web3.eth.wait_for_transaction_receipt(sent)["status"] == 1
    return found


def test_it_is_connected(web3: Web3) -> None:
    assert web3.is_connected()
    assert web3.eth.chain_id == 1337
    assert web3.client_version.startswith("SmartVM/")


def test_it_predicts(
    contract: Any, small_model: Artefact, image: np.ndarray, outputs: list[int]
) -> None:
    model = small_model.contract
    packed = model.input_format.pack(image)
    assert contract.functions.predict(packed).call() == outputs
    assert contract.functions.classify(packed).call() == int(np.argmax(outputs))
    assert contract.functions.modelHash().call() == model.model_hash


def test_it_infers_and_reads_the_event(
    web3: Web3, contract: Any, small_model: Artefact, image: np.ndarray
) -> None:
    packed = small_model.contract.input_format.pack(image)
    caller = web3.eth.accounts[1]
    watch = contract.events.Inferred.create_filter(from_block="latest")
    sent = contract.functions.infer(packed).transact({"from": caller})
    receipt = web3.eth.wait_for_transaction_receipt(sent)
    (event,) = contract.events.Inferred().process_receipt(receipt)
    assert event["args"]["caller"] == caller
    assert event["args"]["inputHash"] == Web3.keccak(packed)
    assert event["args"]["label"] == contract.functions.classify(packed).call()
    logs = contract.events.Inferred().get_logs(from_block=receipt["blockNumber"])
    assert [entry["args"] for entry in logs] == [event["args"]]
    assert [entry["args"] for entry in watch.get_new_entries()] == [event["args"]]


def test_it_signs_locally_and_sends_raw(
    web3: Web3, contract: Any, small_model: Artefact, image: np.ndarray
) -> None:
    packed = small_model.contract.input_format.pack(image)
    signer = web3.eth.account.from_key(Account.numbered(2).key.to_bytes())
    nonce = web3.eth.get_transaction_count(signer.address)
    fields = {"from": signer.address, "nonce": nonce}
    transaction = contract.functions.infer(packed).build_transaction(fields)
    signed = signer.sign_transaction(transaction)
    sent = web3.eth.send_raw_transaction(signed.raw_transaction)
    receipt = web3.eth.wait_for_transaction_receipt(sent)
    assert (receipt["status"], receipt["from"]) == (1, signer.address)
    assert web3.eth.get_transaction(sent)["hash"] == sent == signed.hash
    assert web3.eth.get_raw_transaction(sent) == signed.raw_transaction


def test_a_revert_is_a_contract_logic_error(web3: Web3, contract: Any) -> None:
    with pytest.raises(ContractLogicError):
        contract.functions.freeze().transact({"from": web3.eth.accounts[3]})
    with pytest.raises(ContractLogicError):
        contract.functions.predict(b"too short").call()


def test_other_errors_are_rpc_errors(web3: Web3) -> None:
    with pytest.raises(Web3RPCError, match="does not exist"):
        web3.provider.make_request("eth_mining", [])
        web3.manager.request_blocking("eth_mining", [])


def test_blocks_fees_and_proofs(web3: Web3, contract: Any) -> None:
    block = web3.eth.get_block("latest", full_transactions=True)
    assert block["transactions"][0]["blockHash"] == block["hash"]
    assert web3.eth.get_block_receipts("latest")[0]["blockHash"] == block["hash"]
    assert len(web3.eth.fee_history(2, "latest", [50])["baseFeePerGas"]) == 3
    assert web3.eth.gas_price >= web3.eth.max_priority_fee
    proof = web3.eth.get_proof(contract.address, [0], "latest")
    assert proof["storageHash"] != b""
    found = web3.eth.create_access_list({"to": contract.address, "data": "0x8da5cb5b"})
    assert found["gasUsed"] > 21_000
    assert web3.eth.get_code(contract.address)[:4] == b"\xfcDNN"


def test_a_batch(web3: Web3) -> None:
    account = web3.eth.accounts[9]
    with web3.batch_requests() as batch:
        batch.add(web3.eth.get_block(0))
        batch.add(web3.eth.get_balance(account))
        first, balance = batch.execute()
    assert (first["number"], balance) == (0, 10**24)
