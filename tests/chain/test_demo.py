from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest

from smartvm.chain import demo
from smartvm.chain.demo_view import (
    ProgressBar,
    Row,
    digit_rows,
    gallery,
    layer_rows,
    median_rows,
    table,
)
from smartvm.compiler import lenet5
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract import build_contract
from smartvm.compiler.contract_abi import CLASSIFY
from smartvm.execution import execute


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_it_runs_and_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--images", "12"]) == 0
    output = capsys.readouterr().out
    assert "10/10 blocks, 123.6 kB" in output
    assert "12/12 images" in output
    assert "a second chain imported 12 blocks" in output
    assert "the same on both" in output
    assert "same answer as the float model      12 of 12   100.00%" in output
    assert "2,120,000" in output
    assert max(map(len, output.splitlines())) <= 100


def test_it_reads_mnist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = lenet5.test_split().pixels[:3, 2:30, 2:30]
    header = struct.pack(">4I", 0x803, 3, 28, 28)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
    labels = struct.pack(">2I", 0x801, 3) + bytes(3)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(labels)
    assert demo.main(["--mnist", str(tmp_path)]) == 0
    assert "3/3 images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "abacus"], "abacus"),
        (["--mnist", "nowhere"], "nowhere"),
        (["--weights", "nowhere.npz"], "nowhere.npz"),
    ],
)
def test_wrong_input_gives_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert demo.main(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert message in lines[0]


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_senseless_count_is_refused(count: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        demo.main(["--images", count])


def test_the_bar_grows_on_a_terminal() -> None:
    terminal = Terminal()
    bar = ProgressBar("work", terminal)
    for done in range(3):
        bar.update(done, 2, f"{done}/2")
    assert terminal.getvalue().count("\r") == 3
    assert terminal.getvalue().endswith("2/2\x1b[K\n")


def test_elsewhere_only_the_end_is_printed() -> None:
    stream = io.StringIO()
    bar = ProgressBar("work", stream)
    for done in range(3):
        bar.update(done, 2, f"{done}/2")
    assert stream.getvalue() == f"work [{'█' * 40}] 2/2\n"


def test_digits_are_drawn_in_half_blocks() -> None:
    image = np.zeros((32, 32), np.uint8)
    image[0:2] = 255
    image[6:8] = 255
    image[8:12, 0:2] = 255
    rows = digit_rows(image)
    assert rows[:3] == ["▀" * 16, "▄" * 16, "█" + " " * 15]
    drawn = gallery([image, image], ["1", "2"]).splitlines()
    assert drawn[0] == "▀" * 16 + "  " + "▀" * 16
    assert drawn[-1].split() == ["1", "2"]


def test_the_table_counts_every_step_once() -> None:
    contract = build_contract(lenet5.load())
    blocks = {number: block.tensor for number, block in contract.blocks.items()}
    calldata = encode_call(CLASSIFY, bytes(1024))
    execution = execute(contract.runtime, calldata=calldata, blocks=blocks, trace=True)
    rows = layer_rows(contract, execution.steps)
    assert [row.name for row in rows[:4]] == ["read the image", "conv1", "relu1", "pool1"]
    assert sum(row.instructions for row in rows) == len(execution.steps)
    assert sum(row.gas for row in rows) == execution.gas_used
    assert sum(row.macs for row in rows) == 416_520
    assert max(row.buffer_bytes for row in rows) == 6 * 28 * 28 * 4


def test_times_are_medians() -> None:
    traces = [[Row("a", 7, 1, 10, seconds, 64)] for seconds in (0.5, 9.0, 0.25)]
    assert median_rows(traces) == [Row("a", 7, 1, 10, 0.5, 64)]


def test_the_table_adds_up() -> None:
    rows = [Row("a", 1000, 2, 30, 0.001, 64), Row("b", 0, 1, 5, 0.002, 128)]
    lines = table(rows, 212_000).splitlines()
    assert lines[-3].split() == ["total", "3", "1,000", "35", "3.000", "128"]
    assert lines[-1].startswith("  the paper, total")
    assert lines[-1].endswith("2,120,000   10.0 times as much")
