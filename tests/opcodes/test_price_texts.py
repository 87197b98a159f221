"""The formulas that the rows show to people have the constants that the prices have."""

from __future__ import annotations

import re

import pytest

from smartvm import gas
from smartvm.opcodes import INSTRUCTIONS, STANDARD

CONSTANTS = {value for name, value in vars(gas).items() if name.isupper()}
LIMBS_OF_A_WORD = 16


@pytest.mark.parametrize("row", INSTRUCTIONS, ids=lambda row: row.mnemonic)
def test_every_number_is_a_constant(row):
    numbers = {int(digits.replace(",", "")) for digits in re.findall(r"\d[\d,]*", row.gas)}
    assert numbers <= CONSTANTS | {LIMBS_OF_A_WORD}


@pytest.mark.parametrize(
    ("mnemonic", "part"),
    [
        ("CONV_MUL", f"limbs(x)·limbs(w)/{gas.LIMB_PRODUCTS_PER_GAS} "),
        ("CONV_TPD", f"{gas.TRANSPOSED} + blocks"),
        ("MAT_BMM", f"/{gas.LIMB_PRODUCTS_PER_GAS} + out·limbs(out)/{gas.LIMBS_PER_GAS}"),
        ("POOL_AVG", f"out·limbs/{gas.LIMBS_PER_GAS_DIVIDE}"),
        ("BUF_SCL1", f"items·limbs/{gas.LIMBS_PER_GAS_DIVIDE}"),
        ("BUF_COPY", f"items·limbs/{gas.LIMBS_PER_GAS}"),
        ("BUF_CAT", f"{gas.JOINED_MAP}·maps"),
        ("MTOB", f"{gas.MEMORY_WORD}·words"),
        ("BTOS1", f"{gas.BLOCK_WRITE_BYTE}·bytes"),
        ("ACT_SM0", f"{gas.SOFTMAX_ITEM} + {gas.SOFTMAX_SCALE_BIT}·bits"),
        ("ACT_TANH", f"items/{gas.ACTIVATIONS_PER_GAS}"),
        ("ACT_FUN", f"items·{gas.FUNCTION_ITEM}"),
    ],
)
def test_the_constant_of_a_term(mnemonic, part):
    assert part in STANDARD.by_mnemonic[mnemonic].gas
