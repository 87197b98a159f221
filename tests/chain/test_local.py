from __future__ import annotations

from collections.abc import Callable

import pytest
from eth.exceptions import OutOfGas, Revert
from eth.vm.forks.prague import PragueVM

from smartvm.chain import Account, Chain, ExecutionFailed, Log
from smartvm.chain.accounts import ACCOUNT_BALANCE, ETHER
from smartvm.chain.execution import TRANSACTION_GAS
from smartvm.compiler.abi import error_payload
from smartvm.compiler.program import Program, init_code
from smartvm.exceptions import SmartVMError
from smartvm.trace import Tracer


def counter() -> bytes:
    """Adds one to slot 0, logs the caller with the old value, returns the new one."""
    program = Program(dnn=False)
    program.push(0).op("SLOAD").op("DUP1").push(0).op("MSTORE")
    program.op("CALLER").push(32).push(0).op("LOG1")
    program.push(1).op("ADD").op("DUP1").push(0).op("SSTORE")
    program.push(0).op("MSTORE").push(32).push(0).op("RETURN")
    return init_code(program.bytecode())


def refuser(message: str) -> bytes:
    payload = error_payload(message)
    program = Program(dnn=False).data("payload", payload)
    program.push(len(payload)).push_offset("payload").push(0).op("CODECOPY")
    program.push(len(payload)).push(0).op("REVERT")
    return init_code(program.bytecode())


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.fixture
def chain() -> Chain:
    return Chain()


def test_a_transfer_costs_21_000_gas(chain: Chain) -> None:
    receiver = chain.accounts[1].address
    receipt = chain.transact(receiver, value=3 * ETHER)
    assert receipt.is_success
    assert receipt.gas_used == 21_000
    assert receipt.contract is None
    assert chain.balance(receiver) == ACCOUNT_BALANCE + 3 * ETHER
    assert chain.nonce(chain.accounts[0].address) == 1
    assert chain.block_number == receipt.block_number == 1


def test_a_contract_is_deployed_transacted_with_and_called(chain: Chain) -> None:
    deployed = chain.deploy(counter(), sender=chain.accounts[2])
    assert chain.code(deployed.contract)
    first = chain.transact(deployed.contract)
    second = chain.transact(deployed.contract, sender=chain.accounts[1])
    assert (first.output, second.output) == (word(1), word(2))
    caller = bytes(12) + chain.accounts[1].address
    assert second.logs == (Log(deployed.contract, (caller,), word(1)),)


def test_a_call_leaves_the_state_alone(chain: Chain) -> None:
    contract = chain.deploy(counter()).contract
    root = chain.state_root
    assert chain.call(contract) == chain.call(contract) == word(1)
    assert chain.state_root == root
    assert chain.nonce(chain.accounts[0].address) == 1


def test_a_reverting_transaction_is_mined_and_raises(chain: Chain) -> None:
    contract = chain.deploy(refuser("not today")).contract
    with pytest.raises(ExecutionFailed, match="reverted: not today") as caught:
        chain.transact(contract)
    assert isinstance(caught.value.error, Revert)
    assert caught.value.receipt.block_number == chain.block_number == 2
    unchecked = chain.transact(contract, check=False)
    assert not unchecked.is_success
    assert unchecked.output == error_payload("not today")


def test_a_reverting_call_raises(chain: Chain) -> None:
    contract = chain.deploy(refuser("not today")).contract
    with pytest.raises(ExecutionFailed, match="reverted: not today") as caught:
        chain.call(contract)
    assert caught.value.receipt is None


def test_running_out_of_gas_is_named(chain: Chain) -> None:
    contract = chain.deploy(counter()).contract
    with pytest.raises(ExecutionFailed, match="OutOfGas") as caught:
        chain.transact(contract, gas=22_000)
    assert isinstance(caught.value.error, OutOfGas)
    assert caught.value.receipt.gas_used == 22_000


@pytest.mark.parametrize("options", [{"value": ACCOUNT_BALANCE}, {"gas": 20_999}])
def test_an_invalid_transaction_is_not_mined(chain: Chain, options: dict[str, int]) -> None:
    with pytest.raises(SmartVMError, match="invalid transaction"):
        chain.transact(chain.accounts[1].address, **options)
    assert chain.block_number == 0


def test_init_code_beyond_the_limit_is_not_mined(chain: Chain) -> None:
    with pytest.raises(SmartVMError, match="invalid transaction"):
        chain.deploy(bytes(49_153))
    assert chain.block_number == 0


def test_the_estimate_is_the_least_gas_that_does(chain: Chain) -> None:
    contract = chain.deploy(counter()).contract
    chain.transact(contract)
    gas = chain.estimate(contract)
    with pytest.raises(ExecutionFailed, match="OutOfGas"):
        chain.transact(contract, gas=gas - 1)
    assert chain.transact(contract, gas=gas).is_success
    assert chain.estimate(chain.accounts[1].address) == 21_000


def test_the_estimate_of_a_failure_raises(chain: Chain) -> None:
    contract = chain.deploy(refuser("never")).contract
    with pytest.raises(ExecutionFailed, match="reverted: never"):
        chain.estimate(contract)


def test_several_transactions_in_one_block(chain: Chain) -> None:
    contract = chain.deploy(counter()).contract
    other = chain.accounts[1]
    transactions = [
        chain.sign(contract, nonce=1),
        chain.sign(other.address, value=1, nonce=2),
        chain.sign(contract, sender=other),
    ]
    receipts = chain.mine(transactions)
    assert chain.block_number == 2
    assert [receipt.output for receipt in receipts] == [word(1), b"", word(2)]
    assert receipts[1].gas_used == 21_000
    assert [receipt.transaction_hash for receipt in receipts] == [t.hash for t in transactions]


def test_an_empty_block(chain: Chain) -> None:
    assert chain.mine() == []
    assert chain.block_number == 1


def test_every_block_has_the_same_gas_limit(chain: Chain) -> None:
    chain.transact(chain.accounts[1].address)
    chain.mine()
    assert chain.vm.get_header().gas_limit == Chain().vm.get_header().gas_limit
    assert chain.vm.get_header().gas_limit > 1000 * TRANSACTION_GAS


def history(chain: Chain) -> Chain:
    contract = chain.deploy(counter()).contract
    chain.transact(contract, sender=chain.accounts[1])
    chain.mine()
    chain.transact(chain.accounts[1].address, value=ETHER)
    return chain


def test_the_same_transactions_give_the_same_blocks() -> None:
    assert list(history(Chain()).export_blocks()) == list(history(Chain()).export_blocks())


def test_a_replica_imports_the_blocks_and_comes_to_the_same_state(chain: Chain) -> None:
    replica = history(chain).replica()
    assert replica.block_number == 0
    replica.import_blocks(chain.export_blocks())
    assert replica.block_number == chain.block_number == 4
    assert replica.state_root == chain.state_root
    chain.mine()
    replica.import_blocks(chain.export_blocks(first=5))
    assert replica.block_number == 5


def test_a_block_that_claims_a_wrong_result_is_refused(chain: Chain) -> None:
    (block,) = list(history(chain).export_blocks())[:1]
    root = chain.replica().state_root
    first = chain.replica()
    first.import_block(block)
    forged = block.replace(first.state_root, root)
    assert forged != block
    second = chain.replica()
    with pytest.raises(SmartVMError, match="block refused"):
        second.import_block(forged)
    assert second.block_number == 0


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_truncated_block_is_refused(chain: Chain, cut: int) -> None:
    (block, *_) = history(chain).export_blocks()
    with pytest.raises(SmartVMError, match="block refused"):
        chain.replica().import_block(block[:cut])


def test_blocks_out_of_order_are_refused(chain: Chain) -> None:
    blocks = list(history(chain).export_blocks())
    with pytest.raises(SmartVMError, match="block refused"):
        chain.replica().import_block(blocks[1])


def test_a_tracer_sees_every_step(chain: Chain) -> None:
    contract = chain.deploy(counter()).contract
    tracer = Tracer()
    chain.simulate(contract, tracer=tracer)
    assert [step.mnemonic for step in tracer.steps][-1] == "RETURN"
    assert "SSTORE" in [step.mnemonic for step in tracer.steps]


def test_it_runs_any_vm_of_py_evm() -> None:
    chain = Chain(vm=PragueVM, accounts=2)
    assert len(chain.accounts) == 2
    assert chain.call(chain.deploy(counter()).contract) == word(1)


def test_accounts_are_the_same_everywhere() -> None:
    assert Account.numbered(0) == Chain().accounts[0]
    assert len({account.address for account in Chain().accounts}) == 10


ACCOUNT = Account.numbered(1).address
WRONG: dict[str, Callable[[Chain], object]] = {
    "a short receiver": lambda chain: chain.transact(b"short"),
    "less than no wei": lambda chain: chain.transact(ACCOUNT, value=-1),
    "more wei than a word": lambda chain: chain.transact(ACCOUNT, value=1 << 256),
    "less than no gas": lambda chain: chain.transact(ACCOUNT, gas=-1),
    "more gas than a block": lambda chain: chain.transact(ACCOUNT, gas=1 << 300),
    "a nonce before the first": lambda chain: chain.sign(ACCOUNT, nonce=-1),
    "a call to no address": lambda chain: chain.call(b"short"),
    "a call from no address": lambda chain: chain.call(ACCOUNT, sender=b"short"),
    "a call of less than no wei": lambda chain: chain.call(ACCOUNT, value=-1),
    "a call with too much gas": lambda chain: chain.call(ACCOUNT, gas=1 << 300),
    "an estimate without gas": lambda chain: chain.estimate(ACCOUNT, gas=0),
    "the balance of no address": lambda chain: chain.balance(b"short"),
    "the code of no address": lambda chain: chain.code(b""),
    "a slot before the first": lambda chain: chain.storage(ACCOUNT, -1),
    "a slot after the last": lambda chain: chain.storage(ACCOUNT, 1 << 256),
    "a time without end": lambda chain: chain.mine(timestamp=1 << 64),
    "a fork beyond the newest": lambda chain: chain.fork(at=9),
    "no accounts": lambda _: Chain(accounts=0),
    "no chain id": lambda _: Chain(chain_id=0),
    "a block without gas": lambda _: Chain(block_gas_limit=0),
}


@pytest.mark.parametrize("use", WRONG.values(), ids=WRONG)
def test_wrong_input_is_refused(chain: Chain, use: Callable[[Chain], object]) -> None:
    with pytest.raises(SmartVMError):
        use(chain)
    assert chain.block_number == 0
