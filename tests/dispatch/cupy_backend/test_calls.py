"""Calls and segments by themselves."""

from __future__ import annotations

from typing import Any

import pytest

from smartvm.dispatch.cupy_backend import elementwise
from smartvm.dispatch.cupy_backend.calls import Call, Misfit, fits
from smartvm.dispatch.cupy_backend.segment import NoSlots, Segment
from smartvm.dispatch.cupy_backend.tensors import OnDevice
from smartvm.dispatch.tensor import Tensor

INT64_MAX = (1 << 63) - 1


@pytest.fixture
def segment(device: Any) -> Segment:
    return Segment(device)


def resident(*values: int) -> Tensor:
    found = Tensor.from_ints(values)
    found.memo = {}
    return found


@pytest.mark.parametrize(
    ("least", "expected"),
    [
        (-32_768, (-32_768, 32_767)),  # all that the form holds
        (-20_000, (-16_384, 16_383)),  # the next powers of two
        (-9_000, (-9_000, 8_000)),  # what is there
        (-8_999, None),
    ],
)
def test_domains_are_as_wide_as_the_proof_allows(
    segment: Segment, least: int, expected: tuple[int, int] | None
) -> None:
    call, x = Call(segment), Tensor.from_ints([-9_000, 8_000])
    found = call.domains(lambda values: values[0] >= least, x)
    assert found == (expected and [expected])
    assert call.checks == ([(x, expected)] if expected else [])


def test_the_domain_of_a_resident_tensor_is_what_it_holds(segment: Segment) -> None:
    call, weights = Call(segment), resident(3, 5)
    assert call.domains(fits, weights) == [(3, 5)]
    assert call.checks == []


def test_a_result_takes_the_form_it_needs(segment: Segment) -> None:
    x = Tensor.from_ints([30_000, 1])
    found = elementwise.add(Call(segment), x, resident(30_000), 2)
    assert isinstance(found, OnDevice) and found.operand is not None
    assert (found.bounds, found.item_bytes, found.operand.item_bytes) == ((30_001, 60_000), 4, 4)
    assert found.to_ints() == [60_000, 30_001]
    assert len(segment.launches) == 1, "the launch that was too narrow is forgotten"


def test_a_result_is_made_again_where_its_form_holds_it(segment: Segment) -> None:
    call = Call(segment)
    elementwise.add(call, Tensor.from_ints([1, 2]), resident(3), 2)
    assert call.make is not None
    assert call.make((), [(-32_768, 32_767)]).bounds == (-32_768, 32_767)
    with pytest.raises(Misfit):
        call.make((), [(-32_769, 0)])


def test_a_map_of_the_host_is_copied_once(device: Any, segment: Segment) -> None:
    x, weights = Tensor.from_ints([1, 2]), resident(1, 2)
    first, second = Call(segment), Call(segment)
    assert first.operand(x) is second.operand(x)
    assert first.operand(weights) is second.operand(weights)
    assert [root for root, _ in segment.roots] == [x]


def test_a_cut_takes_everything_back(segment: Segment) -> None:
    elementwise.clip(Call(segment), Tensor.from_ints([5, -5]), -1, 1)
    mark, before = segment.mark(), segment.measured()
    elementwise.clip(Call(segment), Tensor.from_ints([9, -9]), -7, 7)
    segment.cut(mark)
    assert segment.mark() == mark
    assert segment.measured() == before == [(-1, 1)]
    elementwise.clip(Call(segment), Tensor.from_ints([3]), -7, 7)
    assert segment.measured() == [(-1, 1), (3, 3)], "its slot is empty again"


def test_slots_end(segment: Segment) -> None:
    with pytest.raises(NoSlots, match="0 of 4096 slots are taken"):
        segment.take_slots(4097)


def test_limits() -> None:
    assert fits((-INT64_MAX - 1, INT64_MAX))
    assert not fits((0, INT64_MAX + 1))
    assert not fits((-3, 3), (-2, 3))
