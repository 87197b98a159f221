"""Transactions and signatures: from clients that sign, and by the accounts of the node.

The node holds the keys of the accounts that its genesis block funds, which are public.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eth.abc import SignedTransactionAPI
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth_keys.datatypes import Signature
from eth_typing import Address
from eth_utils import keccak

from smartvm.chain import Account
from smartvm.chain.mining import PRIORITY_FEE
from smartvm.chain.receipts import refusing
from smartvm.exceptions import SmartVMError
from smartvm.node import params
from smartvm.node.calls import as_call
from smartvm.node.errors import INVALID_PARAMS, RPCError
from smartvm.node.fees import next_base_fee
from smartvm.node.formats import JSON, hex_bytes, transaction_json
from smartvm.node.params import CallRequest

_ELECTRUM = 27
"""What is added to the parity in the last byte of a signature."""


def accounts(node: Any) -> list[str]:
    """The accounts for which the node signs."""
    return [hex_bytes(account.address) for account in node.chain.accounts]


def send_raw_transaction(node: Any, encoded: Any) -> str:
    """Take a signed transaction of any type; its hash."""
    transaction = node.chain.decode_transaction(params.data(encoded, "transaction"))
    node.pool.add(transaction)
    return hex_bytes(transaction.hash)


def send_transaction(node: Any, request: Any) -> str:
    """Sign a transaction with an account of the node, and take it; its hash."""
    transaction = _signed(node, params.call_request(request))
    node.pool.add(transaction)
    return hex_bytes(transaction.hash)


def sign_transaction(node: Any, request: Any) -> JSON:
    """Sign a transaction with an account of the node, and give it back."""
    transaction = _signed(node, params.call_request(request))
    return {
        "raw": hex_bytes(transaction.encode()),
        "tx": transaction_json(transaction, None, None),
    }


def _signed(node: Any, request: CallRequest) -> SignedTransactionAPI:
    account = _account(node, request.sender)
    chain = node.chain
    if request.chain_id not in (None, chain.chain_id):
        params.refuse("chainId", f"{chain.chain_id}", request.chain_id)
    if request.to is None and not request.data:
        params.refuse("to", "an address, or init code in data", None)
    if request.gas is None:
        wanted = as_call(node, replace(request, sender=account.address))
        request = replace(request, gas=chain.least_gas(wanted))
    builder = chain.vm.get_transaction_builder()
    with refusing("invalid transaction"):
        unsigned = _unsigned(node, builder, request, account.address)
        signed = unsigned.as_signed_transaction(account.key, chain.chain_id)
        # py-evm signs into the type of an older fork: decode it again.
        found: SignedTransactionAPI = builder.decode(signed.encode())
    return found


def _unsigned(node: Any, builder: Any, request: CallRequest, sender: Address) -> Any:
    """py-evm's unsigned transaction of the type that the fields of a request ask for."""
    waiting = node.pool.count(sender)
    fields: dict[str, Any] = {
        "nonce": node.chain.nonce(sender) + waiting if request.nonce is None else request.nonce,
        "gas": request.gas,
        "to": CREATE_CONTRACT_ADDRESS if request.to is None else request.to,
        "value": request.value,
        "data": request.data,
    }
    typed = {"chain_id": node.chain.chain_id, "access_list": request.access_list or ()}
    if request.gas_price is not None and not request.authorizations:
        price = {"gas_price": request.gas_price}
        if request.access_list is None:
            return builder.create_unsigned_transaction(**fields, **price)
        return builder.new_unsigned_access_list_transaction(**fields, **typed, **price)
    dynamic = _dynamic_fees(node, request)
    if not request.authorizations:
        return builder.new_unsigned_dynamic_fee_transaction(**fields, **typed, **dynamic)
    signed_by = {"authorization_list": request.authorizations}
    return builder.new_unsigned_set_code_transaction(**fields, **typed, **dynamic, **signed_by)


def _dynamic_fees(node: Any, request: CallRequest) -> dict[str, int]:
    most = request.max_fee
    priority = request.priority_fee
    if priority is None:
        priority = PRIORITY_FEE if most is None else min(PRIORITY_FEE, most)
    if most is None:
        most = 2 * next_base_fee(node) + priority
    return {"max_fee_per_gas": most, "max_priority_fee_per_gas": priority}


def _account(node: Any, address: Address | None) -> Account:
    found: Account
    for found in node.chain.accounts:
        if address is None or found.address == address:
            return found
    owned = "an account of the node (eth_accounts)"
    params.refuse("from", owned, None if address is None else hex_bytes(address))


def sign(node: Any, address: Any, message: Any) -> str:
    """EIP-191: a personal message, signed."""
    content = params.data(message, "message")
    prefix = b"\x19Ethereum Signed Message:\n%d" % len(content)
    return _signature(node, params.address(address), keccak(prefix + content))


def personal_sign(node: Any, message: Any, address: Any) -> str:
    """`sign`, with its parameters in the order of wallets."""
    return sign(node, address, message)


def sign_typed_data(node: Any, address: Any, message: Any) -> str:
    """EIP-712: structured data, signed. Needs eth-account."""
    if not isinstance(message, dict):
        params.refuse("typed data", "an object", message)
    try:
        from eth_account.messages import encode_typed_data
    except ImportError:
        raise SmartVMError("typed data needs eth-account: pip install 'smartvm[node]'") from None
    try:
        signable = encode_typed_data(full_message=message)
    except Exception as error:  # the library raises whatever it meets in data of other forms
        said = f"typed data: expected EIP-712's form: {str(error)[:200]}"
        raise RPCError(INVALID_PARAMS, said) from error
    encoded = b"\x19" + signable.version + signable.header + signable.body
    return _signature(node, params.address(address), keccak(encoded))


def _signature(node: Any, address: Address, digest: bytes) -> str:
    signature: Signature = _account(node, address).key.sign_msg_hash(digest)
    body = signature.to_bytes()
    return hex_bytes(body[:-1] + bytes([body[-1] + _ELECTRUM]))


METHODS = {
    "eth_accounts": accounts,
    "eth_requestAccounts": accounts,
    "eth_sendRawTransaction": send_raw_transaction,
    "eth_sendTransaction": send_transaction,
    "eth_sign": sign,
    "eth_signTransaction": sign_transaction,
    "eth_signTypedData_v4": sign_typed_data,
    "personal_sign": personal_sign,
}
