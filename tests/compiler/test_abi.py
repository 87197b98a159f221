from __future__ import annotations

import pytest
from eth_abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from smartvm.compiler import abi

WORDS = st.integers(0, 2**256 - 1)
INTEGERS = st.integers(-(2**255), 2**255 - 1)


def test_selectors_and_topics_are_those_of_erc20() -> None:
    assert abi.selector("transfer(address,uint256)") == 0xA9059CBB
    topic = abi.event_topic("Transfer(address,address,uint256)")
    assert topic == 0xDDF252AD1BE2C89B69C2B068FC378DAA952BA7F163C4A11628F55A4DF523B3EF


@given(WORDS, WORDS, st.binary(max_size=100))
def test_calls_are_encoded_as_eth_abi_does(first: int, second: int, content: bytes) -> None:
    signature = "setBlock(uint256,uint256,bytes)"
    expected = encode(["uint256", "uint256", "bytes"], [first, second, content])
    assert abi.encode_call(signature, first, second, content)[4:] == expected


@given(WORDS, WORDS, st.lists(st.binary(max_size=70), max_size=4))
def test_lists_of_bytes_are_encoded_as_eth_abi_does(
    first: int, second: int, contents: list[bytes]
) -> None:
    signature = "setBlocks(uint256,uint256,bytes[])"
    expected = encode(["uint256", "uint256", "bytes[]"], [first, second, contents])
    assert abi.encode_call(signature, first, second, contents)[4:] == expected


@given(st.lists(INTEGERS, max_size=5))
def test_arrays_are_decoded_as_eth_abi_encodes_them(values: list[int]) -> None:
    assert abi.decode_int256_array(encode(["int256[]"], [values])) == values


@pytest.mark.parametrize("cut", [0, 32, 64, 95])
def test_a_cut_array_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="int256"):
        abi.decode_int256_array(encode(["int256[]"], [[1, 2]])[:cut])


def test_one_word_is_decoded() -> None:
    assert abi.decode_uint256((7).to_bytes(32, "big")) == 7
    with pytest.raises(ValueError, match="one word"):
        abi.decode_uint256(b"")


@given(st.text(max_size=80))
def test_revert_reasons(message: str) -> None:
    payload = abi.error_payload(message)
    assert decode(["string"], payload[4:]) == (message,)
    assert abi.revert_reason(payload) == message


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big"), "panic 0x11"),
        (b"", "no reason given"),
        (b"\1\2", "0x0102"),
    ],
)
def test_other_reverts_are_shown(output: bytes, reason: str) -> None:
    assert abi.revert_reason(output) == reason
