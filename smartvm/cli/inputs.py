"""Inputs of networks from files: arrays, packed bytes, images."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smartvm.cli.command import UsageError

if TYPE_CHECKING:
    import numpy as np

FILE_HELP = "a .npy or .npz array, an image (.pgm, .ppm, .png, …), or a file of packed bytes"
IMAGE_SUFFIXES = (".pgm", ".ppm", ".png", ".bmp", ".gif", ".jpg", ".jpeg")
_PNM = re.compile(rb"(P[56])\s+(?:#[^\n]*\n\s*)*(\d+)\s+(\d+)\s+(\d+)\s")


def size(text: str) -> tuple[int, int]:
    """Height and width of `32x32`."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not match or not all(map(int, match.groups())):
        raise ArgumentTypeError(f"expected HEIGHTxWIDTH such as 32x32, found {text!r}")
    return int(match[1]), int(match[2])


def read_array(path: str | Path) -> np.ndarray:
    """The one array of a .npy or .npz file.

    Raises:
        UsageError: the file holds no array, or several.
    """
    import numpy as np

    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        with content:
            (array,) = content.values()
            return np.asarray(array)
    except (ValueError, EOFError) as error:
        raise UsageError(f"{path}: expected one array (.npy or .npz): {error}") from None


def read_input(path: str, resize: tuple[int, int] | None = None) -> np.ndarray | bytes:
    """What a file holds: an array, the pixels of an image, or packed bytes.

    Pixels are 8-bit integers: (height, width) if the image is grey, else (3, height, width).

    Args:
        path: of the file; its name says what it is.
        resize: height and width to which an image is brought.

    Raises:
        UsageError: the file is not what its name says, or the extra that reads it is missing.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in IMAGE_SUFFIXES and resize:
        raise UsageError(f"{path}: --resize is for images ({', '.join(IMAGE_SUFFIXES)})")
    if suffix in (".npy", ".npz"):
        return read_array(path)
    if suffix not in IMAGE_SUFFIXES:
        return Path(path).read_bytes()
    if suffix in (".pgm", ".ppm") and not resize:
        return _read_pnm(path)
    return _read_with_pillow(path, resize)


def _read_pnm(path: str) -> np.ndarray:
    """A binary PGM or PPM file of 8-bit samples (Netpbm's P5 and P6)."""
    import numpy as np

    content = Path(path).read_bytes()
    match = _PNM.match(content)
    if not match or int(match[4]) != 255:
        raise UsageError(f"{path}: expected a binary PGM or PPM file (P5 or P6) up to 255")
    width, height, channels = int(match[2]), int(match[3]), 3 if match[1] == b"P6" else 1
    pixels = content[match.end() :]
    if not pixels or len(pixels) != width * height * channels:
        raise UsageError(f"{path}: expected {width} x {height} pixels, found {len(pixels)} bytes")
    return _channels_first(np.frombuffer(pixels, np.uint8).reshape(height, width, channels))


def _read_with_pillow(path: str, resize: tuple[int, int] | None) -> np.ndarray:
    import numpy as np

    try:
        from PIL import Image
    except ImportError:
        raise UsageError(
            f"{path}: reading and resizing images needs the extra 'image' "
            "(pip install 'smartvm[image]'); .pgm, .ppm and .npy need none"
        ) from None
    problems: tuple[Any, ...] = (Image.DecompressionBombError, ValueError, SyntaxError)
    try:
        with Image.open(path) as image:
            is_grey = image.mode in ("1", "L", "LA", "I;16", "I")
            picture = image.convert("L" if is_grey else "RGB")
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (OSError, *problems) as error:  # Pillow's UnidentifiedImageError is an OSError
        raise UsageError(f"{path}: no image that can be read: {error}") from None
    if resize:
        picture = picture.resize(resize[::-1])
    return _channels_first(np.asarray(picture).reshape(picture.height, picture.width, -1))


def _channels_first(pixels: np.ndarray) -> np.ndarray:
    """(height, width) of a grey image, (channels, height, width) of a coloured one."""
    return pixels[:, :, 0] if pixels.shape[2] == 1 else pixels.transpose(2, 0, 1)
