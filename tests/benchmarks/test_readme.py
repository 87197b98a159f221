"""The README's table of headlines: made of a results file, and held to its excerpt."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from paper import model, readme
from paper.model import Gap, Measurement
from paper.results import Results

ROOT = Path(__file__).parents[2]
MARKS = f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n"


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    def saved(contender: str, value: float) -> Measurement:
        return Measurement("buffer_memory", "lenet5", contender, model.PEAK_MEMORY, "bytes", value)

    def total(contender: str, value: float) -> Measurement:
        return Measurement("offchain", "lenet5", contender, model.TOTAL, "s", value)

    results = Results(
        {"processor": "a processor", "cores": "2", "memory": "8 GiB", "kernels": "numpy"},
        {"networks": ["lenet5"], "threads": 2, "run": "quick", "date": "today"},
        measurements=[
            saved(model.SMARTVM, 10),
            saved(model.PLAIN_EVM, 80),
            total(model.SMARTVM_COLD, 0.002),
            total(model.OFFCHAIN_GET, 50),
        ],
        gaps=[Gap("speed", "lenet5", model.SMARTVM_GPU, "no GPU")],
    )
    results.save(tmp_path / "run")
    return tmp_path / "run"


def test_the_table_of_the_readme_is_that_of_its_excerpt() -> None:
    text = (ROOT / "README.md").read_text()
    made = json.loads((ROOT / readme.EXCERPT).read_text())
    assert readme.replaced(text, readme.block(made), Path("README.md")) == text
    assert (ROOT / readme.FIGURE).read_bytes().startswith(b"\x89PNG")


def test_headlines_go_between_the_marks(
    run: Callable[..., tuple[int, str, str]], run_directory: Path
) -> None:
    pytest.importorskip("matplotlib", reason="draws the figure")
    file = run_directory.parent / "README.md"
    file.write_text(MARKS)
    code, out, err = run("bench", "readme", run_directory, file)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 3
    assert all(Path(line).is_file() for line in out.splitlines())
    text = file.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "a processor, 2 cores, 8 GiB, kernels numpy, 2 threads; quick run of today" in text
    assert "| 25,000 × (70) |" in text
    assert "| memory saved, against Memory that never shrinks | 87.5 % (84) |" in text
    assert "GPU" not in text.partition("![")[0]  # nobody has a value for it
    run("bench", "readme", run_directory, file)
    assert file.read_text() == text


def test_without_marks_nothing_is_written(
    run: Callable[..., tuple[int, str, str]], run_directory: Path
) -> None:
    file = run_directory.parent / "README.md"
    file.write_text("no marks\n")
    code, _, err = run("bench", "readme", run_directory, file)
    assert (code, err.count("\n")) == (2, 1)
    assert readme.BEGIN in err
    assert not (run_directory.parent / readme.EXCERPT).exists()
