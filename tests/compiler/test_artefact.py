from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pytest
from eth_utils import keccak

import smartvm
from smartvm.compiler.abi import encode_call
from smartvm.compiler.artefact import BLOCKS, CONTENT, MANIFEST, RUNTIME, Artefact
from smartvm.compiler.certify import Bound, certify
from smartvm.compiler.contract import build_contract
from smartvm.compiler.contract_abi import PREDICT
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.plan import plan
from smartvm.compiler.sequential import Sequential
from smartvm.exceptions import ArtefactError, CertificateError

Call = Callable[..., smartvm.Execution]


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    random = np.random.default_rng(5)
    network = Sequential(
        "réseau", (2, 6, 6), scale=1000, input_range=Interval(0, 255), input_scale=255
    )
    network.convolution("conv", random.integers(-90, 90, (4, 2, 3, 3)), random.integers(0, 9, 4))
    network.relu("relu").max_pool("pool", 2)
    wide = np.array([1, -(2**200), 70_000], dtype=object)
    network.fully_connected("fc", random.integers(-900, 900, (3, 16)), wide)
    graph, planned = network.graph, plan(network.graph)
    return Artefact(
        contract=build_contract(graph, block_bytes=30),
        certificate=certify(graph),
        peak_items=planned.peak_items,
        total_items=planned.total_items,
        report={"top1": 0.5},
    )


@pytest.fixture(params=["model", "model.zip"])
def saved(request: pytest.FixtureRequest, tmp_path: Path, artefact: Artefact) -> Path:
    return artefact.save(tmp_path / "deep" / request.param)


def test_what_is_saved_is_loaded(call: Call, artefact: Artefact, saved: Path) -> None:
    loaded = Artefact.load(saved)
    for name in ("init_code", "runtime", "tensors", "model_hash", "layers", "sources", "abi"):
        assert getattr(loaded.contract, name) == getattr(artefact.contract, name)
    for name in ("name", "certificate", "peak_items", "total_items", "report"):
        assert getattr(loaded, name) == getattr(artefact, name)
    for number, block in artefact.contract.blocks.items():
        assert loaded.contract.blocks[number].packed == block.packed
    graph, expected = loaded.contract.graph, artefact.contract.graph
    assert (graph.operations, graph.values) == (expected.operations, expected.values)
    assert {n: a.tolist() for n, a in graph.constants.items()} == {
        n: a.tolist() for n, a in expected.constants.items()
    }
    calldata = encode_call(PREDICT, bytes(range(72)))
    execution = call(loaded.contract, calldata).raise_for_error()
    assert execution.output == call(artefact.contract, calldata).output


def test_equal_artefacts_are_equal_byte_for_byte(artefact: Artefact, tmp_path: Path) -> None:
    first = artefact.save(tmp_path / "first.zip")
    second = Artefact.load(artefact.save(tmp_path / "directory")).save(tmp_path / "second.zip")
    assert first.read_bytes() == second.read_bytes()


def test_the_files_are_those_of_the_documented_format(artefact: Artefact, tmp_path: Path) -> None:
    path = artefact.save(tmp_path / "model")
    assert sorted(file.name for file in path.iterdir()) == sorted((MANIFEST, *CONTENT))
    manifest = json.loads((path / MANIFEST).read_text())
    assert manifest["input"] == {
        "name": "input",
        "shape": [2, 6, 6],
        "scale": 255,
        "range": ["0", "255"],
        "item_bytes": 1,
        "unsigned": True,
    }
    assert manifest["outputs"] == [{"name": "fc", "shape": [3], "scale": 1000}]
    assert manifest["classes"] == 3
    content, start = (path / BLOCKS).read_bytes(), 0
    for row in manifest["blocks"]:
        stop = start + row["items"] * row["item_bytes"]
        assert keccak(content[start:stop]).hex() == row["keccak256"]
        start = stop
    assert start == len(content)


@pytest.mark.parametrize("name", [MANIFEST, *CONTENT])
@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_a_changed_byte_is_noticed(
    artefact: Artefact, tmp_path: Path, name: str, place: float
) -> None:
    file = artefact.save(tmp_path / "model") / name
    content = bytearray(file.read_bytes())
    content[int(place * len(content)) if place > 0 else int(place)] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(ArtefactError):
        Artefact.load(file.parent)


@pytest.mark.parametrize("name", [MANIFEST, *CONTENT])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    if saved.is_dir():
        (saved / name).unlink()
    else:
        with ZipFile(saved) as archive:
            kept = {entry: archive.read(entry) for entry in archive.namelist() if entry != name}
        with ZipFile(saved, "w", ZIP_STORED) as archive:
            for entry, content in kept.items():
                archive.writestr(entry, content)
    with pytest.raises(ArtefactError, match=name):
        Artefact.load(saved)


def rewritten(path: Path, changes: dict[str, object]) -> Path:
    """The artefact with other entries in its manifest, whose own hash fits again."""
    manifest = json.loads((path / MANIFEST).read_text())
    del manifest["manifest_hash"]
    manifest |= changes
    text = json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    manifest["manifest_hash"] = keccak(text.encode()).hex()
    text = json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    (path / MANIFEST).write_text(text)
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "zip"}, "smartvm-artefact"),
        ({"version": 2}, "version 1 of the format, found 2"),
        ({"model_hash": "00" * 32}, "the model's hash"),
        ({"model_hash": "zz"}, "cannot be read"),
        ({"blocks": []}, "bytes of blocks"),
        ({"layers": [{}]}, "cannot be read"),
        ({"tensors": 7}, "cannot be read"),
        ({"files": {}}, "was changed"),
    ],
)
def test_a_manifest_that_lies_is_refused(
    artefact: Artefact, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    path = artefact.save(tmp_path / "model")
    with pytest.raises(ArtefactError, match=message):
        Artefact.load(rewritten(path, changes))


def test_code_that_is_not_the_models_is_refused_though_all_hashes_of_files_fit(
    artefact: Artefact, tmp_path: Path
) -> None:
    path = artefact.save(tmp_path / "model")
    code = bytearray((path / RUNTIME).read_bytes())
    code[-1] ^= 1
    (path / RUNTIME).write_bytes(bytes(code))
    files = json.loads((path / MANIFEST).read_text())["files"]
    files[RUNTIME] = {"bytes": len(code), "keccak256": keccak(bytes(code)).hex()}
    with pytest.raises(ArtefactError, match="the model's hash"):
        Artefact.load(rewritten(path, {"files": files}))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\3\4 cut"])
def test_what_is_no_artefact_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.zip"
    with pytest.raises(ArtefactError, match="no such artefact"):
        Artefact.load(path)
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match="is no artefact"):
        Artefact.load(path)


def test_the_certificate_is_checked_on_its_own(artefact: Artefact, saved: Path) -> None:
    loaded = Artefact.load(saved)
    loaded.check_certificate()
    bound = loaded.certificate["conv"]
    narrower = Interval(bound.interval.low + 1, bound.interval.high)
    loaded.certificate["conv"] = Bound("conv", narrower, bound.peak)
    with pytest.raises(CertificateError, match="conv: the certificate claims"):
        loaded.check_certificate()
