"""The command line: what each command prints, its exit code, and that wrong input is one line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from smartvm import __version__
from smartvm.cli import COMMANDS
from smartvm.cli.opcodes import SAMPLES
from smartvm.compiler.assembler import assemble
from smartvm.compiler.program import init_code
from smartvm.dispatch.cupy_backend import cuda_device
from smartvm.dispatch.native import isa, isas, threads
from smartvm.opcodes import STANDARD

Run = Callable[..., tuple[int, str, str]]
PROGRAM = "PUSH 2\nPUSH 3\nADD\nBUF_ALLO size=3\nBUF_FIL value=-7\nSTOP"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A file of assembly."""
    path = tmp_path / "program.asm"
    path.write_text(PROGRAM)
    return path


def type_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Let standard input hold `content`."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_asm_prints_hexadecimal(run: Run, program: Path) -> None:
    assert run("asm", program) == (0, f"{assemble(PROGRAM).hex()}\n", "")


def test_asm_reads_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, b".stock\nADD")
    assert run("asm", "-") == (0, "01\n", "")


@pytest.mark.parametrize("binary", [False, True])
def test_asm_writes_a_file(run: Run, program: Path, binary: bool) -> None:
    target = program.with_suffix(".out")
    assert run("asm", program, "-o", target, *["--binary"] * binary) == (0, "", "")
    code = assemble(PROGRAM)
    assert target.read_bytes() == (code if binary else f"{code.hex()}\n".encode())


def test_asm_wraps_in_init_code(run: Run, program: Path) -> None:
    assert run("asm", program, "--init")[1] == f"{init_code(assemble(PROGRAM)).hex()}\n"


@pytest.mark.parametrize("prefix", ["", "0x"])
def test_disasm_takes_digits(run: Run, prefix: str) -> None:
    assert run("disasm", f"{prefix}600101") == (0, ".stock\n    PUSH1 0x01\n    ADD\n", "")


@pytest.mark.parametrize("content", [b"6001 01\n", b"0x600101", b"\x60\x01\x01"])
def test_disasm_takes_a_file_of_digits_or_of_bytes(
    run: Run, tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "code").write_bytes(content)
    expected = (0, ".stock\n    PUSH1 0x01  ; 0000\n    ADD         ; 0002\n", "")
    assert run("disasm", tmp_path / "code", "--offsets") == expected
    type_in(monkeypatch, content)
    assert run("disasm", "-", "--offsets") == expected


def test_digits_may_be_longer_than_any_file_name(run: Run) -> None:
    code, out, _ = run("disasm", "5b" * 3000)
    assert (code, out.count("JUMPDEST")) == (0, 3000)


def test_opcodes_lists_every_instruction(run: Run) -> None:
    code, out, _ = run("opcodes")
    assert code == 0
    for row in STANDARD.rows:
        assert f"{row.opcode:#04x}  {row.mnemonic:<10} {row.summary}\n" in out
    assert "CALLER 0xb3" in out


@pytest.mark.parametrize("row", STANDARD.rows, ids=lambda row: row.mnemonic)
def test_opcodes_explains_one_instruction(run: Run, row) -> None:
    code, out, _ = run("opcodes", row.mnemonic.lower())
    assert code == 0
    for operand in row.operands:
        assert f"  {operand.name:<14}{operand.summary}" in out
        assert all(f"f{i} {field}" in out for i, field in enumerate(operand.fields[1:], 1) if field)
    assert row.gas in out
    assert ("static call" in out) == row.writes_state


def test_opcodes_as_json_is_the_table(run: Run) -> None:
    rows = json.loads(run("opcodes", "--json")[1])
    assert [row["mnemonic"] for row in rows] == [row.mnemonic for row in STANDARD.rows]
    (row,) = json.loads(run("opcodes", "POOL_MAX", "--json")[1])
    assert row["opcode"] == 0x25
    assert row["operands"][0] == {
        "name": "channels",
        "kind": "fields",
        "fields": ["channels", "flags", "dilation"],
        "optional": False,
        "summary": STANDARD.by_mnemonic["POOL_MAX"].operands[0].summary,
    }


def test_every_sample_is_of_an_operand_that_exists() -> None:
    names = {operand.name for row in STANDARD.rows for operand in row.operands}
    assert set(SAMPLES) <= names


def test_run_shows_what_is_left(run: Run, program: Path) -> None:
    code, out, err = run("run", program)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "output  0x"
    assert out.splitlines()[2:] == [
        "Stack   1 item, the top last",
        "  0x5",
        "Buffer  1 map, the top last",
        "  [-7, -7, -7]",
    ]


def test_run_shows_output_gas_and_logs(run: Run) -> None:
    log_and_return = "60aa 5f52 6009 6001 601f a1 6001 601f f3".replace(" ", "")
    code, out, _ = run("run", log_and_return)
    assert code == 0
    assert out.splitlines()[:3] == [
        "output  0xaa",
        "gas     784",
        f"log     0x{'c0' * 20} [0x{9:064x}] 0xaa",
    ]


def test_run_marks_raw_code(run: Run) -> None:
    code, out, _ = run("run", "6003386007360000", "--mark")
    assert code == 0
    assert "[7, 7, 7]" in out


def test_run_reads_blocks_and_calldata(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "bias.npy", np.array([10, -20], dtype=np.int8))
    text = "PUSH 0\nCALLDATALOAD\nBUF_ALLO size=2\nBUF_BIAS address=1\nBUF_BIAS address=2"
    (tmp_path / "a.asm").write_text(text)
    blocks = ["--block", f"1={tmp_path / 'bias.npy'}", "--block", "2=1,-0x2"]
    code, out, err = run("run", tmp_path / "a.asm", *blocks, "--calldata", "0x" + "00" * 31 + "2a")
    assert (code, err) == (0, "")
    assert "  0x2a\n" in out
    assert "  [11, -22]\n" in out


def test_run_shortens_long_maps_unless_asked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.asm").write_text("BUF_ALLO size=20")
    assert f"  [{'0, ' * 16}… 20 items]\n" in run("run", tmp_path / "a.asm")[1]
    assert f"  [{', '.join('0' * 20)}]\n" in run("run", tmp_path / "a.asm", "--full")[1]


def test_run_traces_every_step(run: Run, program: Path) -> None:
    lines = run("run", program, "--trace")[1].splitlines()
    steps = [line.split()[:3] for line in lines[1 : lines.index("")]]
    assert [step[2] for step in steps] == [
        "PUSH1", "PUSH1", "ADD", "PUSH1", "BUF_ALLO", "PUSH32", "BUF_FIL", "STOP",
    ]  # fmt: skip
    assert steps[0] == ["0", "5", "PUSH1"]
    assert lines[5].endswith("[3]")


def test_run_tells_why_a_frame_failed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.asm").write_text("BUF_ALLO size=4\nBUF_BIAS address=9")
    code, out, err = run("run", tmp_path / "a.asm", "--gas", "0x10000")
    assert code == 1
    assert "gas     65,536\n" in out
    assert err.startswith("smartvm run: BlockMissing: BUF_BIAS: ")
    assert err.count("\n") == 1


def test_run_reports_a_revert(run: Run) -> None:
    code, out, err = run("run", "60aa5f5260016 01ffd".replace(" ", ""))
    assert code == 1
    assert "output  0xaa\n" in out
    assert err == "smartvm run: Revert: 0xaa\n"


def test_info_names_versions_and_backends(run: Run) -> None:
    code, out, _ = run("info")
    assert code == 0
    assert f"smartvm     {__version__}\n" in out
    assert "fork        prague\n" in out
    assert "numpy: available\n" in out
    assert "reference: available\n" in out
    sets = f"{isa()} of {', '.join(isas())}; {threads()} threads" if isa() else "not built"
    assert f"native      {sets}\n" in out


def test_info_names_the_card(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_device, "why_not", lambda: "no driver")
    assert run("info")[1].endswith("gpu         none: no driver\n")
    assert json.loads(run("info", "--json")[1])["gpu"] == {"name": "", "why_not": "no driver"}
    card = cuda_device.Card(0, "Paper 2080", (9, 0), 8 << 30, 46)
    monkeypatch.setattr(cuda_device, "why_not", lambda: "")
    monkeypatch.setattr(cuda_device, "card", lambda: card)
    assert run("info")[1].endswith("Paper 2080, 8 GiB, 46 processors, capability 9.0\n")
    assert json.loads(run("info", "--json")[1])["gpu"]["memory"] == 8 << 30


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_help_of_every_command_teaches_by_examples(run: Run, command) -> None:
    code, out, _ = run(command.name, "--help")
    assert code == 0
    assert f"  smartvm {command.name}" in out.partition("examples:")[2]
    assert command.name in run("--help")[1]


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"smartvm {__version__}\n", "")


WRONG = {
    "no command": ([], "required: COMMAND"),
    "an unknown command": (["compile-me"], "invalid choice: 'compile-me'"),
    "no file to assemble": (["asm", "nowhere.asm"], "nowhere.asm"),
    "a folder": (["asm", "."], "directory"),
    "neither file nor digits": (["disasm", "nowhere.hex"], "expected a file or hexadecimal digits"),
    "an odd number of digits": (["disasm", "600"], "even number of hexadecimal digits, found 3"),
    "an unknown instruction": (["opcodes", "CONV_MLU"], "did you mean 'CONV_MUL'?"),
    "a stock instruction": (["opcodes", "CALLER"], "0x33, in DNN contracts 0xb3"),
    "calldata": (["run", "00", "--calldata", "xyz"], "expected hexadecimal calldata, found 'xyz'"),
    "gas": (["run", "00", "--gas", "-1"], "argument --gas: expected a number from 0 to 2^64"),
    "too much gas": (["run", "00", "--gas", str(1 << 64)], "expected a number from 0 to 2^64"),
    "a backend": (["run", "00", "--backend", "abacus"], "unknown backend 'abacus'"),
    "a block": (["run", "00", "--block", "1"], "--block: expected N=FILE.npy or N=1,-2,3"),
    "a block's number": (["run", "00", "--block", "x=2"], "--block: expected N=FILE.npy"),
    "a huge number": (["run", "00", "--block", f"{1 << 64}=2"], "--block: expected N=FILE.npy"),
    "a block's items": (["run", "00", "--block", "1=2,x"], "expected signed 256-bit integers"),
    "a wide item": (["run", "00", "--block", f"1={1 << 255}"], "expected signed 256-bit integers"),
    "a block's file": (["run", "00", "--block", "1=nowhere.npy"], "nowhere.npy"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_input_is_one_line_and_exit_code_2(
    run: Run, arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("smartvm")
    assert message in err
    assert err.count("\n") == 1


def test_an_error_in_the_text_names_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.asm").write_text("ADD\nADDD\n")
    expected = "line 2: ADDD: unknown instruction 'ADDD' (did you mean 'ADD'?)\n"
    for command in ("asm", "run"):
        assert run(command, tmp_path / "a.asm") == (2, "", f"smartvm {command}: {expected}")


def test_a_file_that_is_no_text_cannot_be_assembled(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.asm").write_bytes(b"\xfc\x00")
    code, _, err = run("asm", tmp_path / "a.asm")
    assert code == 2
    assert "expected text, found binary data" in err


def zipped() -> bytes:
    """A file of several arrays."""
    file = io.BytesIO()
    np.savez(file, a=np.array([1]))
    return file.getvalue()


NO_BLOCKS = {
    "fractions": np.array([1.5]),
    "nothing": np.array([], dtype=np.int8),
    "too many": np.zeros(2**20 + 1, np.int8),
    "text": b"text",
    "several arrays": zipped(),
}


@pytest.mark.parametrize("items", NO_BLOCKS.values(), ids=NO_BLOCKS.keys())
def test_a_file_that_holds_no_block(run: Run, tmp_path: Path, items: object) -> None:
    path = tmp_path / "block.npy"
    with path.open("wb") as file:
        file.write(items) if isinstance(items, bytes) else np.save(file, items)
    code, out, err = run("run", "00", "--block", f"1={path}")
    assert (code, out) == (2, "")
    assert err.startswith("smartvm run: ")
    assert err.count("\n") == 1


def test_the_module_runs_as_the_command(program: Path) -> None:
    command = [sys.executable, "-m", "smartvm", "asm", str(program)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == f"{assemble(PROGRAM).hex()}\n"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m smartvm opcodes --json | head -n 1"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("[\n", "")
