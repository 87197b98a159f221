"""Fusion cannot be seen: random networks on a backend that chains kernels and on one that cannot.

`Chaining` runs the reference kernels one by one and defers what may be deferred, so that this does
not depend on any fast kernel. Whatever a program does between the layers, and wherever its gas
ends, gas, error, Stack, Memory, Buffer and state root are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from eth.vm.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm import SmartVM, assemble
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Deferred, Tensor
from smartvm.exceptions import KernelFailure
from smartvm.execution import CALLER, CONTRACT, fresh_state
from smartvm.storage import encode_block, resident
from smartvm.trace import Tracer
from smartvm.words import bytes_for

GAS = 300_000
OTHER = b"\xbb" * 20
OTHER_CODE = assemble(
    "BUF_ALLO size=18\nCONV_MUL weights=1 in=2 out=2 size=3 kernel=1\nACT_RL cap=0\n"
    "BTOS1 first=0 block=2 delete=1\nBTOS1 first=0 block=4"
)


class Chaining(ReferenceBackend):
    """Kernels one by one, as a chain; it remembers the names of each chain's kernels."""

    name = "chaining"

    def __init__(self) -> None:
        self.chains: list[str] = []

    def chain(self, x: Tensor, steps: Sequence[Step]) -> list[Tensor] | None:
        self.chains.append(" ".join(step.kernel for step in steps))
        results = []
        for step in steps:
            x = getattr(self, step.kernel)(x, *step.arguments)
            results.append(x)
        return [*map(self.deferred, results[:-1]), results[-1]]

    def deferred(self, tensor: Tensor) -> Tensor:
        return Deferred(len(tensor), tensor.bounds, lambda: tensor)


class Blind(Chaining):
    """As Chaining; nobody may look at what is on the way."""

    def deferred(self, tensor: Tensor) -> Tensor:
        def refuse() -> Tensor:
            raise AssertionError("somebody looked")

        return Deferred(len(tensor), tensor.bounds, refuse)


PLAIN = SmartVM.with_backend("reference")
BLOCKS = {
    1: [3, -2, 1, 2, 0, 1, -1, 4],  # kernels, or a matrix
    2: [100, -70_000],  # biases
    3: [5, 2**40, -9, 7],
    4: [1],
    5: [2],
}
MALFORMED = 6
"""A block that is written, not yet in the trie, and none."""


def run(
    code: bytes,
    vm: type[SmartVM],
    gas: int = GAS,
    tracer: Tracer | None = None,
) -> dict[str, Any]:
    """All that a frame leaves."""
    state = fresh_state(vm)
    state.set_code(CONTRACT, code)
    state.set_code(OTHER, OTHER_CODE)
    for number, items in BLOCKS.items():
        tensor = Tensor.from_ints(items)
        state.set_block(CONTRACT, number, encode_block(tensor, bytes_for(*tensor.bounds)))
    state.lock_changes()
    state.persist()
    state.set_block(CONTRACT, MALFORMED, b"\x01")
    state.lock_changes()
    message = Message(gas=gas, to=CONTRACT, sender=CALLER, value=0, data=bytes(64), code=code)
    context = state.get_transaction_context_class()(gas_price=0, origin=CALLER)
    state.tracer = tracer
    frame: Any = state.computation_class.apply_message(state, message, context)
    return {
        "error": repr(frame._error),
        "message": str(frame._error),
        "gas": frame.get_gas_used(),
        "stack": frame.stack_pop_ints(len(frame._stack.values)),
        "memory": frame.memory_read_bytes(0, len(frame._memory)),
        "maps": [(tensor.to_ints(), tensor.nbytes) for tensor in frame.buffer.maps],
        "buffer": (frame.buffer.nbytes, frame.buffer.peak, frame.buffer.paid),
        "witness": set(state._account_db._get_accessed_node_hashes()),
        "root": state.make_state_root(),
    }  # fmt: skip


def fused(text: str, **options: Any) -> list[str]:
    """The chains that a program runs, which must leave what it leaves without them."""
    code, backend = assemble(text), Chaining()
    assert run(code, SmartVM.with_backend(backend), **options) == run(code, PLAIN, **options)
    return backend.chains


MAP = "BUF_ALLO size=18\nBUF_FIL value=-7\n"
CONVOLUTION = MAP + "CONV_MUL weights=1 in=2 out=1 size=3 kernel=2\n"
POINTWISE = "CONV_MUL weights=1 in=2 out=2 size=3 kernel=1\n"
BIASED = MAP + POINTWISE + "BUF_BIAS address=2[2x9]\n"


@pytest.fixture(autouse=True)
def _resident() -> None:
    """No block is resident when a test begins."""
    resident.clear()


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        ("", None),
        ("BUF_SCL1 divisor=3\nACT_RL cap=2", "convolve divide relu"),
        ("BUF_SCL0 times=-5\nBUF_SCL1 divisor=3 rounding=1", "convolve multiply divide"),
        ("POOL_MAX channels=1 size=2", "convolve pool_max"),
        ("POOL_OL channels=1 size=2 kernel=2 stride=1\nACT_RL cap=0", "convolve pool_max relu"),
        ("POOL_AVG channels=1 size=2\nBUF_SCL0 times=3", "convolve pool_average multiply"),
        ("BUF_SCL1 divisor=0", None),
        ("POOL_MAX channels=3 size=2", None),
        ("POOL_MAX channels=1 size=2 padding=4", None),
        ("ACT_RL cap=0\nGAS\nBUF_SCL0 times=2", "convolve relu"),
        ("ACT_TANH scale=9\nACT_RL cap=0", None),
        ("BUF_FREE size=1\nACT_RL cap=0", None),
        ("ACT_RL cap=0\nBUF_COPY start=0\nACT_RL cap=1", "convolve relu"),
    ],
)
def test_what_is_computed_with_a_convolution(text: str, chain: str | None) -> None:
    assert fused(CONVOLUTION + text) == [chain] * (chain is not None)


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        ("FULL_CON weights=1 bias=2 in=2 out=2\nACT_RL cap=1", "matmul add relu"),
        ("FULL_CON weights=1 bias=2 in=2 out=2", "matmul add"),
        ("FULL_CON weights=1 in=2 out=2\nBUF_SCL1 divisor=2", "matmul divide"),
        ("MAT_MUL a=map:0[3x6] b=map:0[6x3]\nACT_RL cap=1", None),
    ],
)
def test_what_is_computed_with_a_product(text: str, chain: str | None) -> None:
    assert fused(MAP + text) == [chain] * (chain is not None)


def test_a_bias_that_is_not_resident_is_waited_for() -> None:
    text = BIASED + "ACT_RL cap=0"
    warm = "BUF_ALLO size=2\nBUF_BIAS address=2[2]\n" + text
    assert fused(text) == []
    resident.clear()
    assert fused(warm) == ["convolve add relu"]


def test_a_bias_written_on_the_way_is_the_one_that_counts() -> None:
    rewrite = "BUF_ALLO size=2\nBUF_FIL value=9\nBTOS1 first=0 block=2 item_bytes=1\n"
    assert fused(rewrite + BIASED) == ["convolve add"]
    delete = "BTOS1 first=0 block=2 delete=1\n"
    assert fused(delete + BIASED) == []
    between = BIASED.replace("BUF_BIAS", delete + "BUF_BIAS")
    assert fused(between) == []


def test_a_malformed_bias_is_the_error_of_its_own_instruction() -> None:
    text = BIASED.replace("=2[2x9]", f"={MALFORMED}[2x9]")
    assert fused(text) == []
    assert "BUF_BIAS" in run(assemble(text), SmartVM.with_backend(Chaining()))["message"]


def test_a_residual_connection() -> None:
    drop, add = "BUF_FREE size=1 mode=1\n", "BUF_BIAS address=map:1[18]\n"
    copied = MAP + "BUF_COPY start=0\n"
    assert fused(copied + POINTWISE + add + drop + "ACT_RL cap=0") == ["convolve add relu"]
    assert fused(MAP * 3 + POINTWISE + drop + add + drop) == ["convolve add"]
    assert fused(copied + POINTWISE + drop + add) == [], "the map is gone"
    assert fused(MAP + POINTWISE + add.replace("map:1", "map:0")) == [], "not known yet"
    assert fused(copied + POINTWISE + add.replace("18", "9")) == [], "of another length"


def test_layers_in_routines() -> None:
    layer = f"\n{POINTWISE}PUSH @back{{0}}\nJUMP @routine\nback{{0}}:\n"
    routine = "STOP\nroutine:\nBUF_SCL1 divisor=3\nACT_RL cap=0\nJUMP\n"
    text = MAP + layer.format(1) + layer.format(2) + routine
    assert fused(text) == ["convolve divide relu"] * 2


@pytest.mark.parametrize("product", [CONVOLUTION, MAP + "FULL_CON weights=1 bias=2 in=2 out=2\n"])
def test_what_is_on_the_way_is_not_worked_out(product: str) -> None:
    code = assemble(product + "BUF_SCL1 divisor=3\nACT_RL cap=2\nPOOL_MAX channels=1 size=2")
    assert run(code, SmartVM.with_backend(Blind())) == run(code, PLAIN)


def test_what_the_frame_cannot_pay_is_not_computed() -> None:
    text = "BUF_ALLO size=9000\nCONV_MUL weights=4 in=1 out=1 size=90x100\n"
    text += "BUF_SCL1 divisor=3\n" * 4
    used, at_two_limbs = run(assemble(text), PLAIN)["gas"], 9000 * 2 // 4
    assert fused(text) == ["convolve divide divide divide divide"]
    assert fused(text, gas=used) == ["convolve divide divide"]
    assert fused(text, gas=used - 2 * at_two_limbs + 1) == []


class Short(Chaining):
    def chain(self, x: Tensor, steps: Sequence[Step]) -> list[Tensor] | None:
        return []


def test_a_defective_chain_fails_the_frame() -> None:
    left = run(assemble(CONVOLUTION + "ACT_RL cap=0"), SmartVM.with_backend(Short()))
    assert left["error"].startswith(KernelFailure.__name__)


# Random networks

CONVOLUTIONS = (
    "CONV_MUL weights=1 in=2 out=2 size=3 kernel=1",
    "CONV_MUL weights=1 in=2 out=1 size=3 kernel=2",
    "CONV_MUL weights=1 in=1 out=2 size=3 kernel=2",
    "CONV_MUL weights=1 in=2 out=2 size=1",
    "CONV_MUL weights=map:1 in=1 out=1 size=3",
    "CONV_SING weights=1 in=2 size=3 kernel=2",
    "CONV_TPD weights=1 in=2 out=1 size=3 kernel=2",
    "FULL_CON weights=1 bias=2 in=2 out=2",
    "FULL_CON weights=1 bias=3 in=2 out=4",
    "FULL_CON weights=1 in=4 out=2",
    "FULL_CON weights=3 bias=9 in=2 out=2",
)
FOLLOWERS = (
    *(
        f"BUF_BIAS address={place}"
        for place in (
            "6[2]",
            "2[2x4]",
            "2[2x9]",
            "2[2]",
            "4[1x4]",
            "4",
            "9",
            "3[3]",
            "4[2]",
            "mem:0[1]",
        )
    ),
    *("BUF_BIAS address=map:1", "BUF_BIAS address=map:1", "BUF_BIAS address=map:0"),
    *("ACT_RL cap=0", "ACT_RL cap=6", "ACT_RL cap=0 slope_numerator=1 slope_denominator=3"),
    *("BUF_SCL1 divisor=1000", "BUF_SCL1 divisor=3 rounding=1", "BUF_SCL1 divisor=0"),
    *("BUF_FREE size=1 mode=1", "BUF_FREE size=0 mode=1", "BUF_FREE size=1"),
    *("POOL_MAX channels=2 size=2", "POOL_MAX channels=1 size=3 kernel=2"),
    *("POOL_AVG channels=1 size=1", "POOL_AVG channels=2 size=3 kernel=2 stride=1"),
    *("POOL_MAX channels=2 size=2 padding=4", "POOL_OL channels=2 size=3 kernel=2 stride=1"),
    "POOL_MAX channels=1 size=2 kernel=2 dilation=2 padding=3",
)
BESIDE = (
    *("GAS", "PUSH 7\nPOP", "PUSH 1\nPUSH 2\nADD\nPOP", "PUSH 3\nPUSH 0\nMSTORE", "POP"),
    *("STOP", "INVALID", "BTOS0 first=0 count=1", "BTOM offset=0", "BUF_COPY start=0"),
    *("BTOS1 first=0 block=2 delete=1", "BTOS1 first=0 block=4 delete=1", "BTOS1 first=0 block=2"),
    *("BUF_ALLO size=2\nBUF_BIAS address=2[2]", "BUF_CLS count=1", "BUF_INIT size=18"),
    "PUSH 0\n" * 5 + f"PUSH 0x{OTHER.hex()}\nPUSH 20000\nCALL",
    "PUSH 0\n" * 4 + f"PUSH 0x{OTHER.hex()}\nPUSH 20000\nDELEGATECALL",
)
followers = st.one_of(
    st.sampled_from(FOLLOWERS),
    st.one_of(st.integers(-9, 99), st.integers(-(2**255), 2**255 - 1)).map(
        "BUF_SCL0 times={}".format
    ),
)
layers = st.builds(
    lambda product, rest: "\n".join([product, *rest]),
    st.sampled_from(CONVOLUTIONS),
    st.lists(st.one_of(*[followers] * 6, st.sampled_from(BESIDE)), max_size=7),
)
programs = st.builds(
    lambda start, rest: assemble("\n".join([MAP + start, *rest])),
    st.sampled_from(["", "BUF_BIAS address=2[2x9]\nBUF_BIAS address=4[1x18]\nBUF_COPY start=0"]),
    st.lists(layers, min_size=1, max_size=3),
)


@settings(max_examples=4 * settings.default.max_examples)
@given(code=programs)
def test_random_networks(code: bytes) -> None:
    assert run(code, SmartVM.with_backend(Chaining())) == run(code, PLAIN)


@given(code=programs)
def test_random_networks_traced_and_out_of_gas_at_every_step(code: bytes) -> None:
    vm = SmartVM.with_backend(Chaining())
    traced, plain = Tracer(), Tracer()
    assert run(code, vm, tracer=traced) == run(code, PLAIN, tracer=plain)
    steps, expected = (
        [replace(step, seconds=0, error=None) for step in tracer.steps]
        for tracer in (traced, plain)
    )
    assert steps == expected
    own = [step for step in steps if step.depth == 0 and step.gas_cost]
    for step in own[-12:]:
        limit = GAS - step.gas + step.gas_cost - 1
        assert run(code, vm, limit) == run(code, PLAIN, limit)
