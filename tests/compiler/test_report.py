from __future__ import annotations

from smartvm.compiler.report import Choice, Trial, choose

GOOD = Trial(1000, agreement=1.0, max_error=0.01, gas=7)
COARSE = Trial(256, agreement=1.0, max_error=0.2, gas=5)
WRONG = Trial(300, agreement=0.5, max_error=0.01, gas=6)
IMPOSSIBLE = Trial(1 << 70, problem="a weight passes 64 bits")


def test_a_scale_will_do_if_answers_are_right_and_errors_small() -> None:
    assert [trial.will_do(0.05) for trial in (GOOD, COARSE, WRONG, IMPOSSIBLE)] == [
        True,
        False,
        False,
        False,
    ]
    assert Trial(1, agreement=None, max_error=0.05).will_do(0.05)


def test_the_smallest_that_will_do_is_chosen() -> None:
    assert choose([COARSE, WRONG, GOOD], 0.05) == Choice(
        1000,
        "the smallest that gives the float model's answers and errs by at most 0.05: 0.01",
    )
    assert choose([COARSE, GOOD], 0.5).scale == 256


def test_answers_come_before_errors() -> None:
    choice = choose([COARSE, WRONG], 0.05)
    assert choice.scale == 256
    assert choice.reason.startswith("the best: agrees with 100% of answers, errs by at most 0.2")


def test_without_answers_errors_decide() -> None:
    trials = [Trial(1, max_error=0.4), Trial(2, max_error=0.3)]
    assert choose(trials, 0.1).scale == 2
    assert choose(trials, 1).reason == "the smallest that errs by at most 1: 0.4"


def test_what_cannot_be_compiled_is_not_chosen() -> None:
    assert choose([IMPOSSIBLE], 1) is None
    assert choose([], 1) is None
    assert choose([IMPOSSIBLE, COARSE], 0.05).scale == 256
