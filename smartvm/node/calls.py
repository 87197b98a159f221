"""eth_call, eth_estimateGas, eth_createAccessList: transactions that leave nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from eth.constants import CREATE_CONTRACT_ADDRESS, ZERO_ADDRESS
from eth_typing import Address

from smartvm.chain.execution import Call
from smartvm.chain.receipts import ExecutionFailed
from smartvm.node import params
from smartvm.node.blocks import block_id
from smartvm.node.formats import JSON, access_list_json, hex_bytes, hex_number
from smartvm.node.params import CallRequest

Prepare = Callable[[Any], None] | None
"""What is done to a state before a call runs on it."""


def call(node: Any, request: Any, tag: Any = None, overrides: Any = None) -> str:
    """What a contract returns; `overrides` change accounts beforehand, for this call only."""
    wanted = as_call(node, params.call_request(request))
    prepare = overriding(overrides)
    return hex_bytes(finished(node.chain.run(wanted, block=block_id(tag), prepare=prepare)).output)


def estimate_gas(node: Any, request: Any, tag: Any = None, overrides: Any = None) -> str:
    """The least gas limit with which a transaction succeeds."""
    wanted = as_call(node, params.call_request(request))
    prepare = overriding(overrides)
    return hex_number(node.chain.least_gas(wanted, block=block_id(tag), prepare=prepare))


def create_access_list(node: Any, request: Any, tag: Any = None) -> JSON:
    """EIP-2930: what a transaction touches, and its gas with that list.

    Weight blocks have no place in access lists; their slots and contracts do.
    """
    wanted, block = as_call(node, params.call_request(request)), block_id(tag)
    touched: dict[Address, set[int]] = {}
    node.chain.run(wanted, block=block, prepare=lambda state: _record(state, touched))
    free = {wanted.sender, wanted.to, node.chain.header(block).coinbase}
    precompiles = node.chain.vm_at(block).state.computation_class.get_precompiles()
    entries = tuple(
        (address, tuple(sorted(slots)))
        for address, slots in sorted(touched.items())
        if slots or not (address in free or address in precompiles)
    )
    repeated = Call(**{**vars(wanted), "access_list": entries})
    computation = node.chain.run(repeated, block=block)
    found = {
        "accessList": access_list_json(entries),
        "gasUsed": hex_number(wanted.gas - computation.get_gas_remaining()),
    }
    return {**found, "error": str(computation.error)} if computation.is_error else found


def _record(state: Any, touched: dict[Address, set[int]]) -> None:
    """Note every address and slot that a state is told to keep warm."""
    mark_address, mark_slot = state.mark_address_warm, state.mark_storage_warm

    def address_warm(address: Address) -> None:
        touched.setdefault(address, set())
        mark_address(address)

    def slot_warm(address: Address, slot: int) -> None:
        touched.setdefault(address, set()).add(slot)
        mark_slot(address, slot)

    state.mark_address_warm, state.mark_storage_warm = address_warm, slot_warm


def as_call(node: Any, request: CallRequest) -> Call:
    """A request as the chain runs it, from address zero and with all the gas by default.

    As with geth, what asks for more gas than a call may have (--gas-cap) gets that: wallets
    estimate with the gas of a whole block.
    """
    gas = node.chain.header().gas_limit if request.gas is None else request.gas
    return Call(
        to=CREATE_CONTRACT_ADDRESS if request.to is None else request.to,
        data=request.data,
        sender=request.sender or ZERO_ADDRESS,
        gas=min(node.limits.gas_cap, gas),
        value=request.value,
        access_list=request.access_list or (),
        authorizations=request.authorizations,
    )


def finished(computation: Any) -> Any:
    """A computation that has succeeded.

    Raises:
        ExecutionFailed: it has not.
    """
    if computation.is_error:
        raise ExecutionFailed(computation.error, computation.output)
    return computation


def overriding(overrides: Any) -> Prepare:
    """What puts overrides into a state: geth's balance, nonce, code, state and stateDiff."""
    accounts = [
        (params.address(name, "state overrides"), params.mapping(fields, "state override"))
        for name, fields in params.mapping(overrides, "state overrides").items()
    ]
    changes = [change for entry in accounts for change in _changes(*entry)]
    if not changes:
        return None

    def prepare(state: Any) -> None:
        for method, *arguments in changes:
            getattr(state, method)(*arguments)
        state.lock_changes()

    return prepare


def _changes(address: Address, fields: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The methods of a state, with arguments, that an override comes to."""
    unknown = fields.keys() - {"balance", "nonce", "code", "state", "stateDiff"}
    if unknown:
        params.refuse("state override", "balance, nonce, code, state or stateDiff", min(unknown))
    found: list[tuple[Any, ...]] = []
    if fields.get("balance") is not None:
        found.append(("set_balance", address, params.quantity(fields["balance"], "balance")))
    if fields.get("nonce") is not None:
        found.append(("set_nonce", address, params.quantity(fields["nonce"], "nonce", 64)))
    if fields.get("code") is not None:
        found.append(("set_code", address, params.data(fields["code"], "code")))
    if fields.get("state") is not None:
        found.append(("delete_storage", address))
    for name in ("state", "stateDiff"):
        for slot, word in params.mapping(fields.get(name), name).items():
            change = (params.slot(slot, f"{name} slot"), params.quantity(word, f"{name} word"))
            found.append(("set_storage", address, *change))
    return found


METHODS = {
    "eth_call": call,
    "eth_createAccessList": create_access_list,
    "eth_estimateGas": estimate_gas,
}
