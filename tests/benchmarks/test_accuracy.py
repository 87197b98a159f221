"""Accuracy on labelled images of the user's own, and on MNIST's idx files."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from contenders import CACHE
from paper import accuracy
from paper.labelled import DEVIATION, MEAN, LabelledError, labels_of, read_labelled
from paper.model import ACCURACY, AGREEMENT, Gap, Measurement, Options

SHAPE = (1, 3, 8, 8)
COLOURS = ("blue", "green", "red")
"""Classes 0, 1 and 2 in this order; of an image they are the channels 2, 1 and 0."""


@pytest.fixture(autouse=True)
def extras() -> None:
    pytest.importorskip("onnxruntime", reason="runs the float models")
    pytest.importorskip("PIL", reason="reads and makes images")


def save_image(path: Path, channel: int, size: tuple[int, int] = (20, 30)) -> None:
    from PIL import Image

    pixels = np.full((*size, 3), 40, np.uint8)
    pixels[..., channel] = 200
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    for label, name in enumerate(COLOURS):
        for number in range(3):
            save_image(tmp_path / "photos" / name / f"{number}.png", channel=2 - label)
    return tmp_path / "photos"


def save_model(path: Path) -> Path:
    """A network whose outputs are the means of blue, green and red."""
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "w": np.eye(3, dtype=np.float32)[::-1].copy(),
        "b": np.zeros(3, np.float32),
        "shape": np.array([1, 3], np.int64),
    }
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
        helper.make_node("Reshape", ["pooled", "shape"], ["means"]),
        helper.make_node("Gemm", ["means", "w", "b"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3))],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    path.write_bytes(
        helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    )
    return path


def by_quantity(findings: list, contender: str) -> dict[str, float]:
    return {
        f.quantity: f.value
        for f in findings
        if isinstance(f, Measurement) and f.contender == contender
    }


def test_a_model_of_the_users_own_is_judged_on_labelled_images(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save_model(tmp_path / "colours.onnx")
    monkeypatch.chdir(tmp_path)
    options = Options(quick=True, networks=(), artefact=model, imagenet=photographs)
    findings = accuracy.measure(options)
    ours = by_quantity(findings, accuracy.FIXED)
    assert (ours[ACCURACY], ours[AGREEMENT]) == (100, 100)
    assert by_quantity(findings, accuracy.FLOAT) == {ACCURACY: 100}
    assert not [f for f in findings if isinstance(f, Gap)]
    (photographs / "red").rename(photographs / "a red that comes first")
    assert by_quantity(accuracy.measure(options), accuracy.FIXED)[ACCURACY] == 0
    assert len(list(CACHE.iterdir())) == 1  # compiled once


def test_without_labels_there_is_a_gap_and_agreement_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = Options(quick=True, networks=(), artefact=save_model(tmp_path / "colours.onnx"))
    findings = accuracy.measure(options)
    assert by_quantity(findings, accuracy.FIXED)[AGREEMENT] == 100
    assert [f.reason for f in findings if isinstance(f, Gap)] == [accuracy.NO_LABELS]


def test_mnist_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pixels = np.zeros((4, 28, 28), np.uint8)
    pixels[:, 4:24, 13:16] = 255  # ones
    labels = np.array([1, 1, 1, 8], np.uint8)
    images = struct.pack(">4I", 0x803, *pixels.shape) + pixels.tobytes()
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(images)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(
        struct.pack(">2I", 0x801, len(labels)) + labels.tobytes()
    )
    options = Options(quick=True, networks=("lenet5",), mnist=tmp_path)
    findings = accuracy.measure(options)
    assert by_quantity(findings, accuracy.FIXED)[ACCURACY] == 75
    assert by_quantity(findings, accuracy.FLOAT)[ACCURACY] == 75
    assert all("MNIST" in f.note for f in findings)


def test_images_are_cut_to_size_and_normalised(photographs: Path) -> None:
    x, labels = read_labelled(photographs, SHAPE, classes=3, count=100)
    assert (x.shape, x.dtype) == ((9, *SHAPE), np.float32)
    assert labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    expected = (200 / 255 - MEAN[0]) / DEVIATION[0]
    assert x[-1, 0, 0] == pytest.approx(np.full((8, 8), expected), rel=1e-5)
    some, few = read_labelled(photographs, SHAPE, classes=3, count=3)
    assert few.tolist() == [0, 1, 2]
    assert np.array_equal(some[0], x[0])


def test_folders_may_be_numbers_and_a_list_may_name_classes(tmp_path: Path) -> None:
    save_image(tmp_path / "numbered" / "7" / "a.png", channel=0)
    assert labels_of(tmp_path / "numbered", 10) == [(tmp_path / "numbered/7/a.png", 7)]
    save_image(tmp_path / "listed" / "an image.png", channel=0)
    (tmp_path / "listed" / "labels.txt").write_text("an image.png 4\n\n")
    assert labels_of(tmp_path / "listed", 10) == [(tmp_path / "listed/an image.png", 4)]


@pytest.mark.parametrize(
    ("files", "labels", "message"),
    [
        ((), None, "expected labels.txt, or images in a folder a class"),
        (("cat/a.png", "dog/b.png"), None, "expected 3 folders, one a class"),
        (("3/a.png",), None, "expected a class from 0 to 2, found 3"),
        (("a.png",), "a.png\n", "line 1: expected an image and its class"),
        (("a.png",), "a.png cat\n", "line 1: expected an image and its class"),
        (("a.png",), "a.png 9\n", "expected a class from 0 to 2, found 9"),
    ],
)
def test_a_directory_that_is_none_is_refused(
    tmp_path: Path, files: tuple[str, ...], labels: str | None, message: str
) -> None:
    for file in files:
        save_image(tmp_path / file, channel=0)
    if labels is not None:
        (tmp_path / "labels.txt").write_text(labels)
    with pytest.raises(LabelledError, match=message):
        read_labelled(tmp_path, SHAPE, classes=3, count=1)


def test_where_classes_do_not_matter_any_folders_will_do(photographs: Path) -> None:
    x, _ = read_labelled(photographs, SHAPE, classes=None, count=2)
    assert len(x) == 2


def test_a_network_of_no_colour_images_is_refused(photographs: Path) -> None:
    with pytest.raises(
        LabelledError, match=r"expected a network of inputs \(1, 3, height, width\)"
    ):
        read_labelled(photographs, (1, 1, 8, 8), classes=3, count=1)
