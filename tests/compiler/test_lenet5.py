from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smartvm.compiler import lenet5

DIGIT = arrays(np.uint8, (8, 8), elements=st.integers(0, 16))


def test_the_shipped_file_is_small() -> None:
    assert lenet5.WEIGHTS_FILE.stat().st_size < 250_000


def test_the_layers_are_those_of_lenet5() -> None:
    graph = lenet5.load()
    names = ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "conv3", "fc1", "fc2"]
    assert [graph.values[name].shape for name in names] == [
        (6, 28, 28),
        (6, 28, 28),
        (6, 14, 14),
        (16, 10, 10),
        (16, 10, 10),
        (16, 5, 5),
        (120, 1, 1),
        (84,),
        (10,),
    ]


def test_the_float_weights_are_rounded_to_16_bits() -> None:
    for values in lenet5.weights().values():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, values.astype(np.float16))


def test_integers_are_the_nearest_to_the_float_weights() -> None:
    graph = lenet5.load(scale=1000)
    assert len(graph.constants) == 10
    for name, values in lenet5.weights().items():
        scale = 1000 if name.endswith(".weight") else 1000**2
        exact = scale * values.reshape(-1).astype(np.float64)
        assert np.abs(graph.constants[name] - exact).max() <= 0.5


def test_a_pixel_is_exact_at_the_default_scale() -> None:
    pixels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(lenet5.fixed_point_input(pixels), 4 * np.arange(256))


def test_the_held_out_split_has_every_label_in_equal_shares() -> None:
    images = lenet5.test_split()
    assert images.pixels.shape == (360, 32, 32)
    assert images.pixels.dtype == np.uint8
    counts = np.bincount(images.labels, minlength=10)
    assert counts.min() >= 35
    assert counts.max() <= 37


def test_the_float_model_classifies_the_held_out_digits() -> None:
    images = lenet5.test_split()
    logits = lenet5.float_logits(images.pixels)
    assert logits.shape == (360, 10)
    assert (logits.argmax(axis=1) == images.labels).mean() >= 0.99


@given(DIGIT)
def test_enlarging_is_bilinear_interpolation_between_pixel_centres(digit: np.ndarray) -> None:
    (pixels,) = lenet5.enlarge(digit[None])
    centres = np.clip((np.arange(32) + 0.5) / 4 - 0.5, 0, 7)
    rows = np.array([np.interp(centres, np.arange(8), row) for row in digit.astype(float)])
    expected = np.array([np.interp(centres, np.arange(8), column) for column in rows.T]).T
    assert np.abs(pixels - expected * 255 / 16).max() <= 0.5 + 1e-9


def test_enlarging_keeps_black_and_white() -> None:
    digits = np.stack([np.zeros((8, 8), np.uint8), np.full((8, 8), 16, np.uint8)])
    black, white = lenet5.enlarge(digits)
    assert (black == 0).all()
    assert (white == 255).all()


def idx(magic: int, array: np.ndarray) -> bytes:
    return struct.pack(f">{array.ndim + 1}I", magic, *array.shape) + array.tobytes()


@pytest.mark.parametrize("compress", [False, True])
def test_mnist_files_are_read_and_padded(tmp_path: Path, compress: bool) -> None:
    images = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(2, 28, 28)
    contents = {
        "t10k-images-idx3-ubyte": idx(0x803, images),
        "t10k-labels-idx1-ubyte": idx(0x801, np.array([7, 2], np.uint8)),
    }
    for name, content in contents.items():
        path = tmp_path / (f"{name}.gz" if compress else name)
        path.write_bytes(gzip.compress(content) if compress else content)
    pixels, labels = lenet5.read_mnist(tmp_path)
    assert pixels.shape == (2, 32, 32)
    np.testing.assert_array_equal(pixels[:, 2:30, 2:30], images)
    assert pixels.sum() == images.sum()
    assert labels.tolist() == [7, 2]


def test_a_missing_mnist_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="t10k-images"):
        lenet5.read_mnist(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        idx(0x801, np.zeros((1, 28, 28), np.uint8)),
        idx(0x803, np.zeros((2, 28, 28), np.uint8))[:-1],
        b"\0",
    ],
)
def test_a_malformed_mnist_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match="t10k-images"):
        lenet5.read_mnist(tmp_path)


@pytest.mark.parametrize("kind", ["text", "zip", "npy", "npz"])
def test_a_file_without_weights_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"weights.{kind}"
    with path.open("wb") as file:
        match kind:
            case "text":
                file.write(b"weights")
            case "zip":
                file.write(b"PK\3\4 cut")
            case "npy":
                np.save(file, np.zeros(3))
            case "npz":
                np.savez(file, other=np.zeros(3))
    with pytest.raises(ValueError, match="holds no LeNet-5 weights"):
        lenet5.weights(path)
