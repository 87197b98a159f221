"""Running a contract on bounds in place of values: what any input in range can cost at most.

Every instruction takes its price from lengths and from the widths of what lies on the Buffer, and
no price falls where a width grows. So the contract runs as it is, by the instructions themselves,
on maps that have the bounds of the certificate and nothing else: each kernel answers with the
stand-in of its result. Weights are stood in for as well, for their widths are declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from smartvm.buffer import Buffer
from smartvm.compiler.certify import Certificate
from smartvm.compiler.contract import ModelContract, classes_of
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.operations import FullyConnected
from smartvm.dispatch import Backend
from smartvm.dispatch.backend import KERNELS
from smartvm.dispatch.tensor import Tensor, form_bytes
from smartvm.execution import CONTRACT, fresh_state
from smartvm.storage import encode_block
from smartvm.vm import SmartVM, SmartVMComputation, SmartVMState
from smartvm.words import MAX_LIMBS, limbs_for


def bounding_vm(contract: ModelContract, certificate: Certificate) -> type[SmartVM]:
    """A VM in which one call of the contract pays for the bounds of the certificate."""
    (name,) = contract.graph.inputs
    first = stand_in(contract.graph.values[name].items, certificate[name].interval)
    results = _results(contract, certificate)

    class BoundingComputation(SmartVMComputation):
        """A frame whose first map, which is read from calldata, has the bounds of the input."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.buffer = _InputBuffer(first)

    vm = SmartVM.with_backend(_StandIns(results))
    state = vm._state_class.configure(computation_class=BoundingComputation)
    return vm.configure(_state_class=state)


def state_of_stand_ins(contract: ModelContract, vm: type[SmartVM]) -> SmartVMState:
    """A state in which each block of the contract is one of zeros, of its length and width."""
    values: dict[tuple[int, int], bytes] = {}
    state = fresh_state(vm)
    for number, block in contract.blocks.items():
        form = len(block.items), block.item_bytes
        if form not in values:
            values[form] = encode_block(Tensor.zeros(form[0]), block.item_bytes)
        state.set_block(CONTRACT, number, values[form])
    return state


def _results(contract: ModelContract, certificate: Certificate) -> Iterator[Tensor]:
    """The result of each kernel, in the order in which the contract calls them."""
    graph = contract.graph
    for operation in graph.operations:
        interval = certificate[operation.output].interval
        result = stand_in(graph.values[operation.output].items, interval)
        if isinstance(operation, FullyConnected) and len(operation.inputs) > 2:
            yield result  # FULL_CON calls a kernel for the product and one for the bias
        yield result
    yield stand_in(1, Interval(0, max(classes_of(graph) - 1, 0)))  # the arg-max


def stand_in(length: int, interval: Interval) -> Tensor:
    """A tensor of zeros that has the bounds of an interval; it takes no memory."""
    size = form_bytes(limbs_for(*interval))
    narrow = size <= 8
    zero = np.zeros(1, f"i{size}") if narrow else np.zeros((1, MAX_LIMBS), np.uint16)
    shape = (length,) if narrow else (length, MAX_LIMBS)
    return Tensor(np.broadcast_to(zero, shape), interval)


class _InputBuffer(Buffer):
    """A Buffer whose first map is another than the one that is pushed."""

    def __init__(self, first: Tensor) -> None:
        super().__init__()
        self._first: Tensor | None = first

    def push(self, tensor: Tensor) -> None:
        """Put a map on top."""
        super().push(self._first or tensor)
        self._first = None


class _StandIns(Backend):
    """Answers each kernel with the next result."""

    name = "stand-ins"

    def __init__(self, results: Iterable[Tensor]) -> None:
        self._remaining = iter(results)

    def _answer(self, *arguments: Any) -> Tensor:
        return next(self._remaining)


for _kernel in KERNELS:
    setattr(_StandIns, _kernel, _StandIns._answer)
