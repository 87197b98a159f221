"""ethers v6: the session of ethers_session.mjs against a node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smartvm.chain import Account
from smartvm.compiler.artefact import Artefact

SESSION = Path(__file__).with_name("ethers_session.mjs")


@pytest.fixture(scope="module")
def found(
    served: Any, node_modules: Path, small_model: Artefact, image: np.ndarray
) -> dict[str, Any]:
    """What the session has printed."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node.js is not installed")
    model = small_model.contract
    given = {
        "init": "0x" + model.init_code.hex(),
        "abi": model.abi,
        "blocks": [
            [number, block.item_bytes, "0x" + block.packed.hex()]
            for number, block in model.blocks.items()
        ],
        "image": "0x" + model.input_format.pack(image).hex(),
        "key": Account.numbered(4).key.to_hex(),
    }
    done = subprocess.run(
        [program, str(SESSION), served.url, str(node_modules)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_it_predicts(found: dict[str, Any], outputs: list[int]) -> None:
    assert found["outputs"] == [str(output) for output in outputs]
    assert found["label"] == str(int(np.argmax(outputs)))


def test_it_infers_from_a_wallet_and_reads_the_event(found: dict[str, Any]) -> None:
    assert (found["caller"], found["inferred"]) == (found["wallet"], found["label"])


def test_it_sends_what_it_has_signed(found: dict[str, Any]) -> None:
    assert found["rawStatus"] == 1
    assert found["transactions"] == [found["rawHash"]]


def test_a_revert_is_a_call_exception(found: dict[str, Any]) -> None:
    assert found["refusal"] == "CALL_EXCEPTION"


def test_the_node_signs_messages_and_suggests_fees(found: dict[str, Any]) -> None:
    assert found["signer"] == found["owner"]
    assert int(found["maxFee"]) > 10**9
