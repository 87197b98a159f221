"""`smartvm info`."""

from __future__ import annotations

import os
import platform
from argparse import ArgumentParser, Namespace
from importlib.metadata import version

from smartvm import __version__
from smartvm.cli.command import Command

_EXAMPLES = """\
examples:
  smartvm info"""


def _no_arguments(parser: ArgumentParser) -> None:
    """It takes none."""


def _info(arguments: Namespace) -> int:
    from smartvm.vm import SmartVM

    rows = [
        ("smartvm", __version__),
        ("fork", SmartVM.fork),
        ("python", f"{platform.python_implementation()} {platform.python_version()}"),
        *((name, version(name)) for name in ("py-evm", "trie", "rlp", "numpy")),
        ("machine", f"{platform.system()} {platform.machine()}, {_threads()} CPU threads"),
        *_backends(),
    ]
    for name, value in rows:
        print(f"{name:<12}{value}")
    return 0


def _threads() -> int:
    """Threads that this process may use, which may be fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _backends() -> list[tuple[str, str]]:
    from smartvm.dispatch import backend_names, make_dispatcher
    from smartvm.exceptions import BackendError

    rows = []
    for name in backend_names():
        try:
            make_dispatcher(name)
            rows.append(("backend", f"{name}: available"))
        except BackendError as error:
            rows.append(("backend", f"{name}: not available: {error}"))
    return rows


INFO = Command("info", "show versions and backends", _EXAMPLES, _no_arguments, _info)
