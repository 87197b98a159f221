"""Random ordinary bytecode, in contracts that call each other, runs alike on both VMs."""

from __future__ import annotations

import pytest
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.filterwarnings("ignore:SELFDESTRUCT")  # py-evm's deprecation notice

ADDRESSES = tuple(bytes([n]) * 20 for n in (0xAA, 0xBB, 0xCC))
MAGIC = b"\xfcDNN\x01"
GAS = 120_000


def push(value: int) -> bytes:
    data = value.to_bytes(-(-value.bit_length() // 8), "big")
    return bytes([0x5F + len(data)]) + data


known_words = st.sampled_from(
    [int.from_bytes(address, "big") for address in ADDRESSES]
    + [1, 2, 3, 4, 5, 9]  # precompiles that are quick
    + [0xFFFF, 2**64, 2**128, 2**255, 2**256 - 1]
)
small_words = st.integers(0, 80)
words = st.one_of(*[small_words] * 7, known_words, st.integers(0, 2**256 - 1))
ENDINGS = [0x00, 0xF3, 0xFD, 0xFF]  # STOP, RETURN, REVERT, SELFDESTRUCT
instructions = st.builds(
    lambda operands, number: b"".join(map(push, operands)) + bytes([number]),
    st.lists(words, max_size=7),
    st.sampled_from(sorted(set(PRAGUE_OPCODES) - set(ENDINGS) - set(range(0x60, 0x80)))),
)
calls = st.builds(  # value, target and gas where CALL has them
    lambda operands, number: b"".join(map(push, operands)) + bytes([0x5A, number]),
    st.tuples(*[st.integers(0, 64)] * 4, st.integers(0, 1), known_words),
    st.sampled_from([0xF1, 0xF2, 0xF4, 0xFA]),
)
creations = st.builds(  # of the contract's own bytes
    lambda offset, number: (
        bytes([0x60, 0x40, 0x60, offset, 0x5F, 0x39, 0x5F, 0x60, 0x40, 0x5F])
        + bytes([0x5F, number])
    ),
    st.integers(0, 255),
    st.sampled_from([0xF0, 0xF5]),
)
# Bytes that mean something in a DNN contract only, and pieces of its marker.
displaced = st.one_of(st.integers(0x21, 0x3A), st.integers(0xB0, 0xCF)).map(lambda n: bytes([n]))
markers = st.sampled_from([MAGIC, MAGIC[:4], b"\x63DNN\x01"])
jumps = st.just(bytes.fromhex("58600501565b"))  # PC, 5, ADD, JUMP to the JUMPDEST behind it
ordinary = st.one_of(words.map(push), *[instructions] * 4, calls, creations, jumps)
anything = st.one_of(displaced, markers, st.binary(max_size=8))
endings = st.tuples(small_words, small_words, st.sampled_from(ENDINGS)).map(
    lambda end: push(end[0]) + push(end[1]) + bytes([end[2]])
)
code = st.builds(
    lambda some, parts, extra, end: b"".join([some, *parts, extra, end]),
    st.sampled_from([b"\x36" * 16, b"\x36" * 16, b""]),  # CALLDATASIZE, to be consumed
    st.lists(ordinary, min_size=3, max_size=30),
    st.one_of(*[st.just(b"")] * 12, anything),
    endings,
).filter(lambda code: not code.startswith(MAGIC))


@settings(max_examples=3 * settings.default.max_examples)
@given(codes=st.tuples(code, code, code), data=st.binary(max_size=80), value=st.integers(0, 3))
def test_random_contracts(assert_same_run, codes, data, value):
    accounts = dict(zip(ADDRESSES, codes, strict=True))
    assert_same_run(accounts, data=data, value=value, gas=GAS)
