"""LeNet-5 on handwritten digits: the shipped weights, its fixed-point network, its float model.

The network takes 32 x 32 images of 8-bit pixels: convolutions of 6, 16 and 120 channels with
5 x 5 kernels, two max-poolings of 2 x 2, and two fully connected layers of 84 and 10 features
(LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998, with ReLU and
max-pooling, as SmartVM's paper evaluates it).

`data/lenet5.npz` holds the weights, rounded to float16 (the float model is exactly these), and
the held-out test split. The digits are those that scikit-learn ships: "Optical Recognition of
Handwritten Digits", E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998,
doi:10.24432/C50P49, CC BY 4.0.
"""

from __future__ import annotations

import gzip
import struct
from math import prod
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from smartvm.compiler.integer_graph import IntegerGraph, Interval
from smartvm.compiler.sequential import Sequential

SCALE = 1020
"""Fixed-point scale of weights and activations: 4 · 255, so that a pixel p is exactly 4p. On the
test split every activation fits 16 bits at it, and no prediction differs from the float model's."""
SIDE = 32
PIXEL_MAX = 255
DIGIT_MAX = 16
"""The brightest pixel of an 8 x 8 digit: the ink of a 4 x 4 block."""
WEIGHTS_FILE = Path(__file__).parent / "data" / "lenet5.npz"
LAYER_NAMES = ("conv1", "conv2", "conv3", "fc1", "fc2")

Weights = dict[str, np.ndarray]
"""`<layer>.weight` and `<layer>.bias`, float32, in PyTorch's layout."""


class Images(NamedTuple):
    """Images (n, 32, 32) of 8-bit pixels with their labels (n,)."""

    pixels: np.ndarray
    labels: np.ndarray


def weights(path: Path = WEIGHTS_FILE) -> Weights:
    """The trained weights as float32.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no file of LeNet-5 weights.
    """
    names = [f"{layer}.{part}" for layer in LAYER_NAMES for part in ("weight", "bias")]
    try:
        with path.open("rb") as file, np.load(file) as archive:
            return {name: archive[name].astype(np.float32) for name in names}
    except (AttributeError, BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no LeNet-5 weights") from error


def load(
    path: Path = WEIGHTS_FILE, scale: int = SCALE, input_scale: int = PIXEL_MAX
) -> IntegerGraph:
    """The fixed-point network at `scale`: weights at it, biases at its square.

    Its input is an image of 8-bit pixels, or `fixed_point_input` of them where `input_scale` is
    the scale.
    """
    return quantise(weights(path), scale, input_scale)


def quantise(parameters: Weights, scale: int, input_scale: int = PIXEL_MAX) -> IntegerGraph:
    """The network whose integers are the nearest to the float weights."""

    def integers(name: str, unit: int) -> np.ndarray:
        return np.rint(parameters[name].astype(np.float64) * unit).astype(np.int64)

    def parts(name: str) -> tuple[str, np.ndarray, np.ndarray]:
        return name, integers(f"{name}.weight", scale), integers(f"{name}.bias", scale**2)

    network = Sequential(
        "LeNet-5",
        (1, SIDE, SIDE),
        scale=scale,
        input_range=Interval(0, input_scale),
        input_scale=input_scale,
    )
    network.convolution(*parts("conv1")).relu("relu1").max_pool("pool1", 2)
    network.convolution(*parts("conv2")).relu("relu2").max_pool("pool2", 2)
    network.convolution(*parts("conv3")).relu("relu3")
    network.fully_connected(*parts("fc1")).relu("relu4").fully_connected(*parts("fc2"))
    return network.graph


def fixed_point_input(pixels: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """Pixels at `scale`: the integer nearest pixel · scale / 255, ties to even."""
    return np.rint(pixels.astype(np.float64) * scale / PIXEL_MAX).astype(np.int64)


def float_logits(pixels: np.ndarray, path: Path = WEIGHTS_FILE) -> np.ndarray:
    """(n, 10) float32 logits of (n, 32, 32) 8-bit pixels: the float model."""
    parameters = weights(path)
    x = (pixels.astype(np.float32) / PIXEL_MAX)[:, None]
    x = _max_pool(_convolve(x, parameters, "conv1"))
    x = _max_pool(_convolve(x, parameters, "conv2"))
    x = _convolve(x, parameters, "conv3").reshape(len(x), -1)
    x = np.maximum(x @ parameters["fc1.weight"].T + parameters["fc1.bias"], 0)
    return np.asarray(x @ parameters["fc2.weight"].T + parameters["fc2.bias"])


def _convolve(x: np.ndarray, parameters: Weights, name: str) -> np.ndarray:
    """ReLU of the convolution."""
    kernels, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    windows = np.lib.stride_tricks.sliding_window_view(x, kernels.shape[2:], axis=(2, 3))
    sums = np.tensordot(windows, kernels, axes=((1, 4, 5), (1, 2, 3)))
    return np.asarray(np.maximum(sums + bias, 0).transpose(0, 3, 1, 2))


def _max_pool(x: np.ndarray) -> np.ndarray:
    count, channels, height, width = x.shape
    windows = x.reshape(count, channels, height // 2, 2, width // 2, 2)
    return np.asarray(windows.max(axis=(3, 5)))


def test_split(path: Path = WEIGHTS_FILE) -> Images:
    """The held-out digits, resized to 32 x 32."""
    with np.load(path) as archive:
        return Images(enlarge(archive["test_digits"]), archive["test_labels"])


def enlarge(digits: np.ndarray) -> np.ndarray:
    """(n, 32, 32) 8-bit pixels of (n, 8, 8) digits of 0 to 16: bilinear, in integers.

    Pixel centres are aligned, as image libraries do it: an output pixel lies an odd number of
    eighths from its two neighbours in each direction, so the sum of four weighted inputs has 64
    as its denominator. Edges repeat.
    """
    weights_of = _interpolation()
    sums = weights_of @ digits.astype(np.int64) @ weights_of.T
    denominator = 64 * DIGIT_MAX
    return np.asarray((sums * PIXEL_MAX + denominator // 2) // denominator, np.uint8)


def _interpolation() -> np.ndarray:
    """(32, 8): the weights of one axis, in eighths."""
    matrix = np.zeros((SIDE, 8), dtype=np.int64)
    for position in range(SIDE):
        cell, eighths = divmod(2 * position + 1 - 4, 8)
        matrix[position, max(cell, 0)] += 8 - eighths
        matrix[position, min(cell + 1, 7)] += eighths
    return matrix


def read_mnist(directory: Path, split: str = "t10k") -> Images:
    """The MNIST images ("t10k" or "train") in idx files, zero-padded from 28 x 28 to 32 x 32.

    Raises:
        FileNotFoundError: the directory lacks a file (plain or .gz).
        ValueError: a file is no complete idx file of the expected kind.
    """
    pixels = _read_idx(Path(directory), f"{split}-images", 3)
    border = (SIDE - pixels.shape[1]) // 2
    padded = np.pad(pixels, ((0, 0), (border, border), (border, border)))
    return Images(padded, _read_idx(Path(directory), f"{split}-labels", 1))


def _read_idx(directory: Path, stem: str, axes: int) -> np.ndarray:
    """The array of the idx file named `<stem>-idx…` or `<stem>.idx…`."""
    names = sorted(directory.glob(f"{stem}[-.]idx{axes}-ubyte*"))
    if not names:
        raise FileNotFoundError(f"{directory} holds no {stem}-idx{axes}-ubyte or .gz of it")
    raw = names[0].read_bytes()
    content = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    header = 4 * (axes + 1)
    magic, *shape = struct.unpack(f">{axes + 1}I", content[:header].ljust(header, b"\0"))
    if magic != 0x0800 + axes or len(content) != header + prod(shape):
        raise ValueError(f"{names[0]} is no complete idx file of {axes} axes of bytes")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
