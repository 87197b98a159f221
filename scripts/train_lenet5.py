"""Train LeNet-5 and write the file that `smartvm.compiler.lenet5` loads.

    pip install '.[train]'
    python scripts/train_lenet5.py                       # scikit-learn's digits, as shipped
    python scripts/train_lenet5.py --mnist DIR -o my.npz # MNIST's idx files

Everything is seeded and runs on one thread, so that one version of PyTorch gives one result on one
kind of machine. Weights are rounded to float16 before they are judged.
"""

from __future__ import annotations

import argparse
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from smartvm.compiler import lenet5

SEED = 5
HELD_OUT = 0.2
LABEL_SMOOTHING = 0.05
"""It keeps the logits, and with them every activation at scale 1000, within 16 bits."""


def main() -> None:
    """Train, round, judge, write."""
    options = _options()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    digits = None if options.mnist else _split_digits()
    train, test = _mnist(options.mnist) if options.mnist else _enlarged(digits)
    model = _train(train, options.epochs)
    arrays = {name: value.numpy().astype(np.float16) for name, value in model.state_dict().items()}
    if digits is not None:
        arrays |= {"test_digits": digits["test"][0], "test_labels": digits["test"][1]}
    np.savez_compressed(options.output, **arrays)
    _report(options.output, test)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, metavar="DIR", help="train on MNIST's idx files")
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("-o", "--output", type=Path, default=lenet5.WEIGHTS_FILE)
    options = parser.parse_args()
    if options.mnist and options.output == lenet5.WEIGHTS_FILE:
        parser.error("--mnist needs -o FILE: the shipped file holds the digits and their weights")
    return options


def _split_digits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The digits as 8 x 8 uint8 of 0 to 16, split with equal shares of every label."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    images, labels = images.reshape(-1, 8, 8).astype(np.uint8), labels.astype(np.uint8)
    parts = train_test_split(images, labels, test_size=HELD_OUT, stratify=labels, random_state=SEED)
    return {"train": (parts[0], parts[2]), "test": (parts[1], parts[3])}


def _enlarged(
    digits: dict[str, tuple[np.ndarray, np.ndarray]],
) -> tuple[lenet5.Images, lenet5.Images]:
    train, test = (
        lenet5.Images(lenet5.enlarge(images), labels) for images, labels in digits.values()
    )
    return train, test


def _mnist(directory: Path) -> tuple[lenet5.Images, lenet5.Images]:
    return lenet5.read_mnist(directory, "train"), lenet5.read_mnist(directory, "t10k")


def _lenet5() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 6, 5),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(6, 16, 5),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            conv3=nn.Conv2d(16, 120, 5),
            relu3=nn.ReLU(),
            flatten=nn.Flatten(),
            fc1=nn.Linear(120, 84),
            relu4=nn.ReLU(),
            fc2=nn.Linear(84, 10),
        )
    )


def _train(images: lenet5.Images, epochs: int, batch: int = 64) -> nn.Sequential:
    """The model after `epochs` of AdamW over shifted, turned and scaled images."""
    model = _lenet5()
    x = torch.from_numpy(images.pixels)[:, None].float() / lenet5.PIXEL_MAX
    y = torch.from_numpy(images.labels).long()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    steps = epochs * -(-len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    for epoch in range(epochs):
        for chosen in torch.randperm(len(x)).split(batch):
            logits = model(_distort(x[chosen]))
            loss = functional.cross_entropy(logits, y[chosen], label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {loss.item():.4f}")
    return model


def _distort(x: torch.Tensor) -> torch.Tensor:
    """Each image turned by up to 11 degrees, scaled to 65-110% and shifted by up to 3 pixels.

    The scales take in MNIST, whose digits fill 20 of 32 pixels.
    """
    count = len(x)
    angle = (torch.rand(count) - 0.5) * 0.4
    zoom = 1 / (0.65 + 0.45 * torch.rand(count))
    cos, sin = zoom * torch.cos(angle), zoom * torch.sin(angle)
    shift = (torch.rand(count, 2) - 0.5) * 0.375
    rows = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1)
    grid = functional.affine_grid(rows.reshape(-1, 2, 3), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


def _report(path: Path, test: lenet5.Images) -> None:
    logits = lenet5.float_logits(test.pixels, path)
    correct = int((logits.argmax(axis=1) == test.labels).sum())
    print(f"{path.name}: {path.stat().st_size:,} bytes; {correct} of {len(test.labels)} correct")


if __name__ == "__main__":
    main()
