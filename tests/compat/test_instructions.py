"""Every byte value as an instruction of an ordinary contract, over operands at the edges."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:SELFDESTRUCT")  # py-evm's deprecation notice

CONTRACT, LIBRARY = b"\xaa" * 20, b"\xbb" * 20
# Adds one to slot 1, logs topic 7, and answers the first word of its calldata.
LIBRARY_CODE = bytes.fromhex("6001546001016001555f355f5260075f5fa160205ff3")
WORDS = {
    "zeros": bytes(32),
    "ones": bytes(31) + b"\x01",
    "small": bytes(31) + b"\x21",
    "library": bytes(12) + LIBRARY,
    "sign bit": b"\x80" + bytes(31),
    "greatest": b"\xff" * 32,
}


def push_all(words: list[bytes]) -> bytes:
    return b"".join(b"\x7f" + word for word in words)


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS.keys())
def test_every_byte_with_equal_operands(assert_same_run, word):
    for number in range(0x100):
        code = push_all([word] * 17) + bytes([number]) + b"\x5b" * 40
        assert_same_run({CONTRACT: code, LIBRARY: LIBRARY_CODE}, data=b"\x55" * 40, gas=300_000)


def test_every_byte_with_mixed_operands(assert_same_run):
    """Gas, target, value, offsets and lengths where CALL and its like expect them."""
    operands = push_all([WORDS["small"]] * 5 + [WORDS["zeros"], WORDS["library"]])
    for number in range(0x100):
        code = operands + b"\x61\xff\xff" + bytes([number]) + b"\x59\x5a\x3d"
        assert_same_run({CONTRACT: code, LIBRARY: LIBRARY_CODE}, data=b"\x55" * 40, gas=300_000)


def test_every_byte_on_an_empty_stack(assert_same_run):
    for number in range(0x100):
        assert_same_run({CONTRACT: bytes([number])}, gas=100_000)


def test_every_byte_on_a_full_stack(assert_same_run):
    for number in range(0x100):
        assert_same_run({CONTRACT: b"\x5f" * 1024 + bytes([number])}, gas=200_000)
