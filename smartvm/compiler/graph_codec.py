"""Integer graphs as plain data for JSON, and back (docs/artefact.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from smartvm.compiler import operations
from smartvm.compiler.certify import Bound, Certificate
from smartvm.compiler.integer_graph import IntegerGraph, Interval, Operation, Value
from smartvm.exceptions import ArtefactError

EXACT_IN_JSON = 1 << 53
"""Integers from here on are strings, for many readers of JSON round them."""
OPERATIONS: dict[str, type[Operation]] = {
    name: kind
    for name in operations.__all__
    if isinstance(kind := getattr(operations, name), type) and issubclass(kind, Operation)
}


def encode_graph(graph: IntegerGraph) -> dict[str, Any]:
    """The graph without its constants' items."""
    return {
        "name": graph.name,
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "input_ranges": {name: _encode(range_) for name, range_ in graph.input_ranges.items()},
        "values": {name: _encode(value) for name, value in graph.values.items()},
        "operations": [_encode_operation(operation) for operation in graph.operations],
    }


def decode_graph(data: Mapping[str, Any], constants: dict[str, np.ndarray]) -> IntegerGraph:
    """The graph with these constants.

    Raises:
        ArtefactError: the data is no graph.
    """
    try:
        return IntegerGraph(
            name=data["name"],
            inputs=tuple(data["inputs"]),
            outputs=tuple(data["outputs"]),
            values={name: _decode(Value, value) for name, value in data["values"].items()},
            constants=constants,
            operations=[_decode_operation(entry) for entry in data["operations"]],
            input_ranges={
                name: _decode(Interval, range_) for name, range_ in data["input_ranges"].items()
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtefactError(f"the graph cannot be read: {error!r}") from error


def encode_certificate(certificate: Certificate) -> dict[str, Any]:
    """The bounds by value."""
    return {
        name: {"interval": _encode(bound.interval), "peak": _encode(bound.peak)}
        for name, bound in certificate.items()
    }


def decode_certificate(data: Mapping[str, Any]) -> Certificate:
    """The bounds by value.

    Raises:
        ArtefactError: the data is no certificate.
    """
    try:
        return {
            name: Bound(
                name, _decode(Interval, entry["interval"]), _decode(Interval, entry["peak"])
            )
            for name, entry in data.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtefactError(f"the certificate cannot be read: {error!r}") from error


def _encode_operation(operation: Operation) -> dict[str, Any]:
    return {"operation": type(operation).__name__, **_encode(operation)}


def _decode_operation(data: Mapping[str, Any]) -> Operation:
    given = dict(data)
    operation: Operation = _decode(OPERATIONS[given.pop("operation")], given)
    return operation


def _encode(value: Any) -> Any:
    """A dataclass as an object of its fields, a tuple as a list, a wide integer as a string."""
    if is_dataclass(value):
        return {field.name: _encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    if isinstance(value, int) and abs(value) >= EXACT_IN_JSON:
        return str(value)
    return int(value) if isinstance(value, IntEnum) else value


def _decode(kind: Any, data: Any) -> Any:
    """The value of that type; what has the wrong form raises TypeError, ValueError or KeyError."""
    if is_dataclass(kind):
        make: Any = kind
        hints = _hints(make)
        return make(**{name: _decode(hints[name], item) for name, item in data.items()})
    if kind is Interval:
        return Interval(*_decode(tuple[int, int], data))
    if get_origin(kind) is tuple:
        return _decode_tuple(get_args(kind), data)
    accepted = (int, str) if issubclass(kind, int) and kind is not bool else (kind,)
    if not isinstance(data, accepted):
        raise TypeError(f"expected {kind.__name__}, found {data!r}")
    return kind(int(data) if int in accepted else data)


def _decode_tuple(kinds: tuple[Any, ...], data: list[Any]) -> tuple[Any, ...]:
    if kinds[-1] is Ellipsis:
        return tuple(_decode(kinds[0], item) for item in data)
    return tuple(_decode(kind, item) for kind, item in zip(kinds, data, strict=True))


@lru_cache(maxsize=64)
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
