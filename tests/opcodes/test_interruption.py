"""Frames end where another thread asks for it, and change nothing."""

from __future__ import annotations

from threading import Timer

import pytest

from smartvm.chain import Chain
from smartvm.opcodes.interruption import Interrupt, Interrupted
from smartvm.trace import Tracer

PLAIN = "5b600056"
"""A loop without an end: JUMPDEST, PUSH 0, JUMP."""
RUN = "fc444e4e01" + "5b600556"
"""The same in a DNN contract, where it is one run after the other."""
STEPS = "fc444e4e01" + "5b600137600556"
"""The same with BUF_INIT in it, which is no part of a run."""
GAS = 1 << 30
"""Gas for many minutes."""


@pytest.fixture
def interrupt() -> Interrupt:
    """One that is asked in a moment."""
    interrupt = Interrupt()
    Timer(0.05, lambda: setattr(interrupt, "asked", True)).start()
    return interrupt


@pytest.mark.parametrize("code", [PLAIN, RUN, STEPS])
def test_a_call_is_ended(interrupt: Interrupt, code: str) -> None:
    chain = Chain()
    with interrupt.governing(), pytest.raises(Interrupted):
        chain.call(b"", bytes.fromhex(code), gas=GAS)
    assert chain.call(b"", bytes.fromhex("00")) == b""


def test_a_traced_call_is_ended(interrupt: Interrupt) -> None:
    with interrupt.governing(), pytest.raises(Interrupted):
        Chain().simulate(b"", bytes.fromhex(RUN), gas=GAS, tracer=Tracer())


def test_a_block_that_is_ended_was_never_mined(interrupt: Interrupt) -> None:
    chain, other = Chain(), Chain()
    with interrupt.governing(), pytest.raises(Interrupted):
        chain.deploy(bytes.fromhex(PLAIN), gas=GAS)
    assert chain.block_number == 0
    mined = [one.transact(one.accounts[1].address, value=1) for one in (chain, other)]
    assert mined[0] == mined[1]
    assert chain.header().hash == other.header().hash


def test_what_nobody_ends_is_what_it_was() -> None:
    chain = Chain()
    code = bytes.fromhex("6005600b6000396005" + "6000f3" + "602a600052")
    with Interrupt().governing():
        governed = chain.simulate(b"", code)
    free = chain.simulate(b"", code)
    assert (governed.output, governed.get_gas_used()) == (free.output, free.get_gas_used())
