"""Operand words and 256-bit integers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm import words
from smartvm.exceptions import OperandError
from smartvm.words import Address, Space

fields = st.integers(0, 2**64 - 1)
signed_fields = st.integers(-(2**63), 2**63 - 1)
halves = st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
uint256 = st.integers(0, 2**256 - 1)
int256 = st.integers(-(2**255), 2**255 - 1)


# Two's complement


@pytest.mark.parametrize(
    ("word", "value"),
    [(0, 0), (1, 1), (2**255 - 1, 2**255 - 1), (2**255, -(2**255)), (2**256 - 1, -1)],
)
def test_signed_and_unsigned(word, value):
    assert words.to_signed(word) == value
    assert words.to_unsigned(value) == word


@given(int256)
def test_a_signed_number_comes_back(value):
    assert words.to_signed(words.to_unsigned(value)) == value


@given(st.integers(-(2**600), 2**600))
def test_wrapping_is_what_the_machine_keeps(value):
    wrapped = words.wrap(value)
    assert -(2**255) <= wrapped < 2**255
    assert (wrapped - value) % 2**256 == 0


@pytest.mark.parametrize(
    ("low", "high", "size"),
    [
        (0, 0, 1),
        (0, 127, 1),
        (-128, 0, 1),
        (0, 128, 2),
        (-129, 0, 2),
        (5, 9, 1),
        (-9, -5, 1),
        (-32768, 32767, 2),
        (0, 32768, 3),
        (0, 2**64 - 1, 9),
        (-(2**255), 2**255 - 1, 32),
    ],
)
def test_the_narrowest_width(low, high, size):
    assert words.bytes_for(low, high) == size
    assert words.limbs_for(low, high) == (size + 1) // 2


@given(int256, int256)
def test_a_width_holds_both_ends_and_no_narrower_one_does(a, b):
    low, high = sorted((a, b))
    size = words.bytes_for(low, high)
    assert all(-(1 << 8 * size - 1) <= end < 1 << 8 * size - 1 for end in (low, high))
    narrower = 8 * size - 8
    if narrower:
        assert not all(-(1 << narrower - 1) <= end < 1 << narrower - 1 for end in (low, high))


# Fields


def test_the_first_field_is_the_lowest():
    assert words.pack(1, 2, 3, 4) == 1 | 2 << 64 | 3 << 128 | 4 << 192
    assert words.fields(5) == (5, 0, 0, 0)


@given(fields, fields, fields, fields)
def test_fields_come_back(f0, f1, f2, f3):
    assert words.fields(words.pack(f0, f1, f2, f3)) == (f0, f1, f2, f3)


@given(uint256)
def test_every_word_is_four_fields(word):
    assert words.pack(*words.fields(word)) == word


@pytest.mark.parametrize("value", [-1, 2**64])
@pytest.mark.parametrize("position", range(4))
def test_a_field_has_64_bits(value, position):
    values = [0] * 4
    values[position] = value
    message = f"f{position}: expected an unsigned 64-bit field, found {value}"
    with pytest.raises(OperandError, match=message):
        words.pack(*values)


def test_signed_fields():
    word = words.pack_signed_fields(-1, 2, -(2**63), 2**63 - 1)
    assert words.fields(word) == (2**64 - 1, 2, 2**63, 2**63 - 1)
    assert words.signed_fields(word) == (-1, 2, -(2**63), 2**63 - 1)


@given(signed_fields, signed_fields, signed_fields, signed_fields)
def test_signed_fields_come_back(f0, f1, f2, f3):
    assert words.signed_fields(words.pack_signed_fields(f0, f1, f2, f3)) == (f0, f1, f2, f3)


@pytest.mark.parametrize("value", [-(2**63) - 1, 2**63])
@pytest.mark.parametrize("position", range(4))
def test_a_signed_field_has_64_bits(value, position):
    values = [0] * 4
    values[position] = value
    message = f"f{position}: expected a signed 64-bit field, found {value}"
    with pytest.raises(OperandError, match=message):
        words.pack_signed_fields(*values)


def test_a_plain_number_sets_one_field():
    assert words.plain(2**64 - 1, "count") == 2**64 - 1
    with pytest.raises(
        OperandError, match=r"count: expected a plain number below 2\^64, found 0x1"
    ):
        words.plain(2**64, "count")


# Spatial words


@pytest.mark.parametrize(
    ("word", "default", "axes"),
    [
        (7, 0, (7, 7, 7)),
        (0, 0, (0, 0, 0)),
        (0, 1, (1, 1, 1)),
        (words.pack(5, 6, 0, 1), 0, (0, 5, 6)),
        (words.pack(5, 6, 0, 1), 1, (1, 5, 6)),
        (words.pack(5, 6, 4, 1), 1, (4, 5, 6)),
        (words.pack(0, 6, 0, 1), 1, (1, 1, 6)),
    ],
)
def test_spatial(word, default, axes):
    """Depth, height, width: as the kernels have them."""
    assert words.spatial(word, "size", default) == axes


@given(fields, fields, fields)
def test_spatial_words_come_back(height, width, depth):
    word = words.pack_spatial(height, width, depth)
    assert words.spatial(word, "size") == (depth, height, width)
    assert words.names_depth(word) == (depth > 0)


def test_a_depth_of_one_is_named_too():
    assert words.names_depth(words.pack_spatial(5, 6, 1))


@pytest.mark.parametrize("word", [7, 0, words.pack(5, 6, 7, 0), words.pack(5, 6, 0, 1)])
def test_only_a_word_an_axis_names_a_depth(word):
    assert not words.names_depth(word)


@pytest.mark.parametrize("decode", [words.spatial, words.padding])
@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (words.pack(1, 1), "f1 = f2 = 0 where f3 = 0"),
        (words.pack(1, 0, 1), "f1 = f2 = 0 where f3 = 0"),
        (words.pack(1, 1, 1, 2), "f3 of 0 or 1"),
        (2**256 - 1, "f3 of 0 or 1"),
    ],
)
def test_a_word_of_no_form(decode, word, expected):
    with pytest.raises(OperandError, match=f"kernel: expected {expected}, found"):
        decode(word, "kernel")


# Padding


def test_padding_on_all_sides():
    assert words.padding(3, "padding") == ((3, 3), (3, 3), (3, 3))
    assert words.padding(2**64 - 1, "padding")[0] == (2**64 - 1, 2**64 - 1)


def test_padding_a_side():
    word = words.pack_padding((1, 2), (-1, 0), (3, -4))
    assert words.padding(word, "padding") == ((3, -4), (1, 2), (-1, 0))
    assert word == 1 | 2 << 32 | 0xFFFFFFFF << 64 | 3 << 128 | 0xFFFFFFFC << 160 | 1 << 192


@given(halves, halves, halves)
def test_paddings_come_back(height, width, depth):
    word = words.pack_padding(height, width, depth)
    assert words.padding(word, "padding") == (depth, height, width)


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1])
def test_a_side_has_32_bits(value):
    message = f"padding: expected a signed 32-bit number, found {value}"
    with pytest.raises(OperandError, match=message):
        words.pack_padding((0, value), (0, 0))


# Addresses


@pytest.mark.parametrize(
    ("word", "place"),
    [
        (0, Address(0)),
        (7, Address(7)),
        (words.pack(7, 2, 3, 0), Address(7, 2, 3)),
        (words.pack(7, 2, 3, 1), Address(7, 2, 3, Space.BUFFER)),
        (words.pack(7, 2, 3, 2), Address(7, 2, 3, Space.MEMORY)),
        (words.pack(7, 2, 3, 4), Address(7, 2, 3, Space.STORAGE, True)),
        (words.pack(0, 0, 0, 6), Address(0, 0, 0, Space.MEMORY, True)),
    ],
)
def test_addresses(word, place):
    assert words.address(word, "a") == place
    assert words.pack_address(place) == word


@given(fields, fields, fields, st.sampled_from(Space), st.booleans())
def test_addresses_come_back(base, rows, columns, space, transposed):
    place = Address(base, rows, columns, space, transposed)
    assert words.address(words.pack_address(place), "a") == place


@pytest.mark.parametrize("flags", [3, 7, 8, 2**63])
def test_an_address_of_no_space(flags):
    message = f"a: expected f3 bits 0-1 of 0, 1 or 2 and bit 2, found {flags}"
    with pytest.raises(OperandError, match=message):
        words.address(words.pack(1, f3=flags), "a")


@given(uint256)
def test_every_word_is_an_address_or_an_error(word):
    try:
        place = words.address(word, "a")
    except OperandError:
        assert word >> 192 not in (0, 1, 2, 4, 5, 6)
    else:
        assert words.pack_address(place) == word
