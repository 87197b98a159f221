"""What a client sends is checked, and the error says what was expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smartvm.node import params
from smartvm.node.errors import INVALID_PARAMS, RPCError

ADDRESS = "0x" + "ab" * 20
HASH = "0x" + "cd" * 32


@pytest.mark.parametrize(
    ("parse", "value", "expected"),
    [
        (params.quantity, "0x0", 0),
        (params.quantity, "0x00ff", 255),
        (params.quantity, 7, 7),
        (params.quantity, "0x" + "f" * 64, 2**256 - 1),
        (params.data, "0x", b""),
        (params.data, "0xAb01", b"\xab\x01"),
        (params.boolean, None, False),
        (params.boolean, True, True),
        (params.mapping, None, {}),
        (params.array, None, []),
    ],
)
def test_what_is_right_is_read(parse: Callable[..., Any], value: Any, expected: Any) -> None:
    assert parse(value, "it") == expected


@pytest.mark.parametrize(
    "value",
    ["", "0x", "12", "0xg", "0x1_0", "0x-1", "0x 1", "0x" + "f" * 65, -1, 1.0, True, None, [], {}],
)
def test_what_is_no_quantity_is_refused(value: Any) -> None:
    with pytest.raises(RPCError, match="gas: expected a number below 2\\^256") as raised:
        params.quantity(value, "gas")
    assert raised.value.code == INVALID_PARAMS


def test_a_quantity_has_a_bound() -> None:
    assert params.quantity("0xff", "it", 8) == 255
    with pytest.raises(RPCError, match="below 2\\^8"):
        params.quantity("0x100", "it", 8)


@pytest.mark.parametrize("value", ["", "ab", "0xabc", "0x0 1", "0xzz", 5, None, True, [], {}])
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(RPCError, match="data: expected bytes as 0x"):
        params.data(value, "data")


@pytest.mark.parametrize("value", ["0x", ADDRESS[:-2], ADDRESS + "00", 1, None])
def test_an_address_has_20_bytes(value: Any) -> None:
    with pytest.raises(RPCError, match="address: expected 20 bytes"):
        params.address(value)


def test_a_long_value_is_not_repeated() -> None:
    with pytest.raises(RPCError) as raised:
        params.address("0x" + "a" * 10_000)
    assert len(raised.value.message) < 120


def test_a_call_request_is_read() -> None:
    request = params.call_request(
        {
            "from": ADDRESS,
            "to": ADDRESS,
            "input": "0x01",
            "data": "0x01",
            "gas": "0x5208",
            "accessList": [{"address": ADDRESS, "storageKeys": ["0x" + "00" * 31 + "02"]}],
            "somethingElse": 1,
        }
    )
    raw = bytes.fromhex(ADDRESS[2:])
    assert (request.sender, request.to, request.gas, request.data) == (raw, raw, 21_000, b"\x01")
    assert request.access_list == ((raw, (2,)),)
    assert request.nonce is None


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (7, "transaction: expected an object"),
        ({"to": "0x1"}, "to: expected 20 bytes"),
        ({"input": "0x01", "data": "0x02"}, "data: expected the same bytes as input"),
        ({"gas": "0x" + "f" * 17}, "gas: expected a number below 2\\^64"),
        ({"blobVersionedHashes": [HASH]}, "blobVersionedHashes"),
        ({"accessList": [7]}, "accessList: expected an object"),
        ({"accessList": {}}, "accessList: expected an array"),
        ({"authorizationList": [{}]}, "authorization chainId"),
    ],
)
def test_a_wrong_call_request_is_refused(request_: Any, said: str) -> None:
    with pytest.raises(RPCError, match=said):
        params.call_request(request_)


def test_a_log_filter_is_read() -> None:
    found = params.log_filter({"address": [ADDRESS], "topics": [None, HASH, [HASH, HASH], []]})
    topic = frozenset([bytes.fromhex(HASH[2:])])
    assert found.addresses == {bytes.fromhex(ADDRESS[2:])}
    assert found.topics == (None, topic, topic, None)


@pytest.mark.parametrize(
    ("filter_", "said"),
    [
        ([], "filter: expected an object"),
        ({"topics": [HASH] * 5}, "topics: expected an array of at most 4"),
        ({"topics": [[HASH, 3]]}, "topic: expected 32 bytes"),
        ({"address": {}}, "address: expected an array"),
        ({"blockHash": HASH, "fromBlock": "0x1"}, "not both"),
        ({"address": [ADDRESS] * 1001}, "at most 1000"),
    ],
)
def test_a_wrong_log_filter_is_refused(filter_: Any, said: str) -> None:
    with pytest.raises(RPCError, match=said):
        params.log_filter(filter_)


def test_a_price_is_fixed_or_dynamic() -> None:
    with pytest.raises(RPCError, match="gasPrice: expected none beside maxFeePerGas"):
        params.call_request({"gasPrice": "0x1", "maxFeePerGas": "0x1"})
