"""CONV_SING, CONV_MUL, CONV_3D, CONV_TPD: what they cost.

BASE + the blocks with their share of the work + laying out the padded map and the result + the
growth of the Buffer by both. An output sums `terms` products of limbs(x) + limbs(w) limbs, and
needs a limb more for every 16 bits of them.
"""

from __future__ import annotations

import numpy as np
import pytest

from smartvm import gas

MNEMONICS = ["CONV_MUL", "CONV_SING"]


def ramp(count: int, limbs: int = 1) -> list[int]:
    """`count` items, the greatest of them of just so many limbs."""
    return [0] * (count - 1) + [(1 << 16 * limbs - 1) - 1]


@pytest.mark.parametrize("mnemonic", MNEMONICS)
def test_every_part(run, price, mnemonic):
    """LeNet-5's first layer with one kernel: 32 x 32, a kernel of 5 x 5, 28 x 28 results."""
    text = f"{mnemonic} weights=1 in=1 out=1 size=32 kernel=5"
    outcome = run(text, maps=[ramp(1024)], blocks={1: np.ones(25, dtype=np.int8)})
    block = price.cold_block(25) + price.macs(25 * 784, 1, 1)
    laying_out = price.items(1024) + price.items(784, 3)  # 25 products of 2 limbs: 37 bits
    growth = price.growth(1024 * 2, 1024 * 2 + (1024 + 784) * 8)
    assert outcome.gas == gas.BASE + block + laying_out + growth


@pytest.mark.parametrize(
    ("limbs_x", "item_bytes", "limbs_w", "limbs_out", "form"),
    [
        (1, 1, 1, 3, 8),
        (1, 2, 1, 3, 8),
        (1, 3, 2, 4, 8),
        (2, 4, 2, 5, 32),
        (3, 7, 4, 8, 32),
        (4, 8, 4, 9, 32),
        (5, 16, 8, 14, 32),
        (16, 32, 16, 16, 32),
    ],
)
def test_limbs(run, price, limbs_x, item_bytes, limbs_w, limbs_out, form):
    """A map counts by its widest item, a block by the width that it declares."""
    held = 64 * {1: 2, 2: 4, 3: 8, 4: 8}.get(limbs_x, 32)
    block = [1] * 8 + [1 << 8 * item_bytes - 2]
    text = "CONV_MUL weights=1 in=1 out=1 size=8 kernel=3"
    outcome = run(text, maps=[ramp(64, limbs_x)], blocks={1: block})
    work = price.cold_block(9, item_bytes) + price.macs(9 * 36, limbs_x, limbs_w)
    laying_out = price.items(64, limbs_x) + price.items(36, limbs_out)
    assert outcome.charged == work + laying_out + price.growth(held, held + 100 * form)


def test_channels_groups_and_batch(run, price):
    """2 images of 4 channels of 6 x 6; 8 outputs, 2 groups: 144 weights, 4 x 4 results."""
    text = "CONV_MUL weights=1 in=4 groups=2 out=8 size=6 kernel=3"
    outcome = run(text, maps=[ramp(288)], blocks={1: np.ones(144, dtype=np.int16)})
    block = price.cold_block(144, 2) + price.macs(144 * 32, 1, 1)
    laying_out = price.items(288) + price.items(256, 3)  # 18 products an output
    growth = price.growth(576, 576 + (288 + 256) * 8)
    assert outcome.charged == block + laying_out + growth


def test_a_channel_multiplier(run, price):
    """Depthwise, 2 channels to 6: 9 weights an output."""
    text = "CONV_SING weights=1 in=2 out=6 size=8 kernel=3"
    outcome = run(text, maps=[ramp(128)], blocks={1: np.ones(54, dtype=np.int8)})
    block = price.cold_block(54) + price.macs(54 * 36, 1, 1)
    laying_out = price.items(128) + price.items(216, 3)
    assert outcome.charged == block + laying_out + price.growth(256, 256 + (128 + 216) * 8)


PADDED = {
    "padding": ("kernel=3 padding=2", 100, 64),
    "padding an axis": ("kernel=3 padding=x3", 72, 40),
    "padding a side": ("kernel=3 padding=0:4x0:0", 60, 32),
    "cropping saves nothing": ("kernel=3 padding=-1", 36, 4),
    "padding and cropping": ("kernel=1 padding=-2:4x0:0", 48, 48),
    "a stride": ("kernel=2 stride=2", 36, 9),
    "a dilation": ("kernel=2 dilation=5", 36, 1),
}


@pytest.mark.parametrize(("operands", "padded", "out"), PADDED.values(), ids=PADDED.keys())
def test_padding_is_work(run, price, operands, padded, out):
    """A 6 x 6 map: `padded` cells to lay out, `out` results; padding is multiplied as well."""
    kernel = int(operands[7]) ** 2
    text = f"CONV_MUL weights=1 in=1 out=1 size=6 {operands}"
    outcome = run(text, maps=[ramp(36, 2)], blocks={1: np.ones(kernel, dtype=np.int32)})
    limbs = 4 if kernel == 1 else 5
    block = price.cold_block(kernel, 4) + price.macs(kernel * out, 2, 2)
    laying_out = price.items(padded, 2) + price.items(out, limbs)
    size = 36 * 4 + (padded + out) * (8 if limbs == 4 else 32)
    assert outcome.charged == block + laying_out + price.growth(36 * 4, size)


def test_volumes(run, price):
    """4 x 4 x 4, a kernel of 2 x 2 x 2, 3 x 3 x 3 results."""
    text = "CONV_3D weights=1 in=1 out=1 size=4 kernel=2"
    outcome = run(text, maps=[ramp(64)], blocks={1: np.ones(8, dtype=np.int8)})
    block = price.cold_block(8) + price.macs(8 * 27, 1, 1)
    laying_out = price.items(64) + price.items(27, 3)
    assert outcome.charged == block + laying_out + price.growth(128, 128 + (64 + 27) * 8)


@pytest.mark.parametrize(
    ("operands", "full", "out"),
    [
        ("kernel=2 stride=2", 64, 64),
        ("kernel=3 stride=2 padding=1:0x1:0", 81, 64),  # laid out whole, then cropped
        ("kernel=2 dilation=3", 49, 49),
        ("kernel=2 padding=-1", 25, 49),
    ],
)
def test_transposed(run, price, operands, full, out):
    """2 channels of 4 x 4 to 3: each weight meets each cell; `full` cells before cropping."""
    kernel = int(operands[7]) ** 2
    text = f"CONV_TPD weights=1 in=2 out=3 size=4 {operands}"
    outcome = run(text, maps=[ramp(32)], blocks={1: np.ones(6 * kernel, dtype=np.int8)})
    block = price.cold_block(6 * kernel) + price.macs(6 * kernel * 16, 1, 1)
    laying_out = price.items(3 * full) + price.items(3 * out, 3)
    growth = price.growth(64, 64 + (3 * full + 3 * out) * 8)
    assert outcome.charged == gas.TRANSPOSED + block + laying_out + growth


def test_transposed_with_fewer_outputs_lays_out_the_inputs(run, price):
    text = "CONV_TPD weights=1 in=4 out=1 size=4 kernel=2 stride=2"
    outcome = run(text, maps=[ramp(64)], blocks={1: np.ones(16, dtype=np.int8)})
    block = price.cold_block(16) + price.macs(16 * 16, 1, 1)
    laying_out = price.items(4 * 64) + price.items(64, 3)
    growth = price.growth(128, 128 + (4 * 64 + 64) * 8)
    assert outcome.charged == gas.TRANSPOSED + block + laying_out + growth


def test_weights_in_the_buffer(run, price):
    """They are there already; they count by their widest item."""
    text = "CONV_MUL weights=map:1 in=1 out=1 size=8 kernel=3"
    outcome = run(text, maps=[ramp(9, 2), ramp(64)])
    work = price.macs(9 * 36, 1, 2) + price.items(64) + price.items(36, 4)  # 16 + 32 + 4 bits
    assert outcome.charged == work + price.growth(164, 164 + (64 + 36) * 8)


def test_weights_in_memory(run, price):
    """Words are copied and read at 16 limbs an item, and count by the widest of them."""
    text = "CONV_MUL weights=mem:0 in=1 out=1 size=8 kernel=3"
    outcome = run(text, maps=[ramp(64)], memory=ramp(9, 2))
    reading = price.copied(288) + price.items(9, 16)
    work = price.macs(9 * 36, 1, 2) + price.items(64) + price.items(36, 4)
    assert outcome.charged == reading + work + price.growth(128, 128 + (64 + 36) * 8)


def test_no_growth_below_the_peak(run, price):
    """What the Buffer has held once is paid for."""
    text = "BUF_ALLO size=10000\nBUF_FREE size=0\nCONV_MUL weights=1 in=1 out=1 size=8 kernel=3"
    outcome = run(text, maps=[ramp(64)], blocks={1: np.ones(9, dtype=np.int8)})
    block = price.cold_block(9) + price.macs(9 * 36, 1, 1)
    assert outcome.charged == block + price.items(64) + price.items(36, 3)
