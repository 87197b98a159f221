"""Which backends there are, and the dispatcher that prefers one of them.

The built-in ones are named here. Others are found in the entry-point group ``smartvm.backends``,
whose entries name a subclass of `Backend`; none is imported before it is asked for. One that
cannot be loaded is reported by a warning and left out, for a broken plug-in must not stop a node.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.dispatcher import Dispatcher
from smartvm.exceptions import BackendError

__all__ = ["available_backends", "backend_names", "make_dispatcher"]

ENTRY_POINT_GROUP = "smartvm.backends"
REFERENCE = "reference"
BUILT_IN = {
    "numpy": "smartvm.dispatch.numpy_backend:NumpyBackend",
    REFERENCE: "smartvm.dispatch.reference:ReferenceBackend",
}
"""Name to class, the best first."""


def backend_names() -> list[str]:
    """All known names, usable here or not: the built-in ones, then those of plug-ins."""
    return [*BUILT_IN, *_plug_ins()]


def available_backends() -> list[str]:
    """Names of the backends that can run on this machine; a broken one is warned of and skipped."""
    return [name for name in backend_names() if _try_load(name) is not None]


def make_dispatcher(backend: str | Backend | None = None) -> Dispatcher:
    """The dispatcher that prefers `backend` and leaves what it lacks to the built-in ones.

    Args:
        backend: a name, an instance, or None for the best built-in backend that can run here.
            ``"reference"`` runs nothing but Python integers.

    Raises:
        BackendError: an unknown name, or a backend that cannot be loaded or cannot run here.
    """
    first = backend if isinstance(backend, Backend) else _load(backend or _best())()
    if isinstance(first, Dispatcher):
        return first
    if first.name == REFERENCE:
        return Dispatcher([first])
    others = [_load(name)() for name in BUILT_IN if name != first.name]
    return Dispatcher([first, *others])


def _best() -> str:
    return next(name for name in BUILT_IN if _try_load(name) is not None)


def _plug_ins() -> dict[str, EntryPoint]:
    """Plug-ins by name; a built-in name cannot be taken over."""
    found = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    return {name: entry for name, entry in found.items() if name not in BUILT_IN}


def _try_load(name: str) -> type[Backend] | None:
    try:
        return _load(name)
    except BackendError as error:
        if name not in BUILT_IN and error.__cause__ is not None:
            warnings.warn(str(error), RuntimeWarning, stacklevel=3)
        return None


def _load(name: str) -> type[Backend]:
    if name not in backend_names():
        raise BackendError(f"unknown backend {name!r}; known are {', '.join(backend_names())}")
    try:
        backend = _class_of(name)
        usable = backend.is_available()
    except Exception as error:
        raise BackendError(f"backend {name!r} cannot be loaded: {error!r}") from error
    if not usable:
        raise BackendError(f"backend {name!r} cannot run on this machine")
    return backend


def _class_of(name: str) -> type[Backend]:
    if name not in BUILT_IN:
        loaded = _plug_ins()[name].load()
    else:
        module, attribute = BUILT_IN[name].split(":")
        loaded = getattr(import_module(module), attribute)
    if not (isinstance(loaded, type) and issubclass(loaded, Backend)):
        raise TypeError(f"{loaded!r} is no subclass of Backend")
    return loaded
