"""Is any DNN instruction slower per gas than the slowest of Ethereum's own?"""

from __future__ import annotations

from gas_calibration import chosen_cases, stock_costs, worst_costs

from paper.model import PER_GAS, SMARTVM, STOCK, Finding, Measurement, Options

QUESTION = "gas_safety"
SHOWN_STOCK = 6


def measure(options: Options) -> list[Finding]:
    """Each DNN instruction at its worst operands and the slowest stock ones, per gas."""
    stock = sorted(stock_costs(), key=lambda cost: -cost.per_gas)
    bound = stock[0].per_gas
    worst = worst_costs(chosen_cases(set(), options.quick))
    dnn = sorted(worst, key=lambda cost: -cost.per_gas)
    sample = "one case in twelve" if options.quick else "all cases"
    rows = [(STOCK, cost) for cost in stock[:SHOWN_STOCK]] + [(SMARTVM, cost) for cost in dnn]
    return [
        Measurement(
            QUESTION,
            "",
            contender,
            PER_GAS,
            "× the slowest stock instruction",
            cost.per_gas / bound,
            note=f"{cost.per_gas:,.0f} ns a gas, {cost.gas:,.0f} gas; {sample}: {cost.case[:80]}",
            part=cost.name,
        )
        for contender, cost in rows
    ]
