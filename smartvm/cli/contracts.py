"""A contract seen through a client: addresses, calls, transactions and their receipts."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smartvm.cli.client import Client, MethodRefused
from smartvm.cli.command import Refused, UsageError, count, from_hex

RECEIPT_SECONDS = 120.0
"""How long a transaction may wait for its block."""
POLL_SECONDS = 0.1
ADDRESS_BYTES, HASH_BYTES, KEY_BYTES = 20, 32, 32


def parse_bytes(text: str, size: int, what: str) -> bytes:
    """The bytes of an address, a hash or the like.

    Raises:
        UsageError: it is no hexadecimal of that size.
    """
    expected = f"{what} ({size} bytes in hexadecimal)"
    content = from_hex(text, expected)
    if len(content) != size:
        raise UsageError(f"expected {expected}, found {count(len(content), 'byte')}")
    return content


def parse_address(text: str) -> str:
    """An address as JSON-RPC takes it."""
    return f"0x{parse_bytes(text, ADDRESS_BYTES, 'an address').hex()}"


def decoded(text: str) -> bytes:
    """The bytes of a JSON-RPC answer."""
    return bytes.fromhex(text.removeprefix("0x"))


def contract_call(client: Client, address: str, calldata: bytes, block: str = "latest") -> bytes:
    """What a contract returns to a call.

    Raises:
        MethodRefused: it reverts, with its reason.
    """
    request = {"to": address, "data": f"0x{calldata.hex()}"}
    return decoded(client.call("eth_call", request, block))


def model_hash(client: Client, address: str) -> bytes:
    """The hash that a model contract answers with.

    Raises:
        Refused: there is no contract, or it is no model contract.
    """
    from smartvm.compiler.abi import encode_call
    from smartvm.compiler.contract_abi import MODEL_HASH

    if client.call("eth_getCode", address, "latest") in ("0x", None):
        raise Refused(f"{address}: there is no contract at this address")
    try:
        answer = contract_call(client, address, encode_call(MODEL_HASH))
    except MethodRefused:
        answer = b""
    if len(answer) != HASH_BYTES:
        raise Refused(f"{address}: not a model contract, it does not answer modelHash()")
    return answer


def add_sender_options(parser: ArgumentParser) -> None:
    """--from and --key-file."""
    sender = parser.add_mutually_exclusive_group()
    sender.add_argument(
        "--from",
        dest="sender",
        metavar="ADDRESS",
        help="an unlocked account of the node (default: its first)",
    )
    sender.add_argument(
        "--key-file",
        metavar="FILE",
        help="sign here, with the private key in this file (64 hexadecimal digits)",
    )


@dataclass(frozen=True)
class Sender:
    """Who sends transactions.

    Attributes:
        client: to which they go.
        address: of the account.
        key: with which they are signed here; None where the node signs.
    """

    client: Client
    address: str
    key: Any = None

    @classmethod
    def of(cls, client: Client, arguments: Namespace) -> Sender:
        """The account that the arguments name, or the node's first.

        Raises:
            UsageError: the key file holds no key, or the node has no such account.
        """
        if arguments.key_file:
            key = _read_key(arguments.key_file)
            return cls(client, f"0x{key.public_key.to_canonical_address().hex()}", key)
        accounts = [account.lower() for account in client.call("eth_accounts")]
        if not accounts:
            raise UsageError("the node has no unlocked account: give --key-file")
        address = parse_address(arguments.sender) if arguments.sender else accounts[0]
        if address not in accounts:
            raise UsageError(f"--from: {address} is no unlocked account of the node: --key-file")
        return cls(client, address)

    def send(self, to: str | None, data: bytes, gas: int | None = None) -> dict[str, Any]:
        """Send a transaction and wait for its receipt.

        Args:
            to: the contract; None creates one.
            data: calldata or init code.
            gas: its limit; estimated by the node if None.

        Raises:
            Refused: the node refuses it, or it was mined and failed.
        """
        request: dict[str, Any] = {"from": self.address, "data": f"0x{data.hex()}"}
        request |= {"to": to} if to else {}
        limit = gas or int(self.client.call("eth_estimateGas", request), 16)
        if self.key is None:
            sent = self.client.call("eth_sendTransaction", request | {"gas": hex(limit)})
        else:
            signed = self._signed(to, data, limit)
            sent = self.client.call("eth_sendRawTransaction", f"0x{signed.hex()}")
        receipt = self._receipt(sent)
        if int(receipt["status"], 16) != 1:
            reason = self._reason(request | {"gas": hex(limit)}, receipt)
            raise Refused(f"transaction {sent} failed in block {_number(receipt)}: {reason}")
        return receipt

    def _signed(self, to: str | None, data: bytes, gas: int) -> bytes:
        from smartvm.vm import SmartVM

        client = self.client
        chain_id = int(client.call("eth_chainId"), 16)
        priority_fee = int(client.call("eth_maxPriorityFeePerGas"), 16)
        base_fee = int(client.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
        builder: Any = SmartVM.get_transaction_builder()
        unsigned = builder.new_unsigned_dynamic_fee_transaction(
            chain_id=chain_id,
            nonce=int(client.call("eth_getTransactionCount", self.address, "pending"), 16),
            max_priority_fee_per_gas=priority_fee,
            max_fee_per_gas=2 * base_fee + priority_fee,
            gas=gas,
            to=decoded(to or ""),
            value=0,
            data=data,
            access_list=(),
        )
        return bytes(unsigned.as_signed_transaction(self.key, chain_id).encode())

    def _receipt(self, transaction: str) -> dict[str, Any]:
        deadline = time.monotonic() + RECEIPT_SECONDS
        while True:
            receipt: dict[str, Any] | None
            receipt = self.client.call("eth_getTransactionReceipt", transaction)
            if receipt:
                return receipt
            if time.monotonic() > deadline:
                raise Refused(f"transaction {transaction}: no block holds it yet; is mining off?")
            time.sleep(POLL_SECONDS)

    def _reason(self, request: dict[str, Any], receipt: dict[str, Any]) -> str:
        try:
            self.client.call("eth_call", request, receipt["blockNumber"])
        except MethodRefused as error:
            return str(error)
        return f"{int(receipt['gasUsed'], 16):,} gas used; 'smartvm trace' shows where it ended"


def _number(receipt: dict[str, Any]) -> int:
    return int(receipt["blockNumber"], 16)


def _read_key(path: str) -> Any:
    from eth_keys.datatypes import PrivateKey
    from eth_utils import ValidationError

    # Nothing of the file may be shown: it is a secret, or what stands where one should be.
    try:
        content = bytes.fromhex(Path(path).read_text().strip().removeprefix("0x"))
        if len(content) == KEY_BYTES:
            key = PrivateKey(content)
            key.public_key.to_canonical_address()
            return key
    except (ValueError, ValidationError):
        pass
    raise UsageError(f"{path}: expected a private key of 64 hexadecimal digits")
