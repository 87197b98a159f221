"""Instruction sets and threads: what is chosen, by whom, and what may not be."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from smartvm.dispatch.native import NativeBackend, isa, isas, set_isa, set_threads, threads
from smartvm.dispatch.native.compiled import INTERFACE, kernels
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import BackendError
from smartvm.shapes import ConvShape

pytestmark = pytest.mark.skipif(not kernels, reason="the native kernels were not built")
REPORT = "from smartvm.dispatch.native import isa, threads; print(isa(), threads())"


def started_with(**environment: str) -> tuple[str, str]:
    """(isa, threads) of a process, and what it says on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT],
        env=os.environ | environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip(), done.stderr


def test_the_best_set_comes_first_and_portable_last():
    assert isas()[-1] == "portable"
    assert isas() == [name for name in ("avx512", "avx2", "portable") if name in isas()]


def test_a_set_is_chosen_by_name(instruction_set):
    assert isa() == instruction_set


def test_a_set_that_is_not_there():
    with pytest.raises(BackendError, match=r"no instruction set 'sse9' here; there are .*portable"):
        set_isa("sse9")


@pytest.mark.parametrize("count", [0, -1, 65])
def test_a_number_of_threads_that_makes_no_sense(count):
    with pytest.raises(BackendError, match="a number from 1 to 64 expected"):
        set_threads(count)


def test_the_environment_chooses():
    assert started_with(SMARTVM_ISA="portable", SMARTVM_THREADS="3") == ("portable 3", "")


def test_what_the_environment_asks_for_in_vain_is_passed_over():
    found, said = started_with(SMARTVM_THREADS="many")
    assert found.startswith(isas()[0])
    assert "SMARTVM_* is passed over: threads: a number from 1 to 64 expected" in said


def test_a_module_of_other_sources_is_warned_of_and_not_used():
    """Such as one of an earlier version, which has no number at all."""
    script = (
        "import sys, types\n"
        "name = 'smartvm.dispatch.native._kernels'\n"
        "sys.modules[name] = types.ModuleType(name)\n"
        "from smartvm.dispatch import available_backends\n"
        "from smartvm.dispatch.native import isa, isas, threads\n"
        "print(available_backends(), isa(), isas(), threads())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "native" not in done.stdout
    assert done.stdout.endswith("[] 0\n")
    assert done.stderr.count("the native kernels were built from other sources") == 1


def test_the_module_is_of_these_sources():
    assert kernels.interface == INTERFACE


def product() -> np.ndarray:
    """A convolution that is worth two threads."""
    shape = ConvShape(1, 32, 64, 1, (1, 40, 40), (1, 3, 3))
    x = Tensor.from_array(np.arange(shape.in_items) % 999)
    weights = Tensor.from_array(np.arange(shape.weight_items) % 77 - 38)
    return NativeBackend().convolve(x, weights, shape).data


@pytest.fixture
def two_threads():
    before = threads()
    set_threads(2)
    yield
    set_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_calls_from_several_threads_at_once():
    expected = product()
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: product(), range(16)):
            assert np.array_equal(found, expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_has_threads_of_its_own():
    script = (
        "import os, runpy\n"
        f"case = runpy.run_path({__file__!r})\n"
        "case['set_threads'](2)\n"
        "before = case['product']()\n"
        "child = os.fork()\n"
        "same = (case['product']() == before).all()\n"
        "if child == 0: os._exit(0 if same else 1)\n"
        "assert same and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=60)


def test_the_number_of_threads_may_change():
    expected = product()
    before = threads()
    for count in (1, 3, 2, 1):
        set_threads(count)
        assert np.array_equal(product(), expected)
    set_threads(before)
