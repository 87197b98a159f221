"""Artefacts: compiled models on disk, in an open format (docs/artefact.md).

    artefact.save("lenet5")          # a directory; "lenet5.zip" makes a single file
    Artefact.load("lenet5")

Equal artefacts are equal byte for byte. Loading checks every byte against the hashes of the
manifest, and the hash of the model against code and weights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from eth_utils import keccak

from smartvm.compiler.artefact_files import read_files, write_files
from smartvm.compiler.certify import Certificate, check
from smartvm.compiler.contract import (
    ModelContract,
    classes_of,
    deployment_code,
    names_model,
)
from smartvm.compiler.emit import WeightBlock
from smartvm.compiler.graph_codec import (
    decode_certificate,
    decode_graph,
    encode_certificate,
    encode_graph,
)
from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.layers import Layer
from smartvm.dispatch.packing import unpack_items
from smartvm.exceptions import ArtefactError, OperandError

FORMAT = "smartvm-artefact"
VERSION = 1
MANIFEST, GRAPH, CERTIFICATE = "manifest.json", "graph.json", "certificate.json"
INIT_CODE, RUNTIME, BLOCKS = "init.bin", "runtime.bin", "blocks.bin"
CONTENT = (GRAPH, CERTIFICATE, INIT_CODE, RUNTIME, BLOCKS)


DEEPEST = 100
"""How deeply the JSON of an artefact may nest."""


@dataclass(frozen=True)
class Artefact:
    """A compiled model.

    Attributes:
        contract: its code and weight blocks.
        certificate: bounds of every value, for every input in range.
        peak_items: most items that lie on the Buffer at once.
        total_items: items of all maps together.
        report: what quantisation changes (`report.quantisation_report`), as plain data.
    """

    contract: ModelContract
    certificate: Certificate = field(repr=False)
    peak_items: int
    total_items: int
    report: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Of the model."""
        return self.contract.graph.name

    def with_report(self, report: Mapping[str, Any]) -> Artefact:
        """The same with another report."""
        return replace(self, report=report)

    def check_certificate(self) -> None:
        """Prove the certificate anew, from the graph and the weights alone.

        Raises:
            CertificateError: it claims more than can be proved.
        """
        check(self.contract.graph, self.certificate)

    def save(self, path: str | Path) -> Path:
        """Write the artefact: a file where the path ends in .zip, else a directory."""
        contract = self.contract
        files = {
            GRAPH: _json(encode_graph(contract.graph)),
            CERTIFICATE: _json(encode_certificate(self.certificate)),
            INIT_CODE: contract.init_code,
            RUNTIME: contract.runtime,
            BLOCKS: b"".join(block.packed for _, block in sorted(contract.blocks.items())),
        }
        return write_files(Path(path), {MANIFEST: _json(self._manifest(files)), **files})

    @classmethod
    def load(cls, path: str | Path) -> Artefact:
        """Read an artefact.

        Raises:
            ArtefactError: it is incomplete, damaged, was tampered with or has another version.
        """
        files = read_files(Path(path), (MANIFEST, *CONTENT))
        try:
            return _artefact(_checked_manifest(files), files)
        except (AttributeError, KeyError, TypeError, ValueError, OperandError) as error:
            raise ArtefactError(f"the manifest cannot be read: {error!r}") from error

    def _manifest(self, files: Mapping[str, bytes]) -> dict[str, Any]:
        contract = self.contract
        input_format = contract.input_format
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "model_hash": contract.model_hash.hex(),
            "input": {
                "name": input_format.name,
                "shape": list(input_format.shape),
                "scale": input_format.scale,
                "range": [str(end) for end in input_format.interval],
                "item_bytes": input_format.item_bytes,
                "unsigned": input_format.unsigned,
            },
            "outputs": [
                {"name": name, "shape": list(value.shape), "scale": value.scale}
                for name, value in ((n, contract.graph.values[n]) for n in contract.graph.outputs)
            ],
            "classes": classes_of(contract.graph),
            "abi": contract.abi,
            "layers": [asdict(layer) for layer in contract.layers],
            "sources": list(contract.sources),
            "peak_items": self.peak_items,
            "total_items": self.total_items,
            "tensors": [
                {"name": name, "first_block": first, "items": contract.graph.constants[name].size}
                for name, first in contract.tensors.items()
            ],
            "blocks": [_block_row(*entry) for entry in sorted(contract.blocks.items())],
            "report": dict(self.report),
            "files": {name: _file_row(content) for name, content in files.items()},
        }
        return {**manifest, "manifest_hash": keccak(_json(manifest)).hex()}


def _json(data: Mapping[str, Any]) -> bytes:
    """JSON whose bytes follow from the data."""
    text = json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def _block_row(number: int, block: WeightBlock) -> dict[str, Any]:
    return {
        "number": number,
        "item_bytes": block.item_bytes,
        "items": len(block.items),
        "keccak256": keccak(block.packed).hex(),
    }


def _file_row(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "keccak256": keccak(content).hex()}


def _parse(name: str, content: bytes) -> Any:
    if _depth(content) > DEEPEST:
        raise ArtefactError(f"{name} is nested too deeply")
    try:
        return json.loads(content)
    except ValueError as error:
        raise ArtefactError(f"{name} is no JSON: {error}") from error


def _depth(content: bytes) -> int:
    """How deeply the brackets outside strings nest: a parser recurses as far."""
    bare = re.sub(rb'"(?:\\.|[^"\\])*"', b"", content)
    steps = (1 if byte in b"[{" else -1 for byte in bare if byte in b"[]{}")
    return max(accumulate(steps, initial=0))


def _checked_manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The manifest, if it is of this version and all files are as it says."""
    manifest = _parse(MANIFEST, files[MANIFEST])
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ArtefactError(f"{MANIFEST} does not say that this is a {FORMAT}")
    if manifest.get("version") != VERSION:
        raise ArtefactError(
            f"expected version {VERSION} of the format, found {manifest.get('version')!r}"
        )
    rest = {name: value for name, value in manifest.items() if name != "manifest_hash"}
    digest = keccak(_json(rest)).hex()
    if manifest.get("manifest_hash") != digest or _json(manifest) != files[MANIFEST]:
        raise ArtefactError(f"{MANIFEST} was changed: its hash is not the one that it names")
    for name in CONTENT:
        if manifest["files"].get(name) != _file_row(files[name]):
            raise ArtefactError(f"{name} was changed: its hash is not the one in {MANIFEST}")
    return manifest


def _artefact(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Artefact:
    blocks = _blocks(manifest["blocks"], files[BLOCKS])
    digest = bytes.fromhex(manifest["model_hash"])
    _check_model_hash(digest, files[RUNTIME], blocks)
    if files[INIT_CODE] != deployment_code(files[RUNTIME]):
        raise ArtefactError(f"{INIT_CODE} does not deploy {RUNTIME}")
    rows = manifest["tensors"]
    constants = {row["name"]: _joined(row["first_block"], row["items"], blocks) for row in rows}
    graph = decode_graph(_parse(GRAPH, files[GRAPH]), constants)
    _check_names(graph)
    contract = ModelContract(
        graph=graph,
        init_code=files[INIT_CODE],
        runtime=files[RUNTIME],
        blocks=blocks,
        tensors={row["name"]: row["first_block"] for row in rows},
        model_hash=digest,
        layers=tuple(
            Layer(**{**layer, "shape": tuple(layer["shape"])}) for layer in manifest["layers"]
        ),
        sources=tuple(manifest["sources"]),
    )
    return Artefact(
        contract=contract,
        certificate=decode_certificate(_parse(CERTIFICATE, files[CERTIFICATE])),
        peak_items=manifest["peak_items"],
        total_items=manifest["total_items"],
        report=manifest["report"],
    )


def _check_names(graph: IntegerGraph) -> None:
    """Every name that the graph uses must be that of a value or a constant."""
    used = {*graph.inputs, *graph.outputs}
    for operation in graph.operations:
        used |= {operation.output, *operation.inputs}
    unknown = used - graph.values.keys() - graph.constants.keys()
    if unknown or set(graph.input_ranges) != set(graph.inputs):
        raise ArtefactError(f"{GRAPH} lacks values or ranges: {sorted(unknown)}")


def _check_model_hash(digest: bytes, runtime: bytes, blocks: dict[int, WeightBlock]) -> None:
    if not names_model(digest, runtime, blocks):
        raise ArtefactError("the model's hash is not that of its code and weights")


def _blocks(rows: list[dict[str, Any]], content: bytes) -> dict[int, WeightBlock]:
    """The blocks that lie one behind the other in the file."""
    blocks: dict[int, WeightBlock] = {}
    start = 0
    for row in rows:
        stop = start + row["items"] * row["item_bytes"]
        blocks[row["number"]] = _block(content[start:stop], row["item_bytes"])
        start = stop
    if start != len(content):
        raise ArtefactError(f"{BLOCKS}: expected {start} bytes of blocks, found {len(content)}")
    return blocks


def _block(packed: bytes, item_bytes: int) -> WeightBlock:
    return WeightBlock.of(unpack_items(packed, item_bytes, "big"), item_bytes)


def _joined(first: int, items: int, blocks: dict[int, WeightBlock]) -> np.ndarray:
    """The items of a constant, from the blocks that it was cut into."""
    parts: list[np.ndarray] = []
    while items > 0:
        parts.append(blocks[first + len(parts)].items)
        items -= len(parts[-1])
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
