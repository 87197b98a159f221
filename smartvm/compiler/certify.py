"""Certificates: for each value of a graph, an interval that no input in range can leave.

Interval analysis over the integers, in Python integers, from the inputs' ranges and the weights
themselves. It proves which operations stay within 16, 32 or 64 bits and that none wraps.
"""

from __future__ import annotations

from dataclasses import dataclass

from smartvm.compiler.integer_graph import IntegerGraph, Interval, Operation
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import CertificateError, DNNError
from smartvm.words import WORD_BITS, bytes_for, limbs_for


@dataclass(frozen=True)
class Bound:
    """What is proved of one value.

    Attributes:
        value: its name.
        interval: holds every item.
        peak: holds every sum and product on the way to it.
    """

    value: str
    interval: Interval
    peak: Interval

    @property
    def limbs(self) -> int:
        """16-bit limbs that hold every item."""
        return limbs_for(*self.interval)

    @property
    def bits(self) -> int:
        """The width within which the operation provably stays: 16, 32, 64 or 256."""
        size = max(bytes_for(*self.interval), bytes_for(*self.peak))
        return next(bits for bits in (16, 32, 64, WORD_BITS) if size * 8 <= bits)


Certificate = dict[str, Bound]
"""Bounds by the name of the value, inputs and constants included."""


def certify(graph: IntegerGraph) -> Certificate:
    """Prove the bounds of every value.

    Raises:
        CertificateError: some input in range could make an operation wrap; it is named.
    """
    tensors = graph.constant_tensors()
    bounds: Certificate = {}
    for name, interval in graph.input_ranges.items():
        bounds[name] = Bound(name, interval, interval)
    for name, tensor in tensors.items():
        bounds[name] = Bound(name, Interval(*tensor.bounds), Interval(*tensor.bounds))
    for operation in graph.operations:
        bounds[operation.output] = _bound(operation, bounds, tensors)
    return bounds


def _bound(operation: Operation, bounds: Certificate, tensors: dict[str, Tensor]) -> Bound:
    intervals = [bounds[name].interval for name in operation.inputs]
    constants = [tensors.get(name) for name in operation.inputs]
    try:
        interval = operation.bound(intervals, constants)
        peak = interval.union(operation.peak(intervals, constants))
    except DNNError as error:  # such as an exponential that no 256 bits hold
        raise CertificateError(f"{operation.source or operation.output}: {error}") from None
    if bytes_for(*peak) > WORD_BITS // 8:
        raise CertificateError(
            f"{operation.source or operation.output}: some input could pass 256 bits "
            f"(up to {max(abs(peak.low), peak.high).bit_length()} bits); choose a smaller scale"
        )
    return Bound(operation.output, interval, peak)


def check(graph: IntegerGraph, certificate: Certificate) -> None:
    """Check a certificate on its own: each bound must hold that which the bounds before imply.

    Raises:
        CertificateError: a value is missing, or its bound is narrower than what is proved.
    """
    tensors = graph.constant_tensors()
    for name, interval in graph.input_ranges.items():
        _holds(certificate, Bound(name, interval, interval))
    for name, tensor in tensors.items():
        interval = Interval(*tensor.bounds)
        _holds(certificate, Bound(name, interval, interval))
    for operation in graph.operations:
        _holds(certificate, _bound(operation, certificate, tensors))


def _holds(certificate: Certificate, proved: Bound) -> None:
    claimed = certificate.get(proved.value)
    if claimed is None:
        raise CertificateError(f"the certificate has no bound for {proved.value}")
    for name in ("interval", "peak"):
        inner, outer = getattr(proved, name), getattr(claimed, name)
        if inner.low < outer.low or inner.high > outer.high:
            raise CertificateError(
                f"{proved.value}: the certificate claims {name} {tuple(outer)}, "
                f"proved is {tuple(inner)}"
            )
