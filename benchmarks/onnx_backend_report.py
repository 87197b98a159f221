"""Which of ONNX's own backend tests pass in the VM, and why the others do not.

Runs the node tests and the PyTorch-converted ones through `SmartVMBackend`, each in bytecode, at
a tolerance of 1e-2, and prints the result of each operator and the reason of each test that does
not pass. `--markdown` prints the tables of docs/onnx-support.md.

    python benchmarks/onnx_backend_report.py [--all] [--only REGEX] [--markdown]
"""

from __future__ import annotations

import argparse
import re
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.loader import load_model_tests

from smartvm.compiler.onnx_backend import SmartVMBackend

PROMISED = """
    Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool Gemm MatMul Relu
    LeakyRelu PRelu Clip Sigmoid HardSigmoid HardSwish Tanh Softmax LogSoftmax BatchNormalization
    Add Sub Mul Div Concat Flatten Reshape Transpose Squeeze Unsqueeze Pad Dropout Identity Slice
    Split Gather LRN InstanceNormalization LayerNormalization Gelu Erf LSTM GRU RNN ReduceMean
    ArgMax Resize Sum
"""
OPERATORS = frozenset(PROMISED.split())
"""Those that the compiler promises."""
KINDS = ("pytorch-converted", "pytorch-operator", "node")
TOLERANCE = 1e-2
PASSED, UNSUPPORTED, WRONG, FAILED = "passed", "unsupported", "wrong", "failed"
SEED = 0


@dataclass(frozen=True)
class Case:
    """One test: a model, its inputs and what should come out.

    Attributes:
        kind: one of KINDS.
    """

    kind: str
    name: str
    model: onnx.ModelProto
    data_sets: list[tuple[list[np.ndarray], list[np.ndarray]]]


@dataclass(frozen=True)
class Result:
    """What became of a case; `reason` is empty if it passed."""

    case: Case
    outcome: str
    reason: str = ""


def cases_of(kind: str) -> Iterator[Case]:
    """ONNX's tests of a kind: files, or since onnx 1.23 node tests made as they are loaded."""
    np.random.seed(SEED)  # which draw their inputs from numpy's global generator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tests = load_model_tests(kind=kind)
    for test in sorted(tests, key=lambda test: test.name):
        if test.model is not None:
            sets = [(arrays(inputs), arrays(outputs)) for inputs, outputs in test.data_sets]
            yield Case(kind, test.name, test.model, sets)
        elif test.model_dir is not None:
            yield stored_case(kind, test.name, Path(test.model_dir))


def stored_case(kind: str, name: str, folder: Path) -> Case:
    """A test that lies in files; data that are no tensors, which no model takes, are left out."""
    model = onnx.load(folder / "model.onnx")
    values = (*model.graph.input, *model.graph.output)
    readable = all(value.type.HasField("tensor_type") for value in values)
    sets = [
        (stored_arrays(path, "input"), stored_arrays(path, "output"))
        for path in sorted(folder.glob("test_data_set_*"))
        if readable
    ]
    return Case(kind, name, model, sets)


def arrays(items: Iterable[object]) -> list[np.ndarray]:
    """Tensors as arrays; anything else, such as sequences, as it is."""
    return [numpy_helper.to_array(x) if isinstance(x, TensorProto) else x for x in items]


def stored_arrays(folder: Path, kind: str) -> list[np.ndarray]:
    """The tensors of the files input_0.pb, input_1.pb and so on."""
    files = sorted(folder.glob(f"{kind}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
    return [numpy_helper.to_array(TensorProto.FromString(path.read_bytes())) for path in files]


def is_listed(case: Case) -> bool:
    """Whether all nodes have operators that the compiler promises."""
    return {node.op_type for node in case.model.graph.node} <= OPERATORS | {"Constant"}


def is_float32(case: Case) -> bool:
    """Whether there are real numbers, all of them float32."""
    values = (*case.model.graph.input, *case.model.graph.output)
    kinds = {value.type.tensor_type.elem_type for value in values}
    integers = {TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL}
    return TensorProto.FLOAT in kinds and kinds <= integers | {TensorProto.FLOAT}


def run(case: Case) -> Result:
    """Run one case in the VM and compare."""
    try:
        prepared = SmartVMBackend.prepare(case.model)
        for inputs, expected in case.data_sets:
            reason = difference(prepared.run(inputs), expected)
            if reason:
                return Result(case, WRONG, reason)
    except NotImplementedError as error:
        return Result(case, UNSUPPORTED, last_line(error))
    except Exception as error:  # every other failure belongs in the report
        return Result(case, FAILED, f"{type(error).__name__}: {last_line(error)}")
    return Result(case, PASSED)


def difference(outputs: Iterable[np.ndarray], expected: list[np.ndarray]) -> str:
    """How the outputs differ from what is expected; empty if they do not."""
    for index, (found, wanted) in enumerate(zip(outputs, expected, strict=True)):
        if found.shape != wanted.shape or found.dtype != wanted.dtype:
            kinds = f"{found.dtype}{found.shape}", f"{wanted.dtype}{wanted.shape}"
            return f"output {index} is {kinds[0]}, expected {kinds[1]}"
        if not np.allclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE):
            error = np.nanmax(np.abs(found.astype(np.float64) - wanted))
            return f"output {index} is wrong by up to {error:.3g}"
    return ""


def last_line(error: Exception) -> str:
    """The part of a message that says most: the last line, which lists the node."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def report(results: list[Result], markdown: bool) -> None:
    """Print totals, the table of operators and the list of the tests that do not pass."""
    for kind in (*KINDS, ""):
        outcomes = Counter(r.outcome for r in results if r.case.kind == (kind or r.case.kind))
        share = 100 * outcomes[PASSED] / max(1, outcomes.total())
        total = f"{outcomes[PASSED]} of {outcomes.total()}"
        print(f"{kind or 'all'} tests: {total} pass ({share:.1f} %), {dict(outcomes)}")
    by_operator: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        for operator in {node.op_type for node in result.case.model.graph.node} - {"Constant"}:
            by_operator[operator][result.outcome] += 1
    print()
    line = "| {} | {} | {} |" if markdown else "{:24} {:>4} of {}"
    for operator, counts in sorted(by_operator.items()):
        print(line.format(operator, counts[PASSED], counts.total()))
    print()
    line = "| `{}` | {} | {} |" if markdown else "{:48} {:12} {}"
    for result in results:
        if result.outcome != PASSED:
            print(line.format(result.case.name, result.outcome, result.reason[:300]))


def main() -> None:
    """Run the tests that the arguments choose."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="tests of all operators and types")
    parser.add_argument("--only", default="", help="tests whose name matches")
    parser.add_argument("--markdown", action="store_true", help="print tables for the docs")
    options = parser.parse_args()
    cases = [case for kind in KINDS for case in cases_of(kind)]
    chosen = [
        case
        for case in cases
        if (options.all or (is_listed(case) and is_float32(case)))
        and re.search(options.only, case.name)
    ]
    started, results = time.perf_counter(), []
    for case in chosen:
        before = time.perf_counter()
        results.append(run(case))
        if time.perf_counter() - before > 5:
            print(f"# {case.name} took {time.perf_counter() - before:.0f} s")
    report(results, options.markdown)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
