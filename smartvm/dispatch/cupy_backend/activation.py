"""Correctly rounded softmax, sigmoid and tanh, and how undecided items are settled.

The kernels do the operations of `numpy_backend.activation` in float64 and mark the items whose
rounding its error bound does not prove. Those the host works out (docs/activations.md).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np

from smartvm.dispatch.cupy_backend.calls import Call, Output
from smartvm.dispatch.cupy_backend.device import Device, Memory
from smartvm.dispatch.cupy_backend.segment import MOST_BLOCKS
from smartvm.dispatch.cupy_backend.tensors import OnDevice
from smartvm.dispatch.numpy_backend import activation as cpu
from smartvm.dispatch.reference.elementwise import nearest_even
from smartvm.dispatch.tensor import WIDE_BYTES, Tensor, form_bytes
from smartvm.words import limbs_for

__all__ = ["bytes_of", "rounded", "sigmoid", "softmax", "table", "tanh"]

LONGEST_ROW_OF_A_WARP = 128
"""Items of a group of softmax that one warp works on; a longer one gets a block."""
BLOCK_BYTES = 256
"""Shared memory of such a block: eight bytes for each of up to 32 warps."""

_tables: WeakKeyDictionary[Device, dict[Callable[[], np.ndarray], Memory]] = WeakKeyDictionary()


def softmax(call: Call, x: Tensor, scale: int, group: int) -> Tensor | None:
    """See `Backend.softmax`; shapes checked, gas paid."""
    data = call.operand(x)
    if scale > cpu.LARGEST_FLOAT_SCALE or data.item_bytes == WIDE_BYTES:
        return None
    rows = len(x) // group
    numbers = (
        rows,
        group,
        scale,
        nearest_even(scale, group),
        table(call.device, cpu.exponential_table),
    )

    def launch(results: tuple[int, ...]) -> None:
        arguments = (data.address, data.item_bytes, *results, *numbers)
        if group <= LONGEST_ROW_OF_A_WARP:
            call.launch("activation.softmax_warps", arguments, items=32 * rows)
        else:
            grid = (max(1, min(rows, MOST_BLOCKS)), 1, 1)
            call.launch("activation.softmax_blocks", arguments, grid=grid, shared=BLOCK_BYTES)

    exact = partial(cpu.softmax, scale=scale, group=group)
    return rounded(call, x, bytes_of(scale), launch, exact, group)


def sigmoid(call: Call, x: Tensor, scale: int) -> Tensor | None:
    """See `Backend.sigmoid`; shapes checked, gas paid."""
    return _logistic(call, x, scale, 1, partial(cpu.sigmoid, scale=scale))


def tanh(call: Call, x: Tensor, scale: int) -> Tensor | None:
    """See `Backend.tanh`; shapes checked, gas paid."""
    return _logistic(call, x, scale, 2, partial(cpu.tanh, scale=scale))


def _logistic(
    call: Call, x: Tensor, scale: int, factor: int, exact: Callable[[Tensor], Tensor]
) -> Tensor | None:
    if scale > cpu.LARGEST_FLOAT_SCALE:
        return None
    data = call.operand(x)
    tie = nearest_even(factor * scale, 2)
    numbers = (len(x), scale, factor, tie, table(call.device, cpu.exponential_table))

    def launch(results: tuple[int, ...]) -> None:
        arguments = (data.address, data.item_bytes, *results, *numbers)
        call.launch("activation.logistic", arguments, items=len(x))

    return rounded(call, x, bytes_of(scale), launch, exact)


def rounded(
    call: Call,
    x: Tensor,
    item_bytes: int,
    launch: Callable[[tuple[int, ...]], None],
    exact: Callable[[Tensor], Tensor],
    group: int = 1,
) -> Tensor | None:
    """The results of a kernel that marks undecided items, with these settled by the host.

    Where an item is undecided, the call's launches hold for this map only. They are void for any
    other map that leaves one undecided, which the slot of the doubts shows.

    Args:
        call: where it goes down.
        x: the map.
        item_bytes: of the form that the results are likely to need.
        launch: starts the kernel with the fields of its `Results` (activation.cuh).
        exact: the kernel of the CPU, which works on any number of groups.
        group: items that depend on each other.

    Returns:
        None where the CPU had better work out all of them.
    """
    number, doubts = call.slot()
    marks = call.scratch(len(x))

    def launch_into(out: Output) -> None:
        launch((*out, marks.address, doubts))

    result = call.result(len(x), item_bytes, launch_into)
    call.expect(number, (0, 0))
    if call.segment.measured()[number] == (0, 0):
        return result
    undecided = np.empty(len(x), bool)
    call.device.read(marks, undecided)
    return _settled(call, x, result, undecided, exact, group)


def _settled(
    call: Call,
    x: Tensor,
    result: OnDevice,
    undecided: np.ndarray,
    exact: Callable[[Tensor], Tensor],
    group: int,
) -> Tensor | None:
    """The result with the exact items of all groups that have an undecided one put into it."""
    groups = np.flatnonzero(undecided.reshape(-1, group).any(axis=1))
    if 2 * len(groups) * group > len(x):
        return None
    indices = (groups[:, None] * group + np.arange(group)).reshape(-1)
    taken = x.data[indices]
    items = exact(Tensor.from_wide(taken) if x.is_wide else Tensor.from_array(taken))
    low, high = (pick(result.bounds[i], items.bounds[i]) for i, pick in enumerate((min, max)))
    operand = result.operand
    assert operand is not None
    if form_bytes(limbs_for(low, high)) > operand.item_bytes:
        return None
    call.segment.replayable = False
    copies = [call.device.upload(array) for array in (indices, items.in_form(8))]
    call.segment.kept += copies
    addresses = (memory.address for memory in copies)
    call.launch(
        "activation.patch",
        (*addresses, operand.address, operand.item_bytes, len(indices)),
        items=len(indices),
    )
    return call.on_device(len(x), (low, high), operand)


def bytes_of(scale: int) -> int:
    """Bytes of the form that holds all of [−scale, scale]."""
    return form_bytes(limbs_for(-scale, scale))


def table(device: Device, make: Callable[[], np.ndarray]) -> int:
    """The address of a table on a device, made and uploaded once and kept as long as the device."""
    tables = _tables.setdefault(device, {})
    if make not in tables:
        tables[make] = device.upload(make())
    return tables[make].address
