"""Inputs of networks from files: arrays, images, packed bytes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from smartvm.cli.command import UsageError
from smartvm.cli.inputs import read_input, size

GREY = np.array([[0, 128, 255], [1, 2, 3]], dtype=np.uint8)
COLOURED = np.arange(18, dtype=np.uint8).reshape(3, 2, 3)


def pnm(kind: bytes, pixels: np.ndarray, header: bytes = b"3 2\n255\n") -> bytes:
    return kind + b"\n# made by hand\n" + header + pixels.tobytes()


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    np.save(path, GREY) if suffix == ".npy" else np.savez(path, GREY)
    assert np.array_equal(read_input(str(path)), GREY)


def test_other_files_are_packed_bytes(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\x00\x01")
    assert read_input(str(tmp_path / "x.bin")) == b"\x00\x01"


def test_a_grey_image_has_rows_and_columns(tmp_path: Path) -> None:
    (tmp_path / "x.pgm").write_bytes(pnm(b"P5", GREY))
    assert np.array_equal(read_input(str(tmp_path / "x.pgm")), GREY)


def test_a_coloured_image_has_its_channels_first(tmp_path: Path) -> None:
    (tmp_path / "x.ppm").write_bytes(pnm(b"P6", COLOURED.transpose(1, 2, 0)))
    assert np.array_equal(read_input(str(tmp_path / "x.ppm")), COLOURED)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"P5",
        b"P2\n3 2\n255\n0 1 2 3 4 5",
        pnm(b"P5", GREY)[:-1],
        pnm(b"P5", GREY) + b"\x00",
        pnm(b"P5", GREY, b"3 2\n65535\n"),
        pnm(b"P5", GREY, b"0 2\n255\n"),
        pnm(b"P6", GREY),
    ],
    ids=range(8),
)
def test_a_damaged_image_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pgm").write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.pgm: expected"):
        read_input(str(tmp_path / "x.pgm"))


def test_several_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=GREY, b=GREY)
    with pytest.raises(UsageError, match="expected one array"):
        read_input(str(tmp_path / "x.npz"))


def test_only_images_are_resized(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--resize is for images"):
        read_input(str(tmp_path / "x.npy"), size("2x2"))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(UsageError, match=r"extra 'image' \(pip install 'smartvm\[image\]'\)"):
        read_input("x.png")
    with pytest.raises(UsageError, match="extra 'image'"):
        read_input("x.pgm", (2, 2))


class TestWithPillow:
    """What the extra reads."""

    @pytest.fixture(autouse=True)
    def _image(self) -> None:
        self.image = pytest.importorskip("PIL.Image", reason="reads images")

    @pytest.mark.parametrize("suffix", [".png", ".bmp"])
    def test_grey_and_coloured_images_are_read(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"x{suffix}"
        self.image.fromarray(GREY).save(path)
        assert np.array_equal(read_input(str(path)), GREY)
        self.image.fromarray(np.ascontiguousarray(COLOURED.transpose(1, 2, 0))).save(path)
        assert np.array_equal(read_input(str(path)), COLOURED)

    def test_an_image_is_resized_when_asked(self, tmp_path: Path) -> None:
        (tmp_path / "x.pgm").write_bytes(pnm(b"P5", np.full((2, 3), 9, np.uint8)))
        resized = read_input(str(tmp_path / "x.pgm"), (4, 5))
        assert np.array_equal(resized, np.full((4, 5), 9))

    @pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + bytes(30)])
    def test_what_is_no_image_is_refused(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "x.png").write_bytes(content)
        with pytest.raises(UsageError, match="no image that can be read"):
            read_input(str(tmp_path / "x.png"))

    def test_a_missing_file_is_named_as_one(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            read_input(str(tmp_path / "x.png"))
