"""Attacks on the host's side: what is stale, started for nothing or kept too long."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from random import Random
from threading import Thread
from typing import Any

import numpy as np
import pytest

from smartvm import assemble
from smartvm.dispatch.backend import Backend
from smartvm.dispatch.cupy_backend import CupyBackend, product, session, tapes
from smartvm.dispatch.cupy_backend.device import OutOfDeviceMemory
from smartvm.dispatch.functions import Function
from smartvm.dispatch.movement import Reduction
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import DNNError
from smartvm.execution import CONTRACT
from smartvm.execution import execute as execute_code
from smartvm.shapes import ConvShape, MatmulShape, PoolShape
from smartvm.trace import Step as TraceStep

REFERENCE = ReferenceBackend()
LENGTH = 12
Make = Callable[..., CupyBackend]
Found = list[Tensor | str]


def resident(values: list[int]) -> Tensor:
    found = Tensor.from_ints(values)
    found.memo = {}
    return found


# Random programs of all kernels, run again and again on maps of any size

NOISE = Random(5)
TERMS = [
    resident(v) for v in ([5, -7, 100], [1 << 40, -3, 2], [1 << 70, 1, -1], [32767, -32768, 1])
]
KERNELS = [resident(NOISE.choices(range(-bound, bound), k=81)) for bound in (9, 3000)]
DEPTHWISE = resident(NOISE.choices(range(-9, 9), k=27))
MATRICES = [resident(NOISE.choices(range(-99, 99), k=16)), resident([-(1 << 40)] * 16)]
PADDING = ((0, 0), (1, 1), (1, 1))
ALL = ConvShape(1, 3, 3, 1, (1, 2, 2), (1, 3, 3), padding=PADDING)
EACH = ConvShape(1, 3, 3, 3, (1, 2, 2), (1, 3, 3), padding=PADDING)
WINDOWS = PoolShape(3, (1, 2, 2), (1, 3, 3), (1, 1, 1), padding=PADDING)
FACTORS = (0, -1, 3, -256, 1 << 15, 1 << 31, 1 << 63, 1 << 200)
DIVISORS = (1, 3, 256, (1 << 31) - 1, 1 << 63, (1 << 64) - 1)
SLOPES = ((0, 1), (1, 10), ((1 << 64) - 1, 1 << 63))
LOWS, HIGHS = (-(1 << 255), -40_000, -1, 0), (0, 127, 1 << 31, (1 << 63) - 1, (1 << 255) - 1)
SCALES = (1, 256, 1 << 14, 1 << 20)
EDGES = (0, 7, 8, 14, 15, 15, 15, 16, 31, 32, 47, 62, 63, 64)
KINDS = (
    *("add", "add_map", "add_host", "multiply_by", "multiply_map", "divide_by", "divide_map"),
    *("multiply", "divide", "divide", "relu", "clip", "same", "reverse", "turn", "join"),
    *("look_up", "reduce", "softmax", "sigmoid", "tanh", "function", "convolve", "depthwise"),
    *("matmul", "matmul_map", "pool_max", "pool_average", "chain", "chain", "chain"),
)
Host = Callable[[], Tensor]


def operate(k: Backend, kind: str, seed: int, maps: list[Tensor], host: Host) -> Any:
    """The result of a kernel on some of the maps, or of all steps of a chain."""
    pick = Random(seed)
    x = maps[-1 - pick.choice([0, 0, 0, 1, 2, 5]) % len(maps)]
    y = maps[-1 - pick.randrange(8) % len(maps)]
    match kind:
        case "add" | "multiply_by":
            return getattr(k, kind)(x, pick.choice(TERMS), 4)
        case "add_map" | "add_host":
            return k.add(x, y if kind == "add_map" else host(), 1)
        case "multiply_map":
            return k.multiply_by(x, y, 1)
        case "divide_by" | "divide_map":
            divisors = (y, 1) if kind == "divide_map" else (pick.choice(TERMS), 4)
            return k.divide_by(x, *divisors, pick.random() < 0.5)
        case "multiply":
            return k.multiply(x, pick.choice(FACTORS))
        case "divide":
            return k.divide(x, pick.choice(DIVISORS), pick.random() < 0.5)
        case "relu":
            return k.relu(x, pick.choice([0, 6, 1 << 20, 1 << 80]), pick.choice(SLOPES))
        case "clip":
            return k.clip(x, pick.choice(LOWS), pick.choice(HIGHS))
        case "same" | "reverse" | "turn":
            ways = {"same": (0, (3, 4), (4, 1)), "reverse": (11, (12,), (-1,))}
            return k.view(x, *ways.get(kind, (0, (4, 3), (1, 4))))
        case "join":
            return k.view(k.concatenate([x, host(), y], 3), pick.randrange(25), (12,), (1,))
        case "look_up":
            return k.gather(k.clip(y, -12, 11) if pick.random() < 0.7 else y, x, 1)
        case "reduce":
            found = k.reduce(x, pick.choice(list(Reduction)), 3, 4)
            return k.concatenate([found] * 3, 1)
        case "softmax":
            return k.softmax(x, pick.choice(SCALES), pick.choice([3, 12]))
        case "sigmoid" | "tanh":
            return getattr(k, kind)(x, pick.choice(SCALES))
        case "function":
            return k.function(k.clip(x, 0, 1 << 20), 1 << 14, pick.choice(list(Function)))
        case "convolve":
            return k.convolve(x, pick.choice(KERNELS), ALL)
        case "depthwise":
            return k.convolve(x, DEPTHWISE, EACH)
        case "matmul":
            return k.matmul(x, pick.choice(MATRICES), MatmulShape(3, 4, 4))
        case "matmul_map":
            found = k.matmul(x, y, MatmulShape(3, 4, 3, transpose_b=True))
            return k.view(k.concatenate([found] * 2, 1), 0, (12,), (1,))
        case "pool_max" | "pool_average":
            return getattr(k, kind)(x, WINDOWS)
    return chained(k, x, steps(pick, y))


def steps(pick: Random, y: Tensor) -> list[Step]:
    product = Step("convolve", (pick.choice(KERNELS), ALL))
    followers = [
        Step("add", (pick.choice(TERMS), 4)),
        Step("add", (y, 1)),
        Step("multiply", (pick.choice(FACTORS),)),
        Step("divide", (pick.choice(DIVISORS), pick.random() < 0.5)),
        Step("relu", (pick.choice([0, 100]), (0, 1))),
        Step("clip", (-100, 1 << 20)),
    ]
    return [product, *pick.choices(followers, k=pick.randrange(1, 5))]


def chained(k: Backend, x: Tensor, chain: list[Step]) -> list[Tensor]:
    found = k.chain(x, chain)
    if found is None:
        found = []
        for step in chain:
            x = getattr(k, step.kernel)(x, *step.arguments)
            found.append(x)
    return found


def execute(k: Backend, program: list[Any], values: list[list[int]]) -> Found:
    """What each step of a program gives: maps, or an error's text."""
    hosts = map(Tensor.from_ints, values)
    maps, found = [next(hosts)], Found()
    for seed, kind in program:
        try:
            result = operate(k, kind, seed, maps, lambda: next(hosts))
        except DNNError as error:
            found.append(repr(error))
            continue
        results = result if isinstance(result, list) else [result]
        maps += results
        found += results
    return found


def some_items(pick: Random, bits: int) -> list[int]:
    edges = [min(edge, bits) for edge in pick.choices(EDGES, k=3)]
    pool = [pick.choice([1, -1]) * ((1 << edge) + pick.choice([-2, -1, 0, 1])) for edge in edges]
    return pick.choices([*pool, pick.randint(-9, 9)], k=LENGTH)


def look(found: Found) -> list[Any]:
    """What prices and the Buffer depend on, and what can be had without the items."""
    return [
        x if isinstance(x, str) else (len(x), x.bounds, x.limbs, x.item_bytes, x.nbytes, x.is_wide)
        for x in found
    ]


def attack(k: CupyBackend, seed: int, runs: int = 9) -> None:
    """Some programs in any order on any maps; results are looked at in any order too."""
    pick = Random(seed)
    programs = [list(enumerate(pick.choices(KINDS, k=6), seed)) for _ in range(2)]
    kept = []
    for _ in range(runs):
        program = pick.choice(programs)[: pick.choice([2, 6, 6, 6])]
        bits = pick.choice([8, 15, 15, 15, 31, 64])
        values = [some_items(pick, bits) for _ in range(8)]
        found, expected = execute(k, program, values), execute(REFERENCE, program, values)
        assert look(found) == look(expected)
        if pick.random() < 0.7:
            kept.append((found, expected))
        if pick.random() < 0.3:
            gc.collect(0)
        if kept and pick.random() < 0.3:
            assert_equal(*kept.pop(pick.randrange(len(kept))))
    for pair in kept:
        assert_equal(*pair)


def assert_equal(found: Found, expected: Found) -> None:
    assert found == expected
    for x, y in zip(found, expected, strict=True):
        assert repr(x) == repr(y)


@pytest.fixture(autouse=True)
def _small_products_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "LEAST_MACS", 0)


@pytest.mark.parametrize("seed", range(24))
def test_any_kernels_on_any_maps(device: Any, make_backend: Make, seed: int) -> None:
    kernels = make_backend(device, *(["clip", "softmax"] if seed % 4 == 0 else []))
    attack(kernels, 100 * seed)
    assert kernels.failure is None


@pytest.mark.parametrize("seed", range(6))
def test_any_kernels_where_memory_is_short(device: Any, make_backend: Make, seed: int) -> None:
    device.fails_at, device.failure = 20 + 30 * seed, OutOfDeviceMemory("full")
    device.lasting = seed % 2 == 0
    kernels = make_backend(device)
    attack(kernels, 100 * seed)
    assert kernels.failure is None


def test_threads_that_take_each_others_tapes_and_maps(
    device: Any, make_backend: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tapes, "IDLE", 2)
    kernels, wrong, done = make_backend(device), [], []

    def run(first: int) -> None:
        try:
            for _ in range(3):
                attack(kernels, 700, runs=3)
            done.append(first)
        except BaseException as error:
            wrong.append(error)

    threads = [Thread(target=run, args=(first,), daemon=True) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (wrong, len(done), kernels.failure) == ([], 4, None)


# Work for nothing, and memory


def test_runs_in_vain_are_few(device: Any, make_backend: Make) -> None:
    """Whole runs among first calls alone: what is started is not far from what is called."""
    for pattern in ("W" + 20 * "f", 10 * "Wf", 6 * "Wfff", 6 * "Wffff", 4 * "WWfffff"):
        kernels, calls = make_backend(device), 0
        device.reset()
        for number, run in enumerate(pattern):
            y = kernels.add(Tensor.from_ints([number] * 6), TERMS[0], 2)
            for low in range(30 if run == "W" else 0):
                y = kernels.clip(y, -low, 1 << 40)
            calls += 31 if run == "W" else 1
        assert device.launches + device.replayed < 2.5 * calls, pattern


def test_calls_without_bounds_do_not_make_a_tape_long(
    device: Any, make_backend: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_ENTRIES", 9)
    kernels = make_backend(device, "multiply")
    for _ in range(3):
        x = kernels.add(Tensor.zeros(6), TERMS[0], 2)
        for _ in range(9):
            assert kernels.view(x, 0, (6,), (1,)) is x
            assert kernels.multiply(x, 1) == x
    assert [len(tape.entries) for tape in kernels._tapes._tapes.popitem()[1]] == [9]


def test_weights_count_as_memory_of_tapes(
    device: Any, make_backend: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tapes, "MOST_BYTES", 50_000)
    kernels = make_backend(device)
    for _ in range(20):  # weights that no cache keeps are other ones each time
        kernels.gather(Tensor.from_ints([1]), resident([1] * 4000), 1)
    assert 1 <= len(kernels._tapes) <= 50_000 // 8_000


# Frames within frames

PRODUCT = "CONV_MUL weights=1 in=2 out=2 size=3 kernel=1\n"
FIRST = "PUSH 40\nPUSH 0\nPUSH 0\nCALLDATACOPY\nMTOB offset=0 count=18 item_bytes=2\n" + PRODUCT
BEHIND = "BUF_SCL0 times=300\nBUF_BIAS address=2[2x9]\nACT_RL cap=0\n"
LAST = "BUF_BIAS address=map:1\nBUF_BIAS address=map:2[18]\nBTOM offset=0\nPUSH 36\nPUSH 0\n"
SHIFTED = "PUSH 0\nPUSH 0\nPUSH 38\nPUSH 2\n"
"""Calls get the calldata from the second item on, until the gas for them is too little."""


@pytest.mark.parametrize("call", ["CALL", "STATICCALL", "DELEGATECALL"])
@pytest.mark.parametrize("end", ["RETURN", "REVERT"])
def test_a_contract_that_calls_itself(device: Any, make_backend: Make, call: str, end: str) -> None:
    kernels = make_backend(device)
    value = "PUSH 0\n" if call == "CALL" else ""
    again = f"{SHIFTED}{value}PUSH 0x{CONTRACT.hex()}\nPUSH {{}}\n{call}\nPOP\n"
    texts = FIRST, "BUF_COPY start=0\n", again.format(30_000), BEHIND, again.format(9_000)
    code = assemble("".join((*texts, "BUF_COPY start=0\n", PRODUCT, LAST, end)))
    blocks = {1: [3, -2, 1, 2], 2: [100, -70_000]}
    for most in (3, 90, 32_767, 4):
        items = np.random.default_rng(most).integers(-most, most, 30).astype(">i2").tobytes()
        found, expected = (
            execute_code(
                code, calldata=items, blocks=blocks, backend=backend, gas=90_000, trace=True
            )
            for backend in (kernels, "reference")
        )
        assert len(expected.steps) > 60
        assert (found.buffer, found.gas_used) == (expected.buffer, expected.gas_used)
        assert (found.output, repr(found.error)) == (expected.output, repr(expected.error))
        assert [timeless(step) for step in found.steps] == [timeless(x) for x in expected.steps]
    assert kernels.failure is None and device.starts > 0


def timeless(step: TraceStep) -> TraceStep:
    return replace(step, seconds=0, error=None)
