"""Figures as text: units that suit them, the names of networks."""

from __future__ import annotations

NAMES = {
    "": "all",
    "lenet5": "LeNet-5",
    "alexnet": "AlexNet",
    "resnet18": "ResNet-18",
    "mobilenet_v1": "MobileNet",
    "mobilenet_v2": "MobileNet v2",
    "squeezenet": "SqueezeNet",
    "vgg11": "VGG-11",
    "lstm": "LSTM",
}
PREFIXES = {
    "s": (
        (86400, "days"),
        (3600, "h"),
        (60, "min"),
        (1, "s"),
        (1e-3, "ms"),
        (1e-6, "µs"),
        (1e-9, "ns"),
    ),
    "bytes": ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "bytes")),
    "bytes/s": ((1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s")),
}
"""Larger and smaller units of one, the largest first."""
ALMOST_ALL = 99.9
"""From here to 100 four decimals are shown, so that no part of a hundred looks like all of it."""
COUNTED = ("gas", "instructions", "lines", "bytes", "")
"""Units of what is counted, not measured."""
ROUNDED_FROM = 1000
WHOLE_FROM = 100
"""Values from here on are shown without decimals."""


def network_name(network: str) -> str:
    """A network as people write it."""
    return NAMES.get(network, network)


def quantity(value: float, unit: str) -> str:
    """A value in the unit that suits it: `0.0021 s` is `2.1 ms`."""
    for factor, name in PREFIXES.get(unit, ()):
        if abs(value) >= factor:
            return f"{number(value / factor)} {name}"
    return f"{amount(value, unit)} {unit}"


def amount(value: float, unit: str) -> str:
    """A value in its own unit, the unit left out: three digits that count, of a count all."""
    return number(value if unit in COUNTED else significant(value))


def tick(value: float, unit: str) -> str:
    """A place on an axis: as `quantity`, but in seconds from there on, for powers of ten."""
    return f"{number(value)} s" if unit == "s" and abs(value) >= 1 else quantity(value, unit)


def threads_text(threads: int) -> str:
    """`1 thread`, `2 threads`."""
    return f"{threads} thread{'s' * (threads != 1)}"


def significant(value: float) -> float:
    """A value of at least 1,000 rounded to three digits."""
    return float(f"{value:.3g}") if abs(value) >= ROUNDED_FROM else value


def number(value: float) -> str:
    """Three digits that count, groups of three before the point, no exponent."""
    if value == int(value) or abs(value) >= WHOLE_FROM:
        return f"{value:,.0f}"
    if abs(value) >= ALMOST_ALL:
        return f"{value:.4f}"
    digits = max(0, 2 - _magnitude(value))
    return f"{value:.{digits}f}"


def _magnitude(value: float) -> int:
    """The exponent of ten of a value."""
    return int(f"{value:e}".partition("e")[2])
