from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.compiler import lenet5
from smartvm.compiler.certify import Bound, certify, check
from smartvm.compiler.integer_graph import IntegerGraph, Interval, Value
from smartvm.compiler.operations import EXP, Function, MultiplyConstant, Rescale
from smartvm.compiler.sequential import Sequential
from smartvm.dispatch import make_dispatcher
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import CertificateError


def linear(weights: list[list[int]], bias: list[int], interval: Interval) -> IntegerGraph:
    network = Sequential("linear", (len(weights[0]),), scale=10, input_range=interval)
    return network.fully_connected("fc", np.array(weights), np.array(bias)).graph


def test_each_sign_of_a_weight_takes_the_end_that_it_favours() -> None:
    certificate = certify(linear([[3, -2], [1, 1]], [5, -100], Interval(-10, 20)))
    products = Interval(-3 * 10 - 2 * 20, 3 * 20 + 2 * 10)
    sums = Interval(products.low - 100, products.high + 5)
    assert certificate["fc.sums"] == Bound("fc.sums", sums, sums.union(products))
    assert certificate["fc"].interval == Interval(-17, 8)
    assert certificate["input"] == Bound("input", Interval(-10, 20), Interval(-10, 20))
    assert certificate["fc.bias"].interval == Interval(-100, 5)


def test_a_bound_knows_its_width() -> None:
    def bound(interval: tuple[int, int], peak: tuple[int, int]) -> Bound:
        return Bound("x", Interval(*interval), Interval(*peak))

    assert bound((-(2**15), 2**15 - 1), (0, 0)).bits == 16
    assert bound((0, 0), (0, 2**15)).bits == 32
    assert bound((-(2**31) - 1, 0), (0, 0)).bits == 64
    assert bound((0, 2**63), (0, 0)).bits == 256
    assert bound((0, 2**15), (0, 2**40)).limbs == 2


def test_the_first_layers_of_lenet5_stay_within_16_and_32_bits() -> None:
    certificate = certify(lenet5.load())
    names = ("conv1.sums", "conv1", "relu1", "pool1", "conv2.sums")
    assert [certificate[name].bits for name in names] == [32, 16, 16, 16, 32]


@given(st.data())
def test_no_input_leaves_the_bounds_of_any_value(data: st.DataObject) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    ends = Interval(-data.draw(st.integers(0, 500)), data.draw(st.integers(0, 500)))
    network = Sequential("n", (2, 5, 5), scale=100, input_range=ends)
    network.convolution(
        "conv", random.integers(-99, 99, (3, 2, 3, 3)), random.integers(-999, 999, 3), padding=1
    )
    network.relu("relu").average_pool("pool", 2)
    graph = network.fully_connected("fc", random.integers(-99, 99, (2, 12)), np.zeros(2, int)).graph
    items = data.draw(
        st.lists(st.sampled_from(ends) | st.integers(*ends), min_size=50, max_size=50)
    )
    kept = [operation.output for operation in graph.operations]
    values = graph.evaluate(make_dispatcher(), {"input": Tensor.from_ints(items)}, kept)
    certificate = certify(graph)
    for name, tensor in values.items():
        low, high = tensor.bounds
        assert certificate[name].interval.low <= low
        assert high <= certificate[name].interval.high


def scaled(factor: int) -> IntegerGraph:
    return IntegerGraph(
        "scaled",
        inputs=("x",),
        outputs=("z",),
        values={name: Value((2,)) for name in "xyz"},
        operations=[
            MultiplyConstant("y", ("x",), factor, source="widen"),
            Rescale("z", ("y",), 7, source="narrow"),
        ],
        input_ranges={"x": Interval(-2, 1)},
    )


def test_what_could_wrap_is_refused_by_name() -> None:
    certify(scaled(2**254))
    with pytest.raises(CertificateError, match=r"widen: some input could pass 256 bits.*scale"):
        certify(scaled(2**254 + 1))


def test_what_could_overflow_is_refused_by_name() -> None:
    exp = Function("y", ("x",), 1, EXP, source="exp")
    graph = IntegerGraph("g", ("x",), ("y",), operations=[exp])
    graph.input_ranges["x"] = Interval(0, 200)
    with pytest.raises(CertificateError, match=r"exp: .*exponential"):
        certify(graph)


def test_a_certificate_is_checked_without_making_another() -> None:
    graph = linear([[3, -2], [1, 1]], [5, -100], Interval(-10, 20))
    certificate = certify(graph)
    check(graph, certificate)
    wider = certificate | {"fc": Bound("fc", Interval(-1000, 1000), Interval(-1000, 1000))}
    check(graph, wider)


@pytest.mark.parametrize("name", ["input", "fc.weight", "fc.sums", "fc"])
@pytest.mark.parametrize("field", ["interval", "peak"])
@pytest.mark.parametrize("end", [0, 1])
def test_a_bound_that_is_too_narrow_is_noticed(name: str, field: str, end: int) -> None:
    graph = linear([[3, -2], [1, 1]], [5, -100], Interval(-10, 20))
    certificate = certify(graph)
    bound = certificate[name]
    ends = {"interval": list(bound.interval), "peak": list(bound.peak)}
    ends[field][end] += 1 - 2 * end
    certificate[name] = Bound(name, Interval(*ends["interval"]), Interval(*ends["peak"]))
    with pytest.raises(CertificateError, match=f"{name}: the certificate claims {field}"):
        check(graph, certificate)


@pytest.mark.parametrize("name", ["input", "fc.bias", "fc"])
def test_a_bound_that_is_missing_is_noticed(name: str) -> None:
    graph = linear([[3, -2], [1, 1]], [5, -100], Interval(-10, 20))
    certificate = certify(graph)
    del certificate[name]
    with pytest.raises(CertificateError, match=name):
        check(graph, certificate)
