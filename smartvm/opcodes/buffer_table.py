"""Rows of the instructions that move items, 0x31–0x3a."""

from __future__ import annotations

from smartvm import gas
from smartvm.opcodes import maps, transfer
from smartvm.opcodes.instruction import Instruction, Kind, Operand
from smartvm.opcodes.operands import fields, number

_WRITE_GAS = (
    f"{gas.BLOCK_WRITE_NEW:,} new or {gas.BLOCK_WRITE_CHANGED:,} changed "
    f"+ {gas.BLOCK_WRITE_BYTE}·bytes + items·limbs/{gas.LIMBS_PER_GAS}"
)

BUFFER = (
    Instruction(
        0x31,
        "MTOB",
        "Transfer",
        (
            number("offset", "where in Memory"),
            fields(
                "count",
                "item_bytes",
                "unsigned",
                summary="items; bytes of each, default 32; 1: unsigned",
            ),
        ),
        transfer.mtob,
        "push a map read from Memory, big-endian and packed",
        f"{gas.MEMORY_WORD}·words + items·limbs/{gas.LIMBS_PER_GAS} + Memory growth",
        maps=0,
    ),
    Instruction(
        0x32,
        "BTOM",
        "Transfer",
        (
            number("offset", "where in Memory"),
            fields(
                "count",
                "item_bytes",
                summary="items, default all; bytes of each, default 32",
                optional=True,
            ),
        ),
        transfer.btom,
        "write items of the top map to Memory, big-endian and packed",
        f"{gas.MEMORY_WORD}·words + items·limbs/{gas.LIMBS_PER_GAS} + Memory growth",
    ),
    Instruction(
        0x33,
        "BTOS0",
        "Transfer",
        (
            number("first", "the first item"),
            number("count", "items, default the rest", optional=True),
        ),
        transfer.btos0,
        "push items of the top map to the Stack, the first on top",
        f"items·16/{gas.LIMBS_PER_GAS}",
        pushes=None,
    ),
    Instruction(
        0x34,
        "BTOS1",
        "Transfer",
        (
            fields("first", "block", summary="the first item; the number of the block"),
            fields(
                "count",
                "item_bytes",
                "delete",
                summary="items, default the rest; bytes of each, default the narrowest; 1: delete",
                optional=True,
            ),
        ),
        transfer.btos1,
        "write items of the top map to Storage as a weight block, or delete a block",
        _WRITE_GAS,
        maps=0,
        writes_state=True,
    ),
    Instruction(
        0x35,
        "BUF_CLS",
        "Buffer",
        (number("count", "items, default all", optional=True),),
        maps.buf_cls,
        "set the last items to zero",
        f"items·limbs/{gas.LIMBS_PER_GAS}",
    ),
    Instruction(
        0x36,
        "BUF_FIL",
        "Buffer",
        (Operand("value", Kind.SIGNED, "the value"),),
        maps.buf_fil,
        "set every item to a value",
        f"items·limbs/{gas.LIMBS_PER_GAS}",
    ),
    Instruction(
        0x37,
        "BUF_INIT",
        "Buffer",
        (number("size", "items; 0: leave the Buffer empty"),),
        maps.buf_init,
        "drop all maps and push one zero map",
        f"items/{gas.LIMBS_PER_GAS}",
        maps=0,
    ),
    Instruction(
        0x38,
        "BUF_ALLO",
        "Buffer",
        (number("size", "items, at least 1"),),
        maps.buf_allo,
        "push a zero map",
        f"items/{gas.LIMBS_PER_GAS}",
        maps=0,
    ),
    Instruction(
        0x39,
        "BUF_FREE",
        "Buffer",
        (
            Operand(
                "size",
                Kind.FIELDS,
                "items, default all; mode 1: the map that many below the top",
                ("size", "", "", "mode"),
                optional=True,
            ),
        ),
        maps.buf_free,
        "release the last items of the top map, or a whole map",
        f"items left·limbs/{gas.LIMBS_PER_GAS}",
        follow=maps.follow_buf_free,
    ),
    Instruction(
        0x3A,
        "BUF_COPY",
        "Buffer",
        (
            Operand(
                "start",
                Kind.FIELDS,
                "first item; mode 1: the whole map that many below the top",
                ("start", "", "", "mode"),
                optional=True,
            ),
            number("end", "the item after the last, default the length", optional=True),
        ),
        maps.buf_copy,
        "push a copy of items of the top map, or of a whole map",
        f"items·limbs/{gas.LIMBS_PER_GAS}",
    ),
)
