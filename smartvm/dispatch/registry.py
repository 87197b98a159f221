"""Which backends there are, and the dispatcher that prefers one of them.

The built-in ones are named here. Others are found in the entry-point group ``smartvm.backends``,
whose entries name subclasses of `Backend`; none is imported before it is asked for. One that
cannot be loaded is reported by a warning and left out, for a broken plug-in must not stop a node.
"""

from __future__ import annotations

import warnings
from importlib.metadata import EntryPoint, entry_points

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.dispatcher import Dispatcher
from smartvm.exceptions import BackendError

__all__ = ["available_backends", "backend_names", "make_cpu_dispatcher", "make_dispatcher"]

ENTRY_POINT_GROUP = "smartvm.backends"
REFERENCE = "reference"
GPU = "cupy"
BUILT_IN = {
    name: EntryPoint(name, value, ENTRY_POINT_GROUP)
    for name, value in (
        (GPU, "smartvm.dispatch.cupy_backend:CupyBackend"),
        ("native", "smartvm.dispatch.native:NativeBackend"),
        ("numpy", "smartvm.dispatch.numpy_backend:NumpyBackend"),
        (REFERENCE, "smartvm.dispatch.reference:ReferenceBackend"),
    )
}
"""The backends of this package, the best first."""


def backend_names() -> list[str]:
    """All known names, usable here or not: the built-in ones, then those of plug-ins."""
    return [*BUILT_IN, *_plug_ins()]


def available_backends() -> list[str]:
    """Names of the backends that can run on this machine; a broken one is warned of and skipped."""
    return [name for name in backend_names() if _is_usable(name)]


def make_dispatcher(backend: str | Backend | None = None) -> Dispatcher:
    """The dispatcher that prefers `backend` and leaves what it lacks to the built-in ones.

    Args:
        backend: a name, an instance, or None for the best built-in backend that can run here.
            ``"reference"`` runs nothing but Python integers.

    Raises:
        BackendError: an unknown name, or a backend that cannot be loaded or cannot run here.
    """
    if isinstance(backend, Dispatcher):
        return backend
    if backend is None:
        backend = _best()
    first = backend if isinstance(backend, Backend) else _make(backend)
    if first.name == REFERENCE:
        return Dispatcher([first])
    return Dispatcher([first, *(_make(name) for name in _usable_on_cpu() if name != first.name)])


def make_cpu_dispatcher() -> Dispatcher:
    """The dispatcher of the built-in backends that can run on this machine's CPU."""
    return Dispatcher([_make(name) for name in _usable_on_cpu()])


def _usable_on_cpu() -> list[str]:
    """Built-in backends, the best first. A GPU takes no kernels over that another one lacks."""
    return [name for name in BUILT_IN if name != GPU and _is_usable(name)]


def _best() -> Backend:
    """The best built-in backend that can be had: a card may be there and yet not to be had."""
    for name in filter(_is_usable, BUILT_IN):
        try:
            return _make(name)
        except BackendError as error:
            warnings.warn(f"{error}; it is left out", RuntimeWarning, stacklevel=3)
    raise BackendError("no backend can run on this machine")


def _plug_ins() -> dict[str, EntryPoint]:
    """Plug-ins by name; a built-in name cannot be taken over."""
    found = entry_points(group=ENTRY_POINT_GROUP)
    return {entry.name: entry for entry in found if entry.name not in BUILT_IN}


def _is_usable(name: str) -> bool:
    try:
        return _load(name).is_available()
    except Exception as error:
        message = f"backend {name!r} is left out: {error!r}"
        warnings.warn(message, RuntimeWarning, stacklevel=3)
        return False


def _make(name: str) -> Backend:
    try:
        backend = _load(name)
        if backend.is_available():
            return backend()
    except BackendError:
        raise
    except Exception as error:
        raise BackendError(f"backend {name!r} cannot be loaded: {error!r}") from error
    raise BackendError(f"backend {name!r} cannot run on this machine")


def _load(name: str) -> type[Backend]:
    entry = BUILT_IN.get(name) or _plug_ins().get(name)
    if entry is None:
        raise BackendError(f"unknown backend {name!r}; known are {', '.join(backend_names())}")
    loaded = entry.load()
    if not (isinstance(loaded, type) and issubclass(loaded, Backend)):
        raise TypeError(f"{entry.value} is no subclass of Backend")
    return loaded
