"""The examples run on a chain in memory, and do what their README says."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("web3", reason="the examples speak to a chain by web3.py")
pytest.importorskip("eth_tester", reason="the examples run on eth-tester")

from smartvm.compiler.solidity import SolcMissing, find_solc

ROOT = Path(__file__).parents[2]
NAMES = ("lenet5", "rides", "market")


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    try:
        find_solc()
    except SolcMissing as error:
        pytest.skip(str(error))
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])


def without_gas(text: str) -> str:
    """Figures with a comma are gas, which another solc may change a little."""
    return re.sub(r"\d+,\d+", "gas", text)


@pytest.mark.parametrize("name", NAMES)
def test_it_prints_what_its_readme_shows(name, capsys):
    assert import_module(f"examples.{name}.run").main([]) == 0
    readme = (ROOT / "examples" / name / "README.md").read_text()
    shown = re.search(r"^```text\n(.*?)^```$", readme, re.M | re.S)
    assert without_gas(capsys.readouterr().out) == without_gas(shown[1])


def test_a_ride_is_paid_only_on_the_trackers_word():
    support, rides = import_module("examples.support"), import_module("examples.rides.run")
    web3 = support.connect()
    who = web3.eth.accounts
    contract = support.compiled(ROOT / "examples/rides/Rides.sol")["Rides"]
    deployed = support.deploy(web3, contract, [who[0]], [who[1]])
    functions = deployed.functions
    support.send(web3, functions.propose(1, 1, b"\1"))
    support.send(web3, functions.vote(0, 0))
    with pytest.raises(support.Reverted):  # a majority of one house is none of the other
        support.send(web3, functions.enact(0, 1, 1, b"\1"))
    support.send(web3, functions.request(who[1], rides.TRACKER.address), value=5)
    nobody = (bytes(64), b"\1" * 32, b"\2" * 32, 27)
    for sender in (1, 2):  # signed by another key; by no driver of this ride
        with pytest.raises(support.Reverted):
            support.send(web3, functions.finish(0, *nobody), sender=sender)
    with pytest.raises(support.Reverted):  # the rider has to wait for a day
        support.send(web3, functions.cancel(0))
    support.send(web3, functions.cancel(0), sender=1)
    assert functions.balance(who[0]).call() == 5
