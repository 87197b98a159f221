"""CONV_SING, CONV_MUL, CONV_3D, CONV_TPD: what they compute."""

from __future__ import annotations

import pytest

NINE = [1, 2, 3, 4, 5, 6, 7, 8, 9]
SIXTEEN = list(range(16))
EIGHT = [1, 2, 3, 4, 5, 6, 7, 8]
ONES = {1: [1] * 27}
GREATEST, LEAST = 2**255 - 1, -(2**255)

PLAIN = {
    "a kernel of four": ("size=3 kernel=2", NINE, [1, 2, 3, 4], [37, 47, 67, 77]),
    "no kernel, one of a cell": ("size=3", NINE, [-2], [-2 * n for n in NINE]),
    "planes that are not square": ("size=2x3 kernel=2", NINE[:6], [1] * 4, [12, 16]),
    "a row as kernel": ("size=3 kernel=1x3", NINE, [1, 1, 1], [6, 15, 24]),
    "a column as kernel": ("size=3 kernel=3x1", NINE, [1, 1, 1], [12, 15, 18]),
    "a stride": ("size=4 stride=2", SIXTEEN, [1], [0, 2, 8, 10]),
    "a stride an axis": ("size=4 stride=1x2", SIXTEEN, [1], [0, 2, 4, 6, 8, 10, 12, 14]),
    "a stride in height only": ("size=4 stride=3x0", SIXTEEN, [1], [0, 1, 2, 3, 12, 13, 14, 15]),
    "a stride beyond the plane": ("size=3 stride=0xffffffffffffffff", NINE, [7], [7]),
    "a dilation": ("size=3 kernel=2 dilation=2", NINE, [1] * 4, [1 + 3 + 7 + 9]),
    "a dilation an axis": ("size=3 kernel=2 dilation=1x2", NINE, [1] * 4, [14, 26]),
    "a dilation of one cell": ("size=3 dilation=0xffffffffffffffff", NINE, [1], NINE),
    "padding": ("size=2 kernel=3 padding=1", NINE[:4], NINE, [77, 67, 47, 37]),
    "padding an axis": ("size=1 kernel=1x3 padding=x1", [5], [1, 2, 3], [10]),
    "padding a side": (
        "size=2 padding=1:0x0:2", [1, 2, 3, 4], [1], [0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0],
    ),
    "a row cropped": ("size=3 padding=-1:0x0:0", NINE, [1], NINE[3:]),
    "all sides cropped": ("size=3 padding=-1", NINE, [3], [15]),
    "a row cropped, one padded": ("size=2 padding=-1:1x0:0", NINE[:4], [1], [3, 4, 0, 0]),
    "cropped to the kernel": ("size=3 kernel=2 padding=-1:0x0:-1", NINE, [1] * 4, [4 + 5 + 7 + 8]),
    "nothing but padding": ("size=1 padding=-1:1x0:0", [5], [9], [0]),
    "strided, dilated and padded": (
        "size=3 kernel=2 dilation=2 stride=2 padding=1",
        NINE, [1, 10, 100, 1000], [5000, 500, 50, 5],
    ),
    "a batch of two": ("size=2 kernel=2", EIGHT, [1] * 4, [10, 26]),
}  # fmt: skip


@pytest.mark.parametrize(("operands", "x", "weights", "result"), PLAIN.values(), ids=PLAIN.keys())
@pytest.mark.parametrize("mnemonic", ["CONV_MUL", "CONV_SING"])
def test_one_channel(run, mnemonic, operands, x, weights, result):
    """With one channel the depthwise convolution is the plain one."""
    text = f"{mnemonic} weights=1 in=1 out=1 {operands}"
    assert run(text, maps=[x], blocks={1: weights}).maps == [result]


def test_the_last_window_that_fits_is_the_last(run):
    """A stride that does not divide leaves cells over: 7 cells, windows of 3 at 0, 2 and 4."""
    text = "CONV_MUL weights=1 in=1 out=1 size=1x8 kernel=1x3 stride=2"
    assert run(text, maps=[EIGHT], blocks=ONES).top == [6, 12, 18]


def test_channels_are_summed_into_each_output(run):
    x = [1, 2, 3, 4, 10, 20, 30, 40]
    text = "CONV_MUL weights=1 in=2 out=3 size=2"
    result = run(text, maps=[x], blocks={1: [1, 1, 2, -1, 0, 5]}).top
    assert result == [11, 22, 33, 44, -8, -16, -24, -32, 50, 100, 150, 200]


def test_groups_see_their_own_channels_only(run):
    text = "CONV_MUL weights=1 in=4 groups=2 out=2 size=1"
    assert run(text, maps=[[1, 2, 3, 4]], blocks={1: [1, 10, 100, 1000]}).top == [21, 4300]


def test_a_group_has_several_outputs(run):
    text = "CONV_MUL weights=1 in=2 groups=2 out=4 size=1x2"
    result = run(text, maps=[[5, 6, 7, 8]], blocks={1: [1, 2, 3, 4]}).top
    assert result == [5, 6, 10, 12, 21, 24, 28, 32]


def test_the_batch_is_the_outermost_axis(run):
    text = "CONV_MUL weights=1 in=2 out=2 size=1"
    assert run(text, maps=[[1, 2, 3, 4]], blocks={1: [1, 10, 100, 1000]}).top == [
        21, 2100, 43, 4300,
    ]  # fmt: skip


@pytest.mark.parametrize("out", ["", "out=2"])
def test_depthwise_keeps_the_channels(run, out):
    text = f"CONV_SING weights=1 in=2 {out or 'out=0'} size=1x3 kernel=1x2"
    result = run(text, maps=[[1, 2, 3, 4, 5, 6]], blocks={1: [1, 1, 10, 100]}).top
    assert result == [3, 5, 540, 650]


def test_depthwise_with_a_channel_multiplier(run):
    text = "CONV_SING weights=1 in=2 out=6 size=1"
    assert run(text, maps=[[5, 7]], blocks={1: [1, 2, 3, 4, 5, 6]}).top == [5, 10, 15, 28, 35, 42]


VOLUMES = {
    "a cube": ("size=2 kernel=2", [1] * 8, [36]),
    "height, width, depth": ("size=2x2x2 kernel=1x1x2", [1, 10], [51, 62, 73, 84]),
    "depth is the outermost axis": ("size=2x1x4 kernel=1x1x4", [1, 10, 100, 1000], [7531, 8642]),
    "a stride in depth": ("size=2 stride=1x1x2", [1], [1, 2, 3, 4]),
    "a dilation in depth": ("size=1x2x4 kernel=1x1x2 dilation=1x1x3", [1, 1], [8, 10]),
    "padding in depth": ("size=2x4x1 kernel=1 padding=0:0x0:0x1:0", [1], [0] * 8 + EIGHT),
    "a slice cropped": ("size=2 padding=0:0x0:0x-1:0", [1], [5, 6, 7, 8]),
    "padding on all sides": (
        "size=2 kernel=2 stride=2 padding=1", EIGHT, [8, 14, 18, 20, 20, 18, 14, 8],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("operands", "weights", "result"), VOLUMES.values(), ids=VOLUMES.keys())
def test_volumes(run, operands, weights, result):
    text = f"CONV_3D weights=1 in=1 out=1 {operands}"
    assert run(text, maps=[EIGHT], blocks={1: weights}).maps == [result]


@pytest.mark.parametrize("mnemonic", ["CONV_MUL", "CONV_SING"])
def test_a_size_that_names_a_depth_makes_the_others_volumetric(run, mnemonic):
    text = f"{mnemonic} weights=1 in=1 out=1 size=2x2x2 kernel=1x1x2"
    assert run(text, maps=[EIGHT], blocks={1: [1, 10]}).top == [51, 62, 73, 84]


def test_without_a_depth_the_other_words_do_not_make_one(run):
    operands = "kernel=2x2x5 stride=1x1x7 padding=0:0x0:0x9:9 dilation=1x1x3"
    text = f"CONV_MUL weights=1 in=1 out=1 size=3x3 {operands}"
    assert run(text, maps=[NINE], blocks={1: [1, 2, 3, 4]}).top == [37, 47, 67, 77]


def test_volumetric_channels_and_groups(run):
    text = "CONV_3D weights=1 in=2 groups=2 out=2 size=1x1x2 kernel=1x1x2"
    assert run(text, maps=[[1, 2, 3, 4]], blocks={1: [1, 10, 100, 1000]}).top == [21, 4300]


POWERS = [1, 10, 100, 1000]
TRANSPOSED = {
    "blocks side by side": (
        "size=2 kernel=2 stride=2",
        [1, 10, 2, 20, 100, 1000, 200, 2000, 3, 30, 4, 40, 300, 3000, 400, 4000],
    ),
    "blocks that overlap": ("size=2 kernel=2", [1, 12, 20, 103, 1234, 2040, 300, 3400, 4000]),
    "padding crops the result": ("size=2 kernel=2 padding=1", [1234]),
    "padding a side": ("size=2 kernel=2 padding=1:0x0:1", [103, 1234, 300, 3400]),
    "an output padding": (
        "size=2 kernel=2 padding=0:-1x0:0", [1, 12, 20, 103, 1234, 2040, 300, 3400, 4000, 0, 0, 0],
    ),
    "a dilation": (
        "size=2 kernel=2 dilation=2",
        [1, 2, 10, 20, 3, 4, 30, 40, 100, 200, 1000, 2000, 300, 400, 3000, 4000],
    ),
    "gaps between the blocks": (
        "size=2 kernel=2x1 stride=1x3",  # the other two weights are not used
        [1, 0, 0, 2, 13, 0, 0, 24, 30, 0, 0, 40],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("operands", "result"), TRANSPOSED.values(), ids=TRANSPOSED.keys())
def test_transposed(run, operands, result):
    text = f"CONV_TPD weights=1 in=1 out=1 {operands}"
    assert run(text, maps=[[1, 2, 3, 4]], blocks={1: POWERS}).maps == [result]


def test_transposed_with_the_usual_output_padding(run):
    """Kernel 3, stride 2, padding 1, output padding 1, which doubles the plane."""
    text = "CONV_TPD weights=1 in=1 out=1 size=1 kernel=3 stride=2 padding=1:0x1:0"
    assert run(text, maps=[[1]], blocks={1: NINE}).top == [5, 6, 8, 9]


def test_transposed_weights_have_the_input_channel_first(run):
    text = "CONV_TPD weights=1 in=2 out=3 size=1"
    assert run(text, maps=[[1, 10]], blocks={1: [1, 2, 3, 4, 5, 6]}).top == [41, 52, 63]


def test_transposed_groups(run):
    text = "CONV_TPD weights=1 in=2 groups=2 out=4 size=1"
    assert run(text, maps=[[5, 7]], blocks={1: [1, 2, 3, 4]}).top == [5, 10, 21, 28]


def test_transposed_batch(run):
    text = "CONV_TPD weights=1 in=1 out=2 size=1x2 kernel=1x2"
    result = run(text, maps=[[1, 2, 3, 4]], blocks={1: [1, 10, 0, 1]}).top
    assert result == [1, 12, 20, 0, 1, 2, 3, 34, 40, 0, 3, 4]


def test_transposed_volume(run):
    text = "CONV_TPD weights=1 in=1 out=1 size=1x1x2 kernel=1x1x2 stride=1x1x2"
    assert run(text, maps=[[1, 2]], blocks={1: [1, 10]}).top == [1, 10, 2, 20]


WRAPPING = {
    "a product": ([2**254], [2], [LEAST]),
    "the least, negated": ([LEAST], [-1], [LEAST]),
    "the least, squared": ([LEAST], [LEAST], [0]),
    "the greatest, squared": ([GREATEST], [GREATEST], [1]),
    "limbs that meet": ([2**200 + 1], [2**100 + 1], [2**200 + 2**100 + 1]),
    "minus one": ([-1], [LEAST + 1], [GREATEST]),
}


@pytest.mark.parametrize(("x", "weights", "result"), WRAPPING.values(), ids=WRAPPING.keys())
@pytest.mark.parametrize("mnemonic", ["CONV_SING", "CONV_MUL", "CONV_3D", "CONV_TPD"])
def test_products_wrap(run, mnemonic, x, weights, result):
    text = f"{mnemonic} weights=1 in=1 out=1 size=1"
    assert run(text, maps=[x], blocks={1: weights}).top == result


@pytest.mark.parametrize("mnemonic", ["CONV_MUL", "CONV_3D", "CONV_TPD"])
def test_sums_wrap(run, mnemonic):
    """A sum that leaves 256 bits and comes back is exact; one that ends outside wraps."""
    text = f"{mnemonic} weights=1 in=3 out=2 size=1"
    weights = [1, 1, 1, 1, 1, -1]  # in either order the first output adds, the second cancels
    assert run(text, maps=[[GREATEST, 1, 1]], blocks={1: weights}).top == [LEAST + 1, GREATEST]


def test_weights_in_the_buffer(run):
    """The map under the top; it stays, and the top is replaced."""
    text = "CONV_MUL weights=map:1 in=1 out=1 size=3 kernel=2"
    assert run(text, maps=[[1, 2, 3, 4], NINE]).maps == [[1, 2, 3, 4], [37, 47, 67, 77]]


def test_a_map_is_its_own_kernel(run):
    text = "CONV_MUL weights=map:0 in=1 out=1 size=2 kernel=2"
    assert run(text, maps=[[1, 2, 3, 4]]).maps == [[1 + 4 + 9 + 16]]


def test_weights_in_memory(run):
    text = "CONV_MUL weights=mem:32 in=1 out=1 size=3 kernel=2"
    assert run(text, maps=[NINE], memory=[99, 1, 2, -3, 4]).top == [
        1 + 4 - 12 + 20, 2 + 6 - 15 + 24, 4 + 10 - 21 + 32, 5 + 12 - 24 + 36,
    ]  # fmt: skip


def test_weights_in_several_blocks(run):
    """Blocks 5, 6 and 7 of different widths; what the last has beyond the kernel is not used."""
    text = "CONV_MUL weights=5 in=1 out=1 size=2 kernel=2"
    blocks = {5: [1, 2], 6: [2**100], 7: [4, 99, 99]}
    assert run(text, maps=[[1, 10, 1, 10]], blocks=blocks).top == [61 + 2**100]


def test_the_map_below_is_left_alone(run):
    text = "CONV_MUL weights=1 in=1 out=1 size=1"
    assert run(text, maps=[[8, 9], [2]], blocks=ONES).maps == [[8, 9], [2]]
