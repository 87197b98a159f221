"""Parameters of JSON-RPC methods: from what a client has sent to numbers and bytes.

Each function takes a value and what it stands for; it raises `RPCError` (invalid params) with
that name, what was expected, and what was found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from eth_typing import Address, Hash32

from smartvm.node.errors import INVALID_PARAMS, RPCError

ADDRESS_BYTES = 20
HASH_BYTES = 32
SHOWN = 40
"""Characters of a wrong value that a message repeats."""
MOST_ADDRESSES = 1_000
"""Addresses, and alternatives of one topic, in a filter of logs."""
MOST_TOPICS = 4
_QUANTITY = re.compile(f"0x[0-9a-fA-F]{{1,{2 * HASH_BYTES}}}")

Topics = tuple[frozenset[bytes] | None, ...]
AccessList = tuple[tuple[Address, tuple[int, ...]], ...]


def refuse(what: str, expected: str, found: Any) -> NoReturn:
    """Raise the error of a parameter that is not what it should be."""
    shown = repr(found)
    shown = shown if len(shown) <= SHOWN else shown[:SHOWN] + "…"
    raise RPCError(INVALID_PARAMS, f"{what}: expected {expected}, found {shown}")


def quantity(value: Any, what: str, bits: int = 256) -> int:
    """A number below 2^bits: "0x" and hexadecimal digits, or a number of JSON."""
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        number = int(value, 16)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        number = -1
    if 0 <= number < 1 << bits:
        return number
    refuse(what, f"a number below 2^{bits} as 0x and hexadecimal digits", value)


def data(value: Any, what: str, size: int | None = None) -> bytes:
    """Bytes, of a given size if there is one: "0x" and two hexadecimal digits a byte."""
    expected = f"{'bytes' if size is None else f'{size} bytes'} as 0x and hexadecimal digits"
    if not isinstance(value, str) or value[:2] != "0x":
        refuse(what, expected, value)
    digits = value[2:]
    try:
        content = bytes.fromhex(digits)
    except ValueError:
        refuse(what, expected, value)
    if len(content) * 2 != len(digits) or (size is not None and len(content) != size):
        refuse(what, expected, value)
    return content


def address(value: Any, what: str = "address") -> Address:
    """The 20 bytes of an account."""
    return Address(data(value, what, ADDRESS_BYTES))


def hash32(value: Any, what: str = "hash") -> Hash32:
    """32 bytes."""
    return Hash32(data(value, what, HASH_BYTES))


def boolean(value: Any, what: str) -> bool:
    """True or false; null is false."""
    if value is None or isinstance(value, bool):
        return bool(value)
    refuse(what, "true or false", value)


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """An object of JSON; null is an empty one."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    refuse(what, "an object", value)


def array(value: Any, what: str, most: int = MOST_ADDRESSES) -> list[Any]:
    """An array of JSON of at most so many items; null is an empty one."""
    if value is None:
        return []
    if isinstance(value, list) and len(value) <= most:
        return value
    refuse(what, f"an array of at most {most} items", value)


@dataclass(frozen=True)
class CallRequest:
    """A transaction, or a call, as a client asks for it; what it leaves out is None.

    Attributes:
        sender: `from`.
        to: None to create a contract.
        gas: its limit.
        gas_price: wei a gas, of a transaction without a dynamic fee.
        max_fee: wei a gas at most.
        priority_fee: wei a gas for the miner.
        authorizations: EIP-7702: fields of py-evm's authorizations.
    """

    sender: Address | None
    to: Address | None
    gas: int | None
    gas_price: int | None
    max_fee: int | None
    priority_fee: int | None
    value: int
    data: bytes
    nonce: int | None
    access_list: AccessList | None
    authorizations: tuple[dict[str, Any], ...]
    chain_id: int | None


def call_request(value: Any) -> CallRequest:
    """The object that eth_call, eth_estimateGas and eth_sendTransaction take."""
    fields = mapping(value, "transaction")
    for name in ("blobVersionedHashes", "blobs"):
        if fields.get(name):
            refuse(name, "none: send blob transactions with eth_sendRawTransaction", fields[name])
    dynamic = [name for name in ("maxFeePerGas", "maxPriorityFeePerGas") if fields.get(name)]
    if dynamic and fields.get("gasPrice"):
        refuse("gasPrice", f"none beside {dynamic[0]}", fields["gasPrice"])

    def optional(name: str, parse: Callable[..., Any], *options: Any) -> Any:
        given = fields.get(name)
        return None if given is None else parse(given, name, *options)

    return CallRequest(
        sender=optional("from", address),
        to=None if fields.get("to") == "0x" else optional("to", address),
        gas=optional("gas", quantity, 64),
        gas_price=optional("gasPrice", quantity),
        max_fee=optional("maxFeePerGas", quantity),
        priority_fee=optional("maxPriorityFeePerGas", quantity),
        value=optional("value", quantity) or 0,
        data=_calldata(fields),
        nonce=optional("nonce", quantity, 64),
        access_list=optional("accessList", access_list),
        authorizations=tuple(
            _authorization(entry)
            for entry in array(fields.get("authorizationList"), "authorizationList")
        ),
        chain_id=optional("chainId", quantity),
    )


def _calldata(fields: Mapping[str, Any]) -> bytes:
    given = [data(fields[n], n) for n in ("input", "data") if fields.get(n) is not None]
    if len(given) == 2 and given[0] != given[1]:
        refuse("data", "the same bytes as input", fields["data"])
    return given[0] if given else b""


def access_list(value: Any, what: str = "accessList") -> AccessList:
    """EIP-2930: addresses, each with the slots that are warm."""
    entries = (mapping(entry, what) for entry in array(value, what))
    return tuple(
        (
            address(entry.get("address"), f"{what} address"),
            tuple(_slot(key, what) for key in array(entry.get("storageKeys"), f"{what} keys")),
        )
        for entry in entries
    )


def _slot(value: Any, what: str) -> int:
    return int.from_bytes(hash32(value, f"{what} storage key"), "big")


def slot(value: Any, what: str = "slot") -> int:
    """The number of a storage slot; its 32 bytes, or a quantity."""
    return quantity(value, what)


def _authorization(value: Any) -> dict[str, Any]:
    fields = mapping(value, "authorization")
    numbers = {
        ours: quantity(fields.get(theirs), f"authorization {theirs}")
        for ours, theirs in (
            ("chain_id", "chainId"),
            ("nonce", "nonce"),
            ("y_parity", "yParity"),
            ("r", "r"),
            ("s", "s"),
        )
    }
    return {**numbers, "address": address(fields.get("address"), "authorization address")}


@dataclass(frozen=True)
class LogFilter:
    """Which logs: between two blocks (tags) or in one, of these addresses, with these topics."""

    first: Any
    last: Any
    block_hash: Hash32 | None
    addresses: frozenset[bytes]
    topics: Topics


def log_filter(value: Any) -> LogFilter:
    """The object that eth_getLogs and eth_newFilter take."""
    fields = mapping(value, "filter")
    block_hash = fields.get("blockHash")
    if block_hash is not None and (fields.get("fromBlock") or fields.get("toBlock")):
        refuse("filter", "a blockHash or a range of blocks, not both", value)
    return LogFilter(
        first=fields.get("fromBlock"),
        last=fields.get("toBlock"),
        block_hash=None if block_hash is None else hash32(block_hash, "blockHash"),
        addresses=_addresses(fields.get("address")),
        topics=tuple(_topic(t) for t in array(fields.get("topics"), "topics", MOST_TOPICS)),
    )


def _addresses(value: Any) -> frozenset[bytes]:
    given = [value] if isinstance(value, str) else array(value, "address")
    return frozenset(address(item) for item in given)


def _topic(value: Any) -> frozenset[bytes] | None:
    """The alternatives at one place; None where any topic will do."""
    if value is None or value == []:
        return None
    given = value if isinstance(value, list) else [value]
    if None in given:
        return None
    return frozenset(hash32(item, "topic") for item in array(given, "topic"))
