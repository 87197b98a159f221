"""Labelled images of the user's own, brought to what an ImageNet network takes.

A directory has either a file `labels.txt`, on each line the path of an image in the directory and
the number of its class, or a folder a class. A folder that is named by a number is the class of
that number; other names are numbered from 0 in their order, as ImageNet's synsets are, and there
must be as many as the network has classes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from paper.model import NotMeasurableError
from smartvm.cli.inputs import IMAGE_SUFFIXES, read_input

LABELS = "labels.txt"
BORDER = 1 / 16
"""Left out at each edge: 224 of 256 pixels are kept."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's channels, red, green and blue, in parts of 255."""


class LabelledError(NotMeasurableError):
    """Raised for a directory that is none of labelled images, or not for this network."""


def read_labelled(
    directory: Path, shape: tuple[int, ...], classes: int | None, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """So many inputs of a network, spread evenly over a directory, and their classes.

    Args:
        directory: of labelled images.
        shape: of an input: (1, 3, height, width).
        classes: of the network; None where it does not matter which class an image has.
        count: how many at most.

    Returns:
        Inputs, float32 of shape (images, *shape), and the numbers of their classes.

    Raises:
        LabelledError: the network takes no colour images, or the directory has none of its classes.
        UsageError: an image cannot be read.
    """
    if len(shape) != 4 or shape[:2] != (1, 3):
        raise LabelledError(f"expected a network of inputs (1, 3, height, width), found {shape}")
    every = labels_of(directory, classes)
    places = np.linspace(0, len(every) - 1, min(count, len(every))).round().astype(int)
    chosen = [every[place] for place in places]
    x = np.stack([read_image(path, shape[2:])[None] for path, _ in chosen])
    return x, np.array([label for _, label in chosen])


def labels_of(directory: Path, classes: int | None) -> list[tuple[Path, int]]:
    """Every image of a directory with the number of its class.

    Raises:
        LabelledError: there is none, or a class that the network does not have.
    """
    listed = directory / LABELS
    found = _from_list(listed) if listed.is_file() else _from_folders(directory, classes)
    if not found:
        raise LabelledError(f"{directory}: expected {LABELS}, or images in a folder a class")
    for path, label in found:
        if classes is not None and label >= classes:
            raise LabelledError(f"{path}: expected a class from 0 to {classes - 1}, found {label}")
    return found


def _from_list(file: Path) -> list[tuple[Path, int]]:
    found = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        path, _, label = line.strip().rpartition(" ")
        if line.strip():
            if not path or not label.isdecimal():
                raise LabelledError(f"{file}, line {number}: expected an image and its class")
            found.append((file.parent / path.strip(), int(label)))
    return found


def _from_folders(directory: Path, classes: int | None) -> list[tuple[Path, int]]:
    folders = sorted(path for path in directory.iterdir() if path.is_dir())
    if all(folder.name.isdecimal() for folder in folders):
        labels = [int(folder.name) for folder in folders]
    elif classes is None or len(folders) == classes:
        labels = list(range(len(folders)))
    else:
        raise LabelledError(
            f"{directory}: expected {classes} folders, one a class, or folders named by the "
            f"numbers of classes, found {len(folders)}"
        )
    return [
        (path, label)
        for folder, label in zip(folders, labels, strict=True)
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in IMAGE_SUFFIXES
    ]


def read_image(path: Path, size: tuple[int, ...]) -> np.ndarray:
    """An image's middle at (height, width), normalised by ImageNet's mean and deviation.

    Returns:
        float32 of shape (3, height, width).
    """
    pixels = read_input(str(path))
    from PIL import Image, ImageOps

    coloured = np.stack([pixels] * 3) if pixels.ndim == 2 else pixels
    picture = Image.fromarray(np.ascontiguousarray(coloured.transpose(1, 2, 0)))
    height, width = size
    fitted = np.asarray(ImageOps.fit(picture, (width, height), bleed=BORDER), np.float32) / 255
    normalised = (fitted - np.float32(MEAN)) / np.float32(DEVIATION)
    return normalised.transpose(2, 0, 1)
