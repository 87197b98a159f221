"""The format of a weight block, and everything that is not one."""

from __future__ import annotations

import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import BlockMalformed, BlockTooLarge, ItemRangeError, OperandError
from smartvm.storage.blocks import MAX_BLOCK_BYTES, block_key, decode_block, encode_block


def test_a_block_of_two_items_byte_by_byte():
    value = encode_block(Tensor.from_ints([1, -2]), 2)
    assert value.hex() == "86" + "01" + "02" + "0100" + "feff"


def test_the_key_is_one_byte_longer_than_a_slots():
    assert block_key(0x1234).hex() == "01" + "00" * 30 + "1234"
    assert block_key((1 << 256) - 1) == b"\x01" + b"\xff" * 32
    assert keccak(block_key(0)) != keccak(bytes(32))


@given(st.integers(1, 32), st.data())
def test_a_block_holds_what_was_encoded(item_bytes, data):
    bound = 1 << 8 * item_bytes - 1
    values = data.draw(st.lists(st.integers(-bound, bound - 1), min_size=1, max_size=40))
    value = encode_block(Tensor.from_ints(values), item_bytes)
    block = decode_block(value)
    assert block.items.to_ints() == values
    assert (block.item_bytes, len(block)) == (item_bytes, len(values))
    assert block.nbytes == item_bytes * len(values)
    assert block.value_length == len(value)
    assert block.limbs == (item_bytes + 1) // 2
    header = bytes([1, item_bytes])
    packed = b"".join(v.to_bytes(item_bytes, "little", signed=True) for v in values)
    assert value == rlp.encode(header + packed)


def test_items_and_their_memo_are_kept():
    block = decode_block(encode_block(Tensor.from_ints([1, 2, 3]), 1))
    block.items.memo["packed"] = 7
    assert block.items is block.items
    assert block.memo == {"packed": 7}


def test_the_largest_block_is_a_mebibyte_of_items():
    largest = encode_block(Tensor.zeros(MAX_BLOCK_BYTES // 2), 2)
    assert len(decode_block(largest)) == MAX_BLOCK_BYTES // 2
    with pytest.raises(BlockTooLarge, match="at most 1048576 bytes, found 1048578"):
        encode_block(Tensor.zeros(MAX_BLOCK_BYTES // 2 + 1), 2)


def test_what_cannot_be_encoded_is_named():
    with pytest.raises(ItemRangeError, match="item_bytes"):
        encode_block(Tensor.from_ints([128]), 1)
    with pytest.raises(OperandError, match="item_bytes"):
        encode_block(Tensor.from_ints([1]), 33)
    with pytest.raises(OperandError, match="item_bytes"):
        encode_block(Tensor.from_ints([1]), 0)
    with pytest.raises(BlockMalformed, match="at least one item"):
        encode_block(Tensor.zeros(0), 1)


TOO_LARGE = b"\x01\x01" + bytes(MAX_BLOCK_BYTES + 1)

MALFORMED = {
    "nothing": b"",
    "no string": b"\x05",
    "a list": rlp.encode([b"\x01\x01\x05"]),
    "an empty string": rlp.encode(b""),
    "half a header": rlp.encode(b"\x01"),
    "no items": rlp.encode(b"\x01\x01"),
    "version 0": rlp.encode(b"\x00\x01\x05"),
    "version 2": rlp.encode(b"\x02\x01\x05"),
    "items of 0 bytes": rlp.encode(b"\x01\x00\x05"),
    "items of 33 bytes": rlp.encode(b"\x01\x21" + bytes(33)),
    "an item and a half": rlp.encode(b"\x01\x02\x05\x06\x07"),
    "beyond the limit": rlp.encode(TOO_LARGE),
    "a string cut short": encode_block(Tensor.from_ints([1, 2, 3]), 1)[:-1],
    "a byte too many": encode_block(Tensor.from_ints([1, 2, 3]), 1) + b"\0",
    "a long prefix on a short string": b"\xb8\x03\x01\x01\x05",
    "a length with a leading zero": b"\xb9\x00\x3c\x01\x01" + bytes(58),
    "a long prefix alone": b"\xbf",
}


@pytest.mark.parametrize("value", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_block_is_named(value):
    with pytest.raises(BlockMalformed, match="block"):
        decode_block(value)


@given(st.binary(max_size=70) | st.binary(max_size=70).map(rlp.encode))
def test_exactly_the_valid_encodings_decode(value):
    try:
        payload = rlp.decode(value, rlp.sedes.binary)
    except rlp.RLPException:
        payload = b""
    valid = (
        len(payload) > 2
        and payload[0] == 1
        and 1 <= payload[1] <= 32
        and (len(payload) - 2) % payload[1] == 0
    )
    if valid:
        block = decode_block(value)
        assert encode_block(block.items, block.item_bytes) == value
    else:
        with pytest.raises(BlockMalformed):
            decode_block(value)


@given(st.integers(1, 32), st.binary(min_size=1, max_size=100))
def test_every_string_with_a_valid_header_and_whole_items_decodes(item_bytes, items):
    items = items[: len(items) // item_bytes * item_bytes] or bytes(item_bytes)
    block = decode_block(rlp.encode(bytes([1, item_bytes]) + items))
    assert bytes(block.packed) == items
