"""From Solidity and Yul sources to contracts.

solc runs three times: Solidity to Yul, unoptimised; that Yul, with the instructions as bytes in it,
to optimised Yul; and that, as a DNN contract, to bytecode, with nothing left to optimise in Yul.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth.vm.forks.spurious_dragon.constants import EIP170_CODE_SIZE_LIMIT

from smartvm.compiler.solidity.calls import yul_names
from smartvm.compiler.solidity.contract import Compilation, SolidityContract
from smartvm.compiler.solidity.diagnostics import Diagnostic, SolidityError, of_solc
from smartvm.compiler.solidity.listing import check_listing, displaced
from smartvm.compiler.solidity.rewriting import (
    as_dnn_contract,
    solidity_for_solc,
    with_instructions,
    yul_for_solc,
)
from smartvm.compiler.solidity.solc import Compile, Solc, find_solc
from smartvm.compiler.solidity.sources import ImportPaths, complete, load, read_text
from smartvm.compiler.solidity.tokens import EditedText
from smartvm.exceptions import SmartVMError
from smartvm.opcodes.table import STANDARD, InstructionSet

EVM_VERSION = "prague"
NO_OPTIMISATION = ":"
"""An empty sequence of steps of Yul's optimiser."""
_FROM_SOLIDITY = [
    *("abi", "devdoc", "userdoc", "ir", "storageLayout", "transientStorageLayout"),
    "evm.methodIdentifiers",
]
_CODE = ["object", "linkReferences"]
_FROM_YUL = [
    "evm.assembly",
    *(f"evm.bytecode.{part}" for part in _CODE),
    *(f"evm.deployedBytecode.{part}" for part in (*_CODE, "immutableReferences")),
]


@dataclass(frozen=True)
class Settings:
    """How to compile.

    Attributes:
        runs: how often each part of the code is expected to run, for solc's optimiser.
        instructions: the DNN instructions that sources may use.
        solc: the compiler; the one that `find_solc` finds by default.
    """

    runs: int = 200
    instructions: InstructionSet = STANDARD
    solc: Solc | None = None


def compile_files(
    files: Sequence[Path | str],
    paths: ImportPaths | None = None,
    settings: Settings | None = None,
) -> Compilation:
    """Compile the contracts of Solidity files, or of one Yul file (.yul).

    What the files import is compiled as far as they need it; of it, the libraries that they have to
    be linked with are in the result.

    Raises:
        SolidityError: a source is wrong; it names every place.
        SolcMissing: there is no solc.
        SmartVMError: a file is no text, or a Yul file is not alone.
        OSError: a file cannot be read.
    """
    chosen = [Path(file) for file in files]
    paths = paths or ImportPaths()
    if any(file.suffix == ".yul" for file in chosen):
        if len(chosen) > 1:
            raise SmartVMError("a Yul file is compiled alone: expected one file, or Solidity only")
        return compile_yul(read_text(chosen[0]), paths.name_of(chosen[0]), settings)
    roots = [paths.name_of(file) for file in chosen]
    return _compile_solidity(load(chosen, paths), roots, paths, settings or Settings())


def compile_sources(
    texts: Mapping[str, str],
    paths: ImportPaths | None = None,
    settings: Settings | None = None,
) -> Compilation:
    """Compile Solidity sources given by name and text; the rest as `compile_files`."""
    paths = paths or ImportPaths()
    return _compile_solidity(complete(texts, paths), list(texts), paths, settings or Settings())


def compile_yul(
    text: str, name: str = "input.yul", settings: Settings | None = None
) -> Compilation:
    """Compile one Yul object; the rest as `compile_files`."""
    settings = settings or Settings()
    source = yul_for_solc(text, yul_names(settings.instructions), name)
    with _Job.begin(settings, {name: source}) as job:
        output = job.run(_yul_request(source.text, ["irOptimized"], settings, file=name))
        found = output["contracts"][name].items()
        contracts = [job.assemble(name, each, {}, part["irOptimized"]) for each, part in found]
        return Compilation({each.full_name: each for each in contracts}, tuple(job.warnings))


def _compile_solidity(
    texts: Mapping[str, str], roots: Sequence[str], paths: ImportPaths, settings: Settings
) -> Compilation:
    """The contracts of the sources `roots`, and the libraries that those are linked with."""
    names = yul_names(settings.instructions)
    sources = _prepared(texts, settings)
    contracts: dict[str, SolidityContract] = {}
    with _Job.begin(settings, sources) as job:
        parts = _with_code(job.run(_solidity_request(sources, paths)))
        waiting = [full_name for full_name, (source, _, _) in parts.items() if source in roots]
        while waiting:
            source, name, facts = parts[waiting[0]]
            yul = with_instructions(facts["ir"], names)
            optimised = _only(job.run(_yul_request(yul, ["irOptimized"], settings)))["irOptimized"]
            contract = contracts[waiting.pop(0)] = job.assemble(source, name, facts, optimised)
            known = {*contracts, *waiting}
            waiting += [library for library in contract.libraries if library not in known]
        return Compilation(contracts, tuple(job.warnings))


def _with_code(output: Any) -> dict[str, tuple[str, str, Any]]:
    """Source, name and facts of each contract that has code (no interface has), by full name."""
    return {
        f"{source}:{name}": (source, name, facts)
        for source, contracts in output.get("contracts", {}).items()
        for name, facts in contracts.items()
        if facts.get("ir")
    }


def _prepared(texts: Mapping[str, str], settings: Settings) -> dict[str, EditedText]:
    """The sources as solc is to see them; the errors of all of them at once."""
    names = yul_names(settings.instructions)
    sources: dict[str, EditedText] = {}
    problems: list[Diagnostic] = []
    for file, text in texts.items():
        try:
            sources[file] = solidity_for_solc(text, names, file)
        except SolidityError as error:
            problems += error.diagnostics
    if problems:
        raise SolidityError(problems)
    return sources


class _Job:
    """A session of solc on one set of sources."""

    def __init__(
        self, settings: Settings, sources: Mapping[str, EditedText], solc: Compile
    ) -> None:
        self.settings = settings
        self.sources = sources
        self.warnings: list[Diagnostic] = []
        self._solc = solc

    @classmethod
    @contextmanager
    def begin(cls, settings: Settings, sources: Mapping[str, EditedText]) -> Iterator[_Job]:
        """Start solc."""
        with (settings.solc or find_solc()).session() as solc:
            yield cls(settings, sources, solc)

    def run(self, request: Any) -> Any:
        """The output of solc.

        Raises:
            SolidityError: it refuses the input.
        """
        output = self._solc(request)
        found = of_solc(output, self.sources, self.settings.instructions)
        if any(each.severity == "error" for each in found):
            raise SolidityError(sorted(found, key=lambda each: each.severity))  # errors first
        self.warnings += [each for each in found if each.file]  # the rest is of generated Yul
        return output

    def assemble(self, source: str, name: str, facts: Any, optimised: str) -> SolidityContract:
        """The contract of optimised Yul, and of what solc says of its Solidity."""
        yul = as_dnn_contract(optimised)
        contract = _contract(source, name, facts, yul, self._assembled(yul, name))
        self.warnings += _too_large(contract)
        return contract

    def _assembled(self, yul: str, name: str) -> Any:
        """The code; where solc has put a CODECOPY in place of a constant, without doing so."""
        request = _yul_request(yul, _FROM_YUL, self.settings, NO_OPTIMISATION)
        evm = _only(self.run(request))["evm"]
        if displaced(evm["assembly"]):
            request["settings"]["optimizer"]["details"]["constantOptimizer"] = False
            evm = _only(self.run(request))["evm"]
        check_listing(evm["assembly"], name)
        return evm


def _only(output: Any) -> Any:
    """The one contract of an output."""
    ((_, contracts),) = output["contracts"].items()
    ((_, contract),) = contracts.items()
    return contract


def _solidity_request(sources: Mapping[str, EditedText], paths: ImportPaths) -> dict[str, Any]:
    settings = {
        "remappings": list(map(str, paths.remappings)),
        "viaIR": True,
        "optimizer": {"enabled": False},
        "metadata": {"appendCBOR": False},
        "outputSelection": {"*": {"*": _FROM_SOLIDITY}},
    }
    return _request("Solidity", {name: each.text for name, each in sources.items()}, settings)


def _yul_request(
    text: str,
    outputs: Sequence[str],
    settings: Settings,
    steps: str | None = None,
    file: str = "yul",
) -> dict[str, Any]:
    details = {} if steps is None else {"yul": True, "yulDetails": {"optimizerSteps": steps}}
    optimizer = {"enabled": True, "runs": settings.runs, "details": details}
    selection = {"*": {"*": outputs}}
    return _request("Yul", {file: text}, {"optimizer": optimizer, "outputSelection": selection})


def _request(language: str, texts: Mapping[str, str], settings: dict[str, Any]) -> dict[str, Any]:
    # The places go along into the Yul, so that a stack that is too deep is found in the Solidity.
    common = {"evmVersion": EVM_VERSION, "debug": {"debugInfo": ["location"]}}
    sources = {name: {"content": text} for name, text in texts.items()}
    return {"language": language, "sources": sources, "settings": common | settings}


def _contract(source: str, name: str, facts: Any, yul: str, evm: Any) -> SolidityContract:
    code, deployed = evm["bytecode"], evm.get("deployedBytecode", {})
    return SolidityContract(
        source=source,
        name=name,
        abi=facts.get("abi", []),
        bytecode=code["object"],
        deployed_bytecode=deployed.get("object", ""),
        link_references=code["linkReferences"],
        deployed_link_references=deployed.get("linkReferences", {}),
        immutable_references=deployed.get("immutableReferences", {}),
        method_identifiers=facts.get("evm", {}).get("methodIdentifiers", {}),
        storage_layout=facts.get("storageLayout", {}),
        transient_storage_layout=facts.get("transientStorageLayout", {}),
        devdoc=facts.get("devdoc", {}),
        userdoc=facts.get("userdoc", {}),
        yul=yul,
    )


def _too_large(contract: SolidityContract) -> Iterator[Diagnostic]:
    """A warning of a contract that no chain takes."""
    size = len(contract.deployed_bytecode) // 2
    if size > EIP170_CODE_SIZE_LIMIT:
        name, limit = contract.name, EIP170_CODE_SIZE_LIMIT
        message = f"{name}: {size:,} bytes of code; EIP-170 allows {limit:,}"
        yield Diagnostic("warning", message, contract.source)
