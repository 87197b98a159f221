"""Arithmetic item by item, with every kind of broadcasting."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.lowering import problems
from smartvm.compiler.operations import Add, Clip, MultiplyConstant, Rescale, View
from smartvm.exceptions import ItemRangeError

SHAPES = [
    ((2, 3, 4), (2, 3, 4)),
    ((2, 3, 4), (3, 1)),
    ((2, 3, 4), (4,)),
    ((2, 3, 4), (2, 1, 4)),
    ((2, 3, 4), ()),
    ((2, 3, 4), (1, 1, 1)),
    ((2, 1, 4), (1, 3, 1)),
    ((3, 1), (2, 3, 4)),
]


@pytest.mark.parametrize(("a", "b"), SHAPES)
@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Max", "Min"])
def test_broadcast(check, node, grid, operator, a, b) -> None:
    left, right = grid(*a), grid(*b)
    it = node(operator, "a", "b")
    check(it, {"a": left, "b": right})
    check(it, {"a": left}, {"b": right})
    check(it, {"b": right}, {"a": left})


@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_division(check, node, grid, a, b) -> None:
    left, right = grid(*a), grid(*b, low=0.5)
    it = node("Div", "a", "b")
    check(it, {"a": left, "b": right})
    check(it, {"a": left}, {"b": -right}, units=0.6)
    check(it, {"b": right}, {"a": left})


def test_factors_keep_their_precision(check, node, grid) -> None:
    """A factor of a millionth has sixteen bits like any other."""
    x = {"x": 1000 * grid(3, 4)}
    factors = np.array([1e-6, 0.3, 2e-5, 7], np.float32)
    check(node("Mul", "x", "f"), x, {"f": factors}, units=0.6)
    check(node("Mul", "x", "f"), x, {"f": np.array(1e-6, np.float32)}, units=0.6)
    check(node("Div", "x", "f"), x, {"f": np.array(3e5, np.float32)}, units=0.6)


def test_a_factor_that_is_a_ratio_costs_no_more_than_that(check, node, grid) -> None:
    graph = check(node("Mul", "x", "f"), {"x": grid(5)}, {"f": np.array(0.1, np.float32)})
    (division,) = graph.operations
    assert isinstance(division, Rescale) and division.divisor == 10


def test_a_sum_of_a_map_and_a_channel_vector_needs_no_view(check, node, grid) -> None:
    graph = check(node("Add", "a", "b"), {"a": grid(2, 3, 4, 4), "b": grid(3, 1, 1)})
    (addition,) = graph.operations
    assert isinstance(addition, Add) and (addition.channels, addition.plane) == (3, 16)
    graph = check(node("Add", "a", "b"), {"a": grid(2, 3, 4), "b": grid(2, 1, 4)})
    assert [type(entry) for entry in graph.operations] == [View, Add]


@pytest.mark.parametrize("operator", ["Sum", "Max", "Min", "Mean"])
def test_several_inputs(check, node, grid, operator) -> None:
    inputs = {"a": grid(2, 3), "b": grid(3)}
    check(node(operator, "a", "b", "c"), inputs, {"c": grid(2, 1)})


@pytest.mark.parametrize("operator", ["Max", "Min"])
def test_a_number_is_a_bound(check, node, grid, operator) -> None:
    graph = check(node(operator, "x", "c"), {"x": grid(9)}, {"c": np.array(0.25, np.float32)})
    assert [type(entry) for entry in graph.operations] == [Clip]


@pytest.mark.parametrize("operator", ["Neg", "Abs", "Exp", "Erf"])
def test_function(check, node, grid, operator) -> None:
    check(node(operator, "x"), {"x": grid(50)})


@pytest.mark.parametrize("operator", ["Sqrt", "Log", "Reciprocal"])
def test_function_of_positive_numbers(check, node, grid, operator) -> None:
    check(node(operator, "x"), {"x": grid(50, low=0.1)})


def test_a_root_of_what_rounding_made_negative_is_zero(check, node) -> None:
    import onnx

    nodes = [onnx.helper.make_node("Sub", ["x", "c"], ["d"]), node("Sqrt", "d")]
    x = np.array([0.2504, 0.25], np.float32)
    check(nodes, {"x": x}, {"c": np.array(0.25, np.float32)}, units=21)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 0.5, -1, -2, -0.5, 0.75, 2.5, 9])
def test_power(check, node, grid, exponent) -> None:
    x = {"x": grid(40, low=0.5)}
    check(node("Pow", "x", "p"), x, {"p": np.array(exponent, np.float32)}, units=1.0)


def test_even_powers_of_negative_numbers(check, node, grid) -> None:
    check(node("Pow", "x", "p"), {"x": grid(40)}, {"p": np.array([2.0], np.float32)})


def test_powers_of_many_exponents(check, node, grid) -> None:
    x, exponents = {"x": grid(4, 3, low=0.5)}, {"p": grid(3)}
    check(node("Pow", "x", "p"), x, exponents)
    check(node("Pow", "x", "p"), x | exponents)


def test_a_power_of_a_negative_number_by_many_exponents_halts(check, node) -> None:
    x, exponents = np.array([-1.0, 1], np.float32), np.array([2.0, 3], np.float32)
    with pytest.raises(ItemRangeError, match="above zero, found -256000"):
        check(node("Pow", "x", "p"), {"x": x}, {"p": exponents})


def test_integers_have_the_scale_one(check, node) -> None:
    inputs = {"a": np.array([1, -2, 3]), "b": np.array([4, 5, 6])}
    graph = check(node("Mul", "a", "b"), inputs)
    assert len(graph.operations) == 1 and graph.values["y"].scale == 1
    graph = check(node("Add", "a", "c"), {"a": inputs["a"]}, {"c": inputs["b"]})
    assert graph.constants["c"].tolist() == [4, 5, 6]


def test_what_has_no_meaning_is_refused(model_of, node, grid) -> None:
    integers = {"a": np.array([1, 2]), "b": np.array([1, 2])}
    (problem,) = problems(model_of(node("Div", "a", "b"), integers))
    assert problem.reason == "a division of integers is not supported"
    zero = {"c": np.array([1.0, 0], np.float32)}
    (problem,) = problems(model_of(node("Div", "a", "c"), {"a": grid(2)}, zero))
    assert problem.reason == "it divides by a constant of zero"


def test_a_difference_with_a_constant_is_one_addition(check, node, grid) -> None:
    graph = check(node("Sub", "c", "x"), {"x": grid(3)}, {"c": grid(3)})
    assert [type(entry) for entry in graph.operations] == [MultiplyConstant, Add]
