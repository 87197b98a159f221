"""Packed items: runs of two's complement integers of 1 to 32 bytes each, in either byte order.

Memory holds items big-endian (MTOB, BTOM), weight blocks hold them little-endian. Both ways are
vectorised for every width: by the compiled kernels where they are there and no item is wide, else
by numpy.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from smartvm.dispatch.native import packing as native
from smartvm.dispatch.native.compiled import kernels
from smartvm.dispatch.tensor import WIDE_BYTES, Tensor
from smartvm.exceptions import ItemRangeError, OperandError
from smartvm.words import bytes_for

ByteOrder = Literal["little", "big"]

_NATIVE_BYTES = (1, 2, 4, 8)
_ORDER_CODES = {"little": "<", "big": ">"}


def pack_items(items: Tensor, item_bytes: int, byteorder: ByteOrder) -> bytes:
    """The items as two's complement integers of `item_bytes` bytes, one after the other.

    Args:
        items: n items.
        item_bytes: the width of each, 1 to 32.
        byteorder: the order of the bytes within an item.

    Returns:
        n · item_bytes bytes.

    Raises:
        ItemRangeError: an item does not fit `item_bytes` bytes.
        OperandError: a width outside 1 to 32.
    """
    _check_width(item_bytes)
    low, high = items.bounds
    if bytes_for(low, high) > item_bytes:
        widest = low if ~low > high else high
        raise ItemRangeError("item_bytes", f"items that fit {item_bytes} bytes", widest)
    if kernels is not None:
        packed = native.pack(items, item_bytes, byteorder == "big")
        if packed is not None:
            return packed
    if item_bytes in _NATIVE_BYTES:
        return items.data.astype(f"{_ORDER_CODES[byteorder]}i{item_bytes}").tobytes()
    rows = _little_endian_rows(items, item_bytes)
    return (rows if byteorder == "little" else rows[:, ::-1]).tobytes()


def _check_width(item_bytes: int) -> None:
    if not 1 <= item_bytes <= WIDE_BYTES:
        raise OperandError("item_bytes", f"1 to {WIDE_BYTES}", item_bytes)


def _little_endian_rows(items: Tensor, item_bytes: int) -> np.ndarray:
    """(n, item_bytes) uint8, the lowest byte first."""
    if item_bytes > 8:
        rows = items.wide().view(np.uint8)
    else:
        rows = items.data.astype("<i8").view(np.uint8).reshape(-1, 8)
    return rows[:, :item_bytes]


def unpack_items(
    buffer: bytes | memoryview, item_bytes: int, byteorder: ByteOrder, signed: bool = True
) -> Tensor:
    """The items of a packed run; the inverse of `pack_items`.

    The tensor shares the memory of a read-only buffer where its form is the buffer's own
    (little-endian items of 2, 4 or 8 bytes, none of which fits a narrower form, aligned in
    memory); such a buffer must never change. In every other case the items are copied.

    Args:
        buffer: n · item_bytes bytes.
        item_bytes: the width of each item, 1 to 32.
        byteorder: the order of the bytes within an item.
        signed: False reads magnitudes. Of 32 bytes they are words modulo 2²⁵⁶, so that both
            readings are the same.

    Raises:
        OperandError: a width outside 1 to 32.
        ValueError: the buffer is no whole number of items.
    """
    _check_width(item_bytes)
    if len(buffer) % item_bytes:
        raise ValueError(f"{len(buffer)} bytes are no whole number of {item_bytes}-byte items")
    if kernels is not None:
        items = native.unpack(buffer, item_bytes, byteorder == "big", signed)
        if items is not None:
            return items
    if item_bytes in _NATIVE_BYTES:
        kind = "i" if signed else "u"
        array = np.frombuffer(buffer, f"{_ORDER_CODES[byteorder]}{kind}{item_bytes}")
        if signed or item_bytes < 8 or not (array >> 63).any():
            return _from_native(array)
    rows = np.frombuffer(buffer, np.uint8).reshape(-1, item_bytes)
    if byteorder == "big":
        rows = rows[:, ::-1]
    return _from_short_rows(rows, signed) if item_bytes < 8 else _from_long_rows(rows, signed)


def _from_native(array: np.ndarray) -> Tensor:
    """The tensor of items that have a dtype, in whatever byte order and alignment."""
    if not (array.flags.aligned and array.dtype.isnative):
        array = _owned(array.astype(array.dtype.newbyteorder("="), order="C"))
    return Tensor.from_array(array)


def _from_short_rows(rows: np.ndarray, signed: bool) -> Tensor:
    """The tensor of (n, 3, 5, 6 or 7) uint8 rows, the lowest byte first."""
    size = 4 if rows.shape[1] == 3 else 8
    padded = np.zeros((len(rows), size), np.uint8)
    # The bytes go to the top of a machine word; shifting it down extends the sign.
    padded[:, size - rows.shape[1] :] = rows
    words = padded.view(f"<{'i' if signed else 'u'}{size}").reshape(-1)
    return Tensor.from_array(_owned(words >> 8 * (size - rows.shape[1])))


def _from_long_rows(rows: np.ndarray, signed: bool) -> Tensor:
    """The tensor of (n, 8 to 32) uint8 rows, the lowest byte first."""
    extended = np.zeros((len(rows), WIDE_BYTES), np.uint8)
    extended[:, : rows.shape[1]] = rows
    if signed:
        extended[:, rows.shape[1] :] = (rows[:, -1:] >> 7) * np.uint8(0xFF)
    return Tensor.from_wide(extended.view("<u2"))


def _owned(array: np.ndarray) -> np.ndarray:
    """Mark an array that nobody else refers to as read-only, which lets a tensor adopt it."""
    array.flags.writeable = False
    return array
