"""Backends by name, among them those of plug-ins, good and broken."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from smartvm.dispatch import (
    Backend,
    Dispatcher,
    available_backends,
    backend_names,
    make_dispatcher,
    registry,
)
from smartvm.dispatch.cupy_backend import CupyBackend
from smartvm.dispatch.native import NativeBackend
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.registry import make_cpu_dispatcher
from smartvm.exceptions import BackendError

Install = Callable[..., None]

BUILT_IN = ["cupy", "native", "numpy", "reference"]
CPU = ["native", "numpy", "reference"] if NativeBackend.is_available() else ["numpy", "reference"]
"""The built-in backends that can run on this machine's CPU, the best first."""
HERE = ["cupy", *CPU] if CupyBackend.is_available() else CPU
"""All that can run on this machine."""


class Plugged(Backend):
    name = "plugged"


class Absent(Backend):
    name = "absent"

    @classmethod
    def is_available(cls) -> bool:
        return False


class Failing(Backend):
    name = "failing"

    def __init__(self) -> None:
        raise OSError("no device")


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install plug-ins: name=class or anything else that the entry point loads."""

    class Entry(EntryPoint):
        def load(self) -> object:
            return plug_ins[self.name] if self.name in plug_ins else super().load()

    plug_ins: dict[str, object] = {}

    def found(*, group: str) -> list[EntryPoint]:
        assert group == "smartvm.backends"
        return [Entry(name, "nowhere.to.be:Found", group) for name in (*plug_ins, "broken")]

    def install(**classes: object) -> None:
        plug_ins.update(classes)
        monkeypatch.setattr(registry, "entry_points", found)

    return install


def names(dispatcher: Dispatcher) -> list[str]:
    return [backend.name for backend in dispatcher.backends]


def test_the_built_in_backends() -> None:
    assert backend_names()[:4] == BUILT_IN
    assert available_backends()[: len(HERE)] == HERE


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, HERE),
        ("numpy", ["numpy", *(name for name in CPU if name != "numpy")]),
        ("reference", ["reference"]),
    ],
)
def test_a_dispatcher_by_name(wanted: str | None, expected: list[str]) -> None:
    assert names(make_dispatcher(wanted)) == expected


def test_a_dispatcher_of_the_cpu() -> None:
    assert names(make_cpu_dispatcher()) == CPU


def test_a_dispatcher_of_an_instance() -> None:
    assert names(make_dispatcher(Plugged())) == ["plugged", *CPU]
    assert names(make_dispatcher(ReferenceBackend())) == ["reference"]
    dispatcher = make_dispatcher()
    assert make_dispatcher(dispatcher) is dispatcher


def test_a_card_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: CupyBackend) -> None:
        raise OSError("the card is taken")

    monkeypatch.setattr(CupyBackend, "is_available", lambda: True)
    monkeypatch.setattr(CupyBackend, "__init__", refuse)
    with pytest.warns(RuntimeWarning, match=r"'cupy' cannot be loaded: OSError.*; it is left out"):
        assert names(make_dispatcher()) == CPU
    with pytest.raises(BackendError, match="the card is taken"):
        make_dispatcher("cupy")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        BackendError, match="unknown backend 'abacus'; known are cupy, native, numpy, reference"
    ):
        make_dispatcher("abacus")


def test_a_plug_in(install: Install) -> None:
    install(plugged=Plugged)
    assert backend_names() == [*BUILT_IN, "plugged", "broken"]
    assert names(make_dispatcher("plugged")) == ["plugged", *CPU]


def test_the_default_is_built_in(install: Install) -> None:
    install(plugged=Plugged)
    assert names(make_dispatcher()) == HERE


def test_a_plug_in_takes_over_no_built_in_name(install: Install) -> None:
    install(numpy=Plugged, reference=Plugged)
    assert backend_names() == [*BUILT_IN, "broken"]
    assert names(make_dispatcher("numpy"))[0] == "numpy"


def test_a_broken_plug_in_is_warned_of_and_left_out(install: Install) -> None:
    install(plugged=Plugged, absent=Absent)
    with pytest.warns(RuntimeWarning, match="'broken' is left out: ModuleNotFoundError"):
        assert available_backends() == [*HERE, "plugged"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "cannot be loaded: ModuleNotFoundError"),
        ("absent", "cannot run on this machine"),
        ("failing", "cannot be loaded: OSError\\('no device'\\)"),
        ("other", "is no subclass of Backend"),
    ],
)
def test_a_backend_that_cannot_be_had(install: Install, name: str, message: str) -> None:
    install(absent=Absent, failing=Failing, other=object)
    with pytest.raises(BackendError, match=f"backend '{name}' .*{message}"):
        make_dispatcher(name)
