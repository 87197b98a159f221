"""Calls that come again are run as one graph, and nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.cupy_backend import CupyBackend, backend, session, tapes
from smartvm.dispatch.cupy_backend.tensors import OnDevice
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor

REFERENCE = ReferenceBackend()
LENGTH = 6
Make = Callable[..., CupyBackend]


def resident(values: list[int]) -> Tensor:
    found = Tensor.from_ints(values)
    found.memo = {}
    return found


BIAS = resident([5, -7, 100])
WIDE_BIAS = resident([1 << 40, -3, 0])


def network(kernels: Backend, x: Tensor, bias: Tensor = BIAS, low: int = -50) -> list[Tensor]:
    """All maps of a network with a shortcut."""
    maps = [x]
    maps.append(kernels.add(maps[-1], bias, 2))
    maps.append(kernels.clip(maps[-1], low, 1 << 33))
    maps.append(kernels.add(maps[-1], maps[1], 1))
    maps.append(kernels.add(maps[-1], x, 1))
    return maps


def inputs(*values: int) -> Tensor:
    return Tensor.from_ints([*values, *range(LENGTH - len(values))])


def check(kernels: Backend, *values: int, **options: Any) -> list[Tensor]:
    """Run the network on fresh maps with both; the maps of the backend."""
    found = network(kernels, inputs(*values), **options)
    expected = network(REFERENCE, inputs(*values), **options)
    assert [x.bounds for x in found] == [x.bounds for x in expected]
    return found


def test_the_second_run_is_one_graph(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    check(kernels, 1, -2000)
    assert device.launches > 4 and device.starts == 0
    for value in (3, -9, 300):
        device.reset()
        last = check(kernels, value)[-1]
        assert (device.launches, device.starts, device.reads) == (0, 1, 1)
        assert last == network(REFERENCE, inputs(value))[-1]
        del last  # else it is brought to the host before the next run


def test_a_map_that_breaks_a_proof_is_computed_anew(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    check(kernels, 1)
    check(kernels, 2)
    found = check(kernels, 32_767, -32_768)  # of the same form; its sums are not
    assert found[-1] == network(REFERENCE, inputs(32_767, -32_768))[-1]
    device.reset()
    for values in ((3,), (32_000, -32_000), (-4,)):
        check(kernels, *values)
    assert (device.launches, device.starts) == (0, 3), "what is wider holds what is narrower"


def test_another_form_has_a_tape_of_its_own(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    for value in (1, 1 << 20, 2, 1 << 21):
        check(kernels, value)
    assert device.starts == 2


def test_results_outlive_the_next_run(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    kept = []
    for value in (1, 2, 3):
        kept.append((value, check(kernels, value)))
    for value, maps in kept:
        assert maps == network(REFERENCE, inputs(value))


def test_a_result_that_has_left_the_device_can_be_used(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    check(kernels, 1)
    old = check(kernels, 2)
    new = check(kernels, 3)
    both = kernels.add(old[-1], new[-1], 1)
    expected = [network(REFERENCE, inputs(value))[-1] for value in (2, 3)]
    assert both == REFERENCE.add(expected[0], expected[1], 1)


def test_two_equal_maps_are_not_one(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    for _ in range(3):
        x, y = inputs(1), inputs(2)
        assert kernels.add(x, x, 1) == REFERENCE.add(x, x, 1)
        assert kernels.add(x, y, 1) == REFERENCE.add(x, y, 1)
        assert kernels.add(y, x, 1) == REFERENCE.add(x, y, 1)


def test_other_weights_lead_elsewhere(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    for bias in (BIAS, BIAS, resident([5, -7, 100]), BIAS, WIDE_BIAS, WIDE_BIAS):
        found = check(kernels, 3, bias=bias)
        assert found[-1] == network(REFERENCE, inputs(3), bias=bias)[-1]


def test_a_way_that_parts_begins_later(device: Any, make_backend: Make) -> None:
    """Two networks begin with the same call: it moves to the CPU, what follows is told apart."""
    kernels = make_backend(device)
    for _ in range(4):
        check(kernels, 3, low=-50)
        check(kernels, 3, low=-60)
    device.reset()
    for low in (-50, -60, -50):
        check(kernels, 4, low=low)
    assert device.launches == 0 and device.starts >= 3


def test_a_run_that_ends_early_costs_a_credit(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    check(kernels, 1)
    device.reset()
    for value in range(9):
        kernels.add(inputs(value), BIAS, 2)
    assert device.replayed <= 5 + 7 * 2, "once all of it in vain, then what is asked for"
    device.reset()
    for value in range(4):
        check(kernels, value)
    assert device.starts >= 3, "and grows again"


def test_a_map_of_the_host_in_the_middle(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)

    def run(backend: Backend, value: int) -> Tensor:
        first = backend.add(inputs(value), BIAS, 2)
        return backend.clip(backend.add(first, inputs(-value), 1), -3, 4)

    for value in (1, 2, 3):
        device.reset()
        assert run(kernels, value) == run(REFERENCE, value)
    assert (device.launches, device.starts) == (0, 2)


def test_a_call_left_to_the_cpu_in_the_middle(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device, "clip")
    for value in (1, 2, 3):
        device.reset()
        found = check(kernels, value, low=7)
        assert found == network(REFERENCE, inputs(value), low=7)
        assert not isinstance(found[2], OnDevice)
    assert (device.launches, device.starts) == (0, 2)


def test_slots_run_out(device: Any, make_backend: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smartvm.dispatch.cupy_backend.segment.MOST_SLOTS", 2)
    kernels = make_backend(device)
    for value in (1, 2, 3):
        assert check(kernels, value) == network(REFERENCE, inputs(value))


def test_tapes_are_bounded(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    for length in range(1, 2 * tapes.MOST_TAPES):
        kernels.clip(Tensor.from_ints(list(range(length))), 1, 2)
    assert len(kernels._tapes) == tapes.MOST_TAPES


def test_memory_of_a_tape_is_bounded(
    device: Any, make_backend: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_SEGMENT_BYTES", 20)
    kernels = make_backend(device)
    for value in (1, 2, 3):
        assert check(kernels, value) == network(REFERENCE, inputs(value))
    assert len(kernels._tapes) == 0


def test_long_lineages_let_go_of_maps(
    device: Any, make_backend: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "MOST_HELD", 30)
    kernels = make_backend(device)
    assert check(kernels, 1) == network(REFERENCE, inputs(1))


def in_a_thread(function: Callable[[], object]) -> None:
    thread = Thread(target=function)
    thread.start()
    thread.join()


def test_a_thread_a_call(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    for value in (1, 2, 3):
        device.reset()
        in_a_thread(lambda value=value: check(kernels, value))
    assert (device.launches, device.starts) == (0, 1)


def test_calls_in_turn_do_not_take_each_others_tape(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    for value in (1, 2, 3):
        device.reset()
        x = inputs(value)
        y = kernels.add(x, BIAS, 2)
        in_a_thread(lambda value=value: check(kernels, -value))
        z = kernels.clip(y, -50, 1 << 33)
        w = kernels.add(kernels.add(z, y, 1), x, 1)
        assert w == network(REFERENCE, x)[-1]
        del y, z, w
    assert (device.launches, device.starts) == (0, 2)
    assert len(kernels._tapes) == 2


def test_who_makes_no_more_calls_has_no_tape(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    check(kernels, 1)
    network_calls = 4
    for value in range(tapes.IDLE // network_calls + 2):
        in_a_thread(lambda value=value: check(kernels, value))
    device.reset()
    old = check(kernels, 2)
    assert device.starts == 1
    in_a_thread(lambda: check(kernels, 3))
    assert old == network(REFERENCE, inputs(2))


def test_threads_share_a_tape(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    check(kernels, 1)
    wrong: list[int] = []

    def run(first: int) -> None:
        for value in range(first, first + 12):
            maps = network(kernels, inputs(value))
            if maps != network(REFERENCE, inputs(value)):
                wrong.append(value)

    threads = [Thread(target=run, args=(first,)) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


OPERATIONS = st.tuples(
    st.sampled_from(["bias", "wide", "clip", "low", "sum", "host"]),
    st.integers(0, 5),
    st.integers(0, 5),
)
EDGES = st.sampled_from([0, 1, -1, 32_700, -32_768, 1 << 31, -(1 << 62), 1 << 62])


def execute(kernels: Backend, program: list[Any], values: list[int]) -> list[Tensor]:
    """Run a program; its maps, each made of two of the ones before."""
    rest = iter(values)
    maps = [inputs(next(rest))]
    for operation, first, second in program:
        x, y = maps[-1 - first % len(maps)], maps[-1 - second % len(maps)]
        if operation in ("bias", "wide"):
            maps.append(kernels.add(x, BIAS if operation == "bias" else WIDE_BIAS, 2))
        elif operation in ("clip", "low"):
            maps.append(kernels.clip(x, -100 if operation == "low" else -(1 << 40), 1 << 50))
        else:
            maps.append(kernels.add(x, y if operation == "sum" else inputs(next(rest)), 1))
    return maps


@settings(max_examples=40)
@given(
    programs=st.lists(st.lists(OPERATIONS, min_size=1, max_size=7), min_size=1, max_size=3),
    runs=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 7),
            st.lists(EDGES, min_size=8, max_size=8),
            st.booleans(),
        ),
        min_size=3,
        max_size=12,
    ),
)
def test_any_programs_in_any_order(
    make_device: Any, make_backend: Make, programs: list[Any], runs: list[Any]
) -> None:
    kernels = make_backend(make_device())
    kept = []
    for number, end, values, keep in runs:
        program = programs[number % len(programs)][: end + 1]
        found = execute(kernels, program, values)
        expected = execute(REFERENCE, program, values)
        assert [x.bounds for x in found] == [x.bounds for x in expected]
        if keep:
            kept.append((found, expected))
    for found, expected in kept:
        assert found == expected
