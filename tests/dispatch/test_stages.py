"""What bounds the results of the stages behind a product."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.stages import complete, product_range, ranges, stages_behind
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape

REFERENCE = ReferenceBackend()
SHAPE = ConvShape(2, 1, 3, 1, (1, 2, 2), (1, 1, 1))
PRODUCT = Step("convolve", (Tensor.zeros(3), SHAPE))
STEPS = [
    Step("add", (Tensor.from_ints([-5, 0, 7]), 4)),
    Step("add", (Tensor.from_ints(range(-12, 12)), 1)),
    Step("multiply", (-3,)),
    Step("divide", (4, True)),
    Step("divide", (3, False)),
    Step("relu", (9, (0, 1))),
    Step("relu", (0, (0, 1))),
]


@given(
    values=st.lists(st.integers(-1000, 1000), min_size=24, max_size=24),
    steps=st.lists(st.sampled_from(STEPS), max_size=8),
)
def test_results_lie_in_the_ranges_and_ordered_ones_are_exact(
    values: list[int], steps: list[Step]
) -> None:
    stages = stages_behind([PRODUCT, *steps])
    assert len(stages) == len(steps)
    x = Tensor.from_ints(values)
    found, reached = [x.bounds], ranges(stages, x.bounds)
    for step, values_range in zip(steps, reached[1:], strict=True):
        x = getattr(REFERENCE, step.kernel)(x, *step.arguments)
        assert values_range[0] <= x.bounds[0] <= x.bounds[1] <= values_range[1]
        found.append(x.bounds)
    known = [
        (0, 0) if index and stages[index - 1].ordered else bounds
        for index, bounds in enumerate(found)
    ]
    complete(stages, known)
    assert known == found


@pytest.mark.parametrize(
    "step",
    [
        Step("add", (Tensor.from_ints([1, 2, 3]), 2)),
        Step("add", (Tensor.from_ints([1 << 70, 0, 0]), 4)),
        Step("multiply", (1 << 63,)),
        Step("relu", (0, (1, 10))),
        Step("relu", (1 << 63, (0, 1))),
        Step("sigmoid", (1000,)),
    ],
    ids=str,
)
def test_what_has_no_stage_ends_them(step: Step) -> None:
    assert len(stages_behind([PRODUCT, STEPS[2], step, STEPS[2]])) == 1


def test_rows_of_matrices_are_added_to_by_column() -> None:
    product = Step("matmul", (Tensor.zeros(8), MatmulShape(3, 2, 4, batch=2)))
    bias = Step("add", (Tensor.from_ints([1, 2, 3, 4]), 1))
    residual = Step("add", (Tensor.zeros(24), 1))
    kinds = [stage.kind for stage in stages_behind([product, bias, residual])]
    assert kinds == [0, 1]


@given(pairs=st.lists(st.tuples(st.integers(-9, 9), st.integers(-99, 99)), min_size=1, max_size=6))
def test_a_product_lies_in_its_range(pairs: list[tuple[int, int]]) -> None:
    xs, weights = zip(*pairs, strict=True)
    positive = sum(w for w in weights if w > 0)
    negative = -sum(w for w in weights if w < 0)
    low, high = product_range((min(xs), max(xs)), positive, negative)
    assert low <= sum(x * w for x, w in pairs) <= high
