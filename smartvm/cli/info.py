"""`smartvm info`."""

from __future__ import annotations

import os
import platform
from argparse import Namespace
from importlib.metadata import version
from typing import Any

from smartvm import __version__
from smartvm.cli.command import Command, add_json_option, print_json, print_rows

_EXAMPLES = """\
examples:
  smartvm info
  smartvm info --json"""


def _info(arguments: Namespace) -> int:
    from smartvm.vm import SmartVM

    versions = {
        "smartvm": __version__,
        "fork": SmartVM.fork,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: version(name) for name in ("py-evm", "trie", "rlp", "numpy")},
        "machine": f"{platform.system()} {platform.machine()}, {_threads()} CPU threads",
    }
    backends = _backends()
    native, gpu = _native(), _gpu()
    if arguments.json:
        print_json({**versions, "backends": backends, "native": native, "gpu": gpu})
    else:
        shown = [("backend", f"{name}: {state}") for name, state in backends.items()]
        lines = ("native", _in_words(**native)), ("gpu", _card_in_words(**gpu))
        print_rows([*versions.items(), *shown, *lines])
    return 0


def _threads() -> int:
    """Threads that this process may use, which may be fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _native() -> dict[str, Any]:
    """The instruction set and threads of the compiled kernels; "" and 0 where there are none."""
    from smartvm.dispatch.native import isa, isas, threads

    return {"isa": isa(), "available": isas(), "threads": threads()}


def _in_words(isa: str, available: list[str], threads: int) -> str:
    return f"{isa} of {', '.join(available)}; {threads} threads" if isa else "not built"


def _gpu() -> dict[str, Any]:
    """The card that kernels can run on; where there is none, why."""
    from smartvm.dispatch.cupy_backend.cuda_device import card, why_not

    reason = why_not()
    if reason:
        return {"name": "", "why_not": reason}
    found = card()
    return {
        "name": found.name,
        "number": found.number,
        "capability": ".".join(map(str, found.capability)),
        "memory": found.memory,
        "processors": found.processors,
    }


def _card_in_words(name: str, why_not: str = "", **facts: Any) -> str:
    if not name:
        return f"none: {why_not}"
    memory = f"{facts['memory'] / 2**30:.0f} GiB"
    return f"{name}, {memory}, {facts['processors']} processors, capability {facts['capability']}"


def _backends() -> dict[str, str]:
    """Whether each backend can run here, or why not."""
    from smartvm.dispatch import backend_names, make_dispatcher
    from smartvm.exceptions import BackendError

    states = {}
    for name in backend_names():
        try:
            make_dispatcher(name)
            states[name] = "available"
        except BackendError as error:
            states[name] = f"not available: {error}"
    return states


INFO = Command("info", "show versions and backends", _EXAMPLES, add_json_option, _info)
