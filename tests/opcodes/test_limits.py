"""Operands that no gas can pay for fail before memory is taken or work is done."""

from __future__ import annotations

import tracemalloc
from time import process_time

import pytest
from eth.exceptions import OutOfGas

from smartvm.exceptions import BlockMissing, ShapeError
from smartvm.words import pack

FIELD = 2**64 - 1
WORD = 2**256 - 1
CONVOLUTION = "in=1 out=1 size=2 weights=mem:0"
CUBE = pack(FIELD, FIELD, FIELD, 1)
UNPAYABLE = [
    "BUF_ALLO size=0x1000000000000000",
    f"BUF_ALLO size={WORD}",
    "BUF_INIT size=0x1000000000000000",
    f"BUF_INIT size={WORD}",
    f"CONV_MUL {CONVOLUTION} padding={2**62}",
    f"CONV_SING {CONVOLUTION} padding={FIELD}",
    f"CONV_SING {CONVOLUTION} padding={2**62} kernel={2**62}",
    f"CONV_3D in=1 out=1 size=2x2x1 weights=mem:0 padding={FIELD} kernel={2**63}",
    f"CONV_MUL in=1 out={FIELD} size=2 weights=mem:0",
    f"CONV_MUL in=1 out={FIELD} size=2 weights=mem:0 padding={FIELD} kernel={CUBE}",
    f"CONV_SING in=1 out={FIELD} size=2 weights=mem:0",
    f"CONV_TPD {CONVOLUTION} stride={2**40}",
    f"CONV_TPD {CONVOLUTION} stride={FIELD}",
    f"CONV_TPD {CONVOLUTION} kernel=2 dilation={FIELD}",
    f"CONV_TPD {CONVOLUTION} kernel={FIELD}",
    f"CONV_TPD {CONVOLUTION} padding=-2147483648",
    f"CONV_TPD {CONVOLUTION} stride={CUBE} kernel={CUBE} dilation={CUBE}",
    f"POOL_MAX channels=1 size=2 padding={2**62}",
    f"POOL_MAX channels=1 size=2 padding={FIELD} kernel={FIELD} stride=1",
    f"POOL_AVG channels=1 size=2 padding={2**40} kernel={2**40} flags=3",
    f"POOL_OL channels=1 size=2 padding={2**62} kernel=2 stride=1",
    f"POOL_MAX channels=1 size=2 padding={2**62} dilation={2**60} kernel=2",
    f"FULL_CON weights=mem:0 in=4 out={FIELD}",
    f"FULL_CON weights=map:0 bias=mem:{FIELD} in=2 out=2",
    f"MAT_MUL a=map:0[4x1] b=mem:0[1x{FIELD}]",
    f"MAT_MUL a=mem:0[{FIELD}x{FIELD}] b=mem:0[{FIELD}x{FIELD}]",
    f"BUF_BIAS address=mem:{2**62}",
    f"MTOB offset=0 count={2**60}",
    f"MTOB offset=0 count={FIELD} item_bytes=1",
    f"MTOB offset={WORD} count=1",
    f"MTOB offset={2**40} count=1",
    f"BTOM offset={WORD}",
    f"BTOM offset={2**40} count=1 item_bytes=1",
]


def peak_memory(run, text: str, **options: object) -> tuple[int, float, object]:
    """(bytes, seconds, the outcome) of a program."""
    tracemalloc.start()
    start = process_time()
    outcome = run(text, **options)
    seconds = process_time() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, seconds, outcome


@pytest.mark.parametrize("text", UNPAYABLE)
def test_out_of_gas_before_memory_is_taken(run, text):
    peak, seconds, outcome = peak_memory(run, text, maps=[[1, 2, 3, 4]])
    assert type(outcome.error) is OutOfGas
    assert str(outcome.error).startswith("Out of gas: Needed")
    assert peak < 1_000_000
    assert seconds < 1


@pytest.mark.parametrize(
    "text",
    [
        f"CONV_MUL in=1 out={FIELD} size=2 weights=1",
        f"FULL_CON weights=1 in=4 out={FIELD}",
        f"MAT_MUL a=1[{FIELD}x{FIELD}] b=1[{FIELD}x{FIELD}]",
        f"CONV_TPD in=1 out=1 size=2 weights=1 stride={FIELD} kernel={FIELD}",
    ],
)
def test_blocks_that_end_too_soon(run, text):
    """Whatever the operands ask for, no more is read than there is."""
    peak, seconds, outcome = peak_memory(run, text, maps=[[1, 2, 3, 4]], blocks={1: [1] * 4})
    assert type(outcome.error) in (BlockMissing, OutOfGas)
    assert peak < 1_000_000
    assert seconds < 1


@pytest.mark.parametrize("mnemonic", ["POOL_MAX", "POOL_AVG"])
@pytest.mark.parametrize("padding", ["0:0x8388608:0", "0:0x0:8388608"])
def test_millions_of_empty_windows(run, mnemonic, padding):
    """They can be paid; that they are empty is seen without a list of them."""
    text = f"{mnemonic} channels=1 size=1x4 kernel=1x2 stride=1 padding={padding}"
    peak, seconds, outcome = peak_memory(run, text, maps=[[1, 2, 3, 4]])
    assert type(outcome.error) is ShapeError
    assert peak < 1_000_000
    assert seconds < 1
