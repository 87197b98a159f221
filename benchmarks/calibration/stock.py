"""The stock instructions at bad operands, and the precompiled contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from inspect import unwrap
from typing import Any, NamedTuple

from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from eth.vm.forks.spurious_dragon.constants import EIP170_CODE_SIZE_LIMIT
from eth.vm.message import Message
from eth_typing import Address
from harness import nanoseconds
from py_ecc import bls12_381
from py_ecc.bn128 import G2

from calibration.frame import GAS, Cost, cost_of, new_frame, states
from smartvm.execution import CALLER, CONTRACT

TIMES = 100
"""How often an instruction is executed in a frame."""
LARGE = 1 << 17
"""Bytes of Memory that every frame has."""
WIDE = (1 << 256) - 189
OTHER = 0x6C078965_5D588B65_9D2C5680_EFC60000_71D67FFF_FEEDA600_3A5F1D97_10B3C0DE
"""Words of which few bits are alike."""
EMPTY, LOADED = 0xE0, 0xE1
"""Accounts without code, and with as much code as there can be."""


JUMP, POP = 0x56, 0x50
COPIES, STORES, LOGS = (0x37, 0x39, 0x3C, 0x3E, 0x5E), (0x52, 0x53, 0x55, 0x5D), range(0xA0, 0xA5)
LEAVE_NOTHING = {POP, 0x57, *COPIES, *STORES, *LOGS}


class Stock(NamedTuple):
    """An instruction as it is measured.

    Attributes:
        opcode: its number.
        operands: what it takes, the first on top.
        data: bytes that follow it in the code.
        under: words that lie on the Stack below all operands.
    """

    opcode: int
    operands: tuple[int, ...] = ()
    data: bytes = b""
    under: int = 0

    @property
    def is_covered(self) -> bool:
        """Whether it leaves a word on top of the operands of the next one."""
        return bool(self.operands) and self.opcode not in LEAVE_NOTHING

    def stack(self) -> list[int]:
        """The words for `TIMES` executions, the top last."""
        if self.opcode == JUMP:
            return [2 * index + 1 for index in reversed(range(TIMES))]
        return [WIDE] * self.under + list(reversed(self.operands)) * TIMES

    def __str__(self) -> str:
        shown = (f"{word:,}" if word < 1 << 20 else "wide" for word in self.operands)
        return " ".join([unwrap(PRAGUE_OPCODES[self.opcode]).mnemonic, *shown])


def instructions() -> Iterator[Stock]:
    """Every instruction that can be repeated in a frame, most of them more than once."""
    yield from _arithmetic()
    yield from _environment()
    yield from _memory_and_storage()
    for width in range(33):
        yield Stock(0x5F + width, data=b"\x5b" * width)
    for depth in range(16):
        yield Stock(0x80 + depth, under=depth + 1)
        yield Stock(0x90 + depth, under=depth + 2)
    yield from _calls()


def _arithmetic() -> Iterator[Stock]:
    for opcode in (1, 2, 3, 4, 5, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18):
        yield Stock(opcode, (WIDE, OTHER))
        yield Stock(opcode, (WIDE, 3))
    for opcode in (8, 9):
        yield Stock(opcode, (WIDE, WIDE - 2, OTHER))
    for opcode in (0x0B, 0x1A, 0x1B, 0x1C, 0x1D):
        yield Stock(opcode, (7, WIDE))
    yield Stock(0x0A, (OTHER, WIDE))
    yield Stock(0x0A, (3, 255))
    yield Stock(0x15, (WIDE,))
    yield Stock(0x19, (WIDE,))


def _environment() -> Iterator[Stock]:
    plain = (0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3A, 0x3D, *range(0x41, 0x49), 0x4A)
    for opcode in (*plain, 0x58, 0x59, 0x5A, 0x5B):
        yield Stock(opcode)
    for opcode in (0x31, 0x3B, 0x3F):
        yield Stock(opcode, (EMPTY,))
        yield Stock(opcode, (LOADED,))
    for opcode in (0x35, 0x40, 0x49):
        yield Stock(opcode, (0,))


def _memory_and_storage() -> Iterator[Stock]:
    for size in (0, 1, 32, LARGE):
        yield Stock(0x20, (0, size))
        for opcode in (0x37, 0x39, 0x5E):
            yield Stock(opcode, (0, 0, size))
        yield Stock(0x3C, (LOADED, 0, 0, size))
        for topics in range(5):
            yield Stock(0xA0 + topics, (0, size, *(WIDE,) * topics))
    yield Stock(0x3E, (0, 0, 0))
    yield Stock(0x50, (WIDE,))
    yield Stock(0x51, (31,))
    yield Stock(0x52, (31, WIDE))
    yield Stock(0x53, (31, WIDE))
    yield Stock(0x54, (3,))
    yield Stock(0x55, (3, 5))
    yield Stock(0x5C, (3,))
    yield Stock(0x5D, (3, 5))


def _calls() -> Iterator[Stock]:
    yield Stock(0x57, (0, 0))
    yield Stock(JUMP, data=b"\x5b")
    for account in (EMPTY, LOADED):
        for opcode, operands in ((0xF1, 7), (0xF2, 7), (0xF4, 6), (0xFA, 6)):
            yield Stock(opcode, (100_000, account, *(0,) * (operands - 2)))
    yield Stock(0xF0, (0, 0, 0))
    yield Stock(0xF0, (0, 0, 1000))


def measure(stock: Stock, runs: int) -> Cost:
    """One execution among `TIMES` in a frame; everything that it touches is warm."""
    after = bytes([POP]) if stock.is_covered else b""
    gas, time = _cost(bytes([stock.opcode]) + stock.data + after, stock.stack(), runs)
    if after:
        pop_gas, pop_time = _cost(after, [WIDE] * TIMES, runs)
        gas, time = gas - pop_gas, time - pop_time
    return Cost(str(stock).partition(" ")[0], str(stock), gas, time)


def _cost(code: bytes, stack: list[int], runs: int) -> tuple[float, float]:
    gas, time = cost_of(lambda: new_frame(_state(), code * TIMES, stack, LARGE), runs)
    return gas / TIMES, time / TIMES


@cache
def _state() -> Any:
    state = states()()
    state.set_code(_account(LOADED), b"\x00" * EIP170_CODE_SIZE_LIMIT)
    state.set_balance(CONTRACT, 10**18)
    state.set_storage(CONTRACT, 3, 5)
    return state


def _account(number: int) -> Address:
    return Address(number.to_bytes(20, "big"))


class Precompile(NamedTuple):
    """A precompiled contract and its input."""

    name: str
    address: int
    data: bytes


def precompiles() -> Sequence[Precompile]:
    """Each with an input that does its work."""
    bn128 = _words(1, 2)
    g1 = b"".join(bytes(16) + coordinate.n.to_bytes(48, "big") for coordinate in bls12_381.G1)
    zero = b"\xc0" + bytes(47)  # the commitment of the polynomial 0, and its proof
    return (
        Precompile("identity, 64 KiB", 4, bytes(1 << 16)),
        Precompile("SHA-256, 64 KiB", 2, bytes(1 << 16)),
        Precompile("RIPEMD-160, 64 KiB", 3, bytes(1 << 16)),
        Precompile("MODEXP, 256 bits", 5, _words(32, 32, 32, WIDE, WIDE, OTHER | 1)),
        Precompile("MODEXP, 8,192 bits", 5, _words(*(1024,) * 3) + b"\xfd" * 3072),
        Precompile("ECRECOVER", 1, _words(OTHER >> 1, 27, OTHER >> 1, OTHER >> 2)),
        Precompile("BLAKE2F, 1,000 rounds", 9, (1000).to_bytes(4, "big") + bytes(209)),
        Precompile("BN128 addition", 6, bn128 + bn128),
        Precompile("BN128 multiplication", 7, bn128 + _words(WIDE)),
        Precompile(
            "BN128 pairing",
            8,
            (bn128 + _words(*(c.n for part in G2 for c in reversed(part.coeffs)))) * 2,
        ),
        Precompile("KZG point evaluation", 10, _versioned(zero) + bytes(64) + zero * 2),
        Precompile("BLS12-381 G1 addition", 11, g1 + g1),
        Precompile("BLS12-381 G1 multiplication", 12, g1 + _words(WIDE)),
        Precompile("BLS12-381 G1 mapping", 16, bytes(16) + b"\x11" * 48),
    )


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


def _versioned(commitment: bytes) -> bytes:
    return b"\x01" + sha256(commitment).digest()[1:]


def measure_precompile(contract: Precompile, runs: int) -> Cost:
    """The contract itself, without the call."""
    address = _account(contract.address)
    message = Message(GAS, address, CALLER, 0, contract.data, b"")
    context = _state().get_transaction_context_class()(gas_price=0, origin=CALLER)

    def prepare() -> Any:
        return _state().computation_class(_state(), message, context)

    frame = prepare()
    precompile = frame.precompiles[address]
    precompile(frame)
    gas = GAS - frame.get_gas_remaining()
    return Cost(contract.name, contract.name, gas, nanoseconds(precompile, prepare, runs))
