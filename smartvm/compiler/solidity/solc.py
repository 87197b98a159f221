"""The Solidity compiler, solc: a program on the PATH, else npm's package run by Node.

0.8.37 or newer: before 0.8.23 solc could merge blocks that differ in their verbatims only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryFile
from typing import IO, Any

from smartvm.exceptions import SmartVMError

OLDEST = (0, 8, 37)
MODULES_VARIABLE = "SMARTVM_NODE_MODULES"
"""The environment variable that names a node_modules directory with npm's solc."""
DRIVER = Path(__file__).parent / "driver.js"
NAME = ".".join(map(str, OLDEST))


class SolcMissing(SmartVMError):
    """Raised when there is no solc, or none that is new enough."""


class SolcFailed(SmartVMError):
    """Raised when solc itself ends without an answer."""


Compile = Callable[[Any], Any]
"""From a standard JSON input to its output; SolcFailed where solc crashes."""


class Solc(ABC):
    """A solc that can be run."""

    @abstractmethod
    def session(self) -> AbstractContextManager[Compile]:
        """Compile several inputs, one after the other."""


class NativeSolc(Solc):
    """solc as a program."""

    def __init__(self, program: str) -> None:
        self.program = program

    @contextmanager
    def session(self) -> Iterator[Compile]:
        """See `Solc`."""
        command = [self.program, "--standard-json"]
        yield lambda request: _parsed(_run(command, json.dumps(request)))


class NodeSolc(Solc):
    """npm's solc. Starting it takes longer than most compilations: a session keeps it running."""

    def __init__(self, node: str, modules: Path) -> None:
        self.node = node
        self.modules = modules

    @contextmanager
    def session(self) -> Iterator[Compile]:
        """See `Solc`."""
        command = [self.node, str(DRIVER), str(self.modules)]
        with (
            TemporaryFile("w+") as said,
            subprocess.Popen(
                command, stdin=PIPE, stdout=PIPE, stderr=said, encoding="utf-8"
            ) as process,
        ):
            yield lambda request: _answer(process, said, request)
            with suppress(BrokenPipeError):
                process.communicate()  # the end of its input ends it


def _answer(process: subprocess.Popen[str], said: IO[str], request: Any) -> Any:
    """The next line that the driver writes."""
    assert process.stdin and process.stdout
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        said.seek(0)
        raise SolcFailed(f"solc ended without an answer: {said.read().strip()[-1000:]}")
    return _parsed(line)


def _parsed(answer: str) -> Any:
    try:
        return json.loads(answer)
    except ValueError:
        raise SolcFailed(f"expected JSON from solc, found {answer[:200]!r}") from None


def _run(command: Sequence[str], text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-1000:]
        raise SolcFailed(f"{command[0]} ended with {done.returncode}: {said or 'no reason given'}")
    return done.stdout


@cache
def find_solc() -> Solc:
    """The solc of this machine: native if it is new enough, else npm's.

    npm's package is sought in $SMARTVM_NODE_MODULES, ./node_modules and npm's global directory.

    Raises:
        SolcMissing: neither; the message says what was found and how to get one.
    """
    found = []
    program = shutil.which("solc")
    if program:
        version = _native_version(program)
        if version >= OLDEST:
            return NativeSolc(program)
        found.append(f"{program} of version {_dotted(version)}")
    node = shutil.which("node")
    if not node:
        raise SolcMissing(_missing([*found, "no Node"]))
    for modules in _module_folders():
        package = modules / "solc" / "package.json"
        if package.is_file():
            version = _package_version(package)
            if version >= OLDEST:
                return NodeSolc(node, modules.resolve())
            found.append(f"solc {_dotted(version)} in {modules}")
    raise SolcMissing(_missing(found))


def _module_folders() -> Iterator[Path]:
    """Where npm's packages may be, the user's choice first."""
    if os.environ.get(MODULES_VARIABLE):
        yield Path(os.environ[MODULES_VARIABLE])
    yield Path("node_modules")
    npm = shutil.which("npm")
    if npm:
        with suppress(SolcFailed):
            yield Path(_run([npm, "root", "--global"]).strip())


def _native_version(program: str) -> tuple[int, ...]:
    try:
        return _version(_run([program, "--version"]))
    except SolcFailed:  # a selector of versions with none selected, say
        return _version("")


def _package_version(package: Path) -> tuple[int, ...]:
    try:
        return _version(json.loads(package.read_bytes())["version"])
    except (OSError, ValueError, TypeError, KeyError):  # half installed
        return _version("")


def _version(text: str) -> tuple[int, ...]:
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else (0, 0, 0)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _missing(found: list[str]) -> str:
    return (
        f"expected the Solidity compiler solc, {NAME} or newer, "
        f"found {', '.join(found) or 'none'}: put one on the PATH, or `npm install solc@{NAME}` "
        f"here (or elsewhere, and set {MODULES_VARIABLE} to that node_modules directory)"
    )
