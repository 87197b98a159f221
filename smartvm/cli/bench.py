"""`smartvm bench`: the paper's evaluation, by the benchmarks of a source checkout.

The benchmarks are no part of the installed package: they measure the checkout's own sources and
examples, and need its extras. This module finds them and hands its arguments over.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from importlib import import_module
from pathlib import Path
from typing import Any

from smartvm.cli.command import Command, Unavailable, UsageError, add_json_option, print_json
from smartvm.cli.models import positive

_EXAMPLES = """\
The report holds every table and figure of the paper's evaluation beside this machine's, with what
could not be measured, and why. --quick takes minutes, a full run a quarter of an hour on two cores.

examples:
  smartvm bench --quick
  smartvm bench --network lenet5 --network lstm --out report
  smartvm bench --network model.onnx --imagenet photos --only speed --only accuracy
  smartvm bench compare before after        two runs side by side
  smartvm bench readme build/paper          the README's table and figure, of that run"""
ALL = "all"
_NETWORKS = {"mobilenet": "mobilenet_v1"}
"""Names that people use, and those of the zoo."""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="*",
        metavar="compare A B | readme RUN [FILE]",
        help="instead of measuring: compare two runs, or write the table of headlines between the "
        "marks of a README (directories, or their results.json)",
    )
    parser.add_argument("--quick", action="store_true", help="fewer runs, smaller samples")
    parser.add_argument(
        "--network",
        action="append",
        metavar="NAME|FILE",
        help="lenet5, alexnet, resnet18, mobilenet, lstm, all, or a model of your own, .onnx or "
        "compiled (default: all five); may be repeated",
    )
    parser.add_argument(
        "--device",
        choices=("cpu", "gpu"),
        default="gpu",
        help="cpu leaves the GPU out (default: gpu, beside the CPU and where there is one)",
    )
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="default: 1")
    parser.add_argument("--rounds", type=positive, metavar="N", help="runs of each timing")
    parser.add_argument(
        "--only", action="append", metavar="QUESTION", help="one question; may be repeated"
    )
    parser.add_argument(
        "--mnist", type=_directory, metavar="DIR", help="MNIST's idx files, for LeNet-5's accuracy"
    )
    parser.add_argument(
        "--imagenet",
        type=_directory,
        metavar="DIR",
        help="labelled images, a folder a class or with labels.txt, for accuracy",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/paper"), metavar="DIR", help="default: build/paper"
    )
    parser.add_argument("--parts", action="store_true", help="compare layers as well")
    add_json_option(parser)


def _directory(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise ArgumentTypeError(f"{text}: expected a directory")
    return path


def _bench(arguments: Namespace) -> int:
    root = _checkout()
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    match arguments.action:
        case []:
            return _measure(arguments)
        case ["compare", a, b]:
            return _compare(Path(a), Path(b), arguments)
        case ["readme", results]:
            return _readme(Path(results), root.parent / "README.md", arguments)
        case ["readme", results, readme]:
            return _readme(Path(results), Path(readme), arguments)
    raise UsageError(
        "expected no argument, or: compare A B, or: readme RUN [FILE] "
        "(a run is a directory or its results.json)"
    )


def _checkout() -> Path:
    """The directory of the benchmarks.

    Raises:
        Unavailable: the package is installed without its sources.
    """
    for root in (Path(__file__).parents[2], Path.cwd()):
        if (root / "benchmarks" / "paper" / "run.py").is_file():
            return root / "benchmarks"
    raise Unavailable(
        "the benchmarks are in the source checkout only: run this in it, installed by "
        "pip install --editable '.[bench]'"
    )


def _measure(arguments: Namespace) -> int:
    from smartvm.chain.demo_view import ProgressBar

    runner = import_module("paper.run")
    questions = _questions(arguments.only)
    bar = ProgressBar("bench", sys.stderr)
    results, report = runner.run(_options(arguments), questions, bar.update)
    counts = {"measurements": len(results.measurements), "gaps": len(results.gaps)}
    if arguments.json:
        print_json(
            {"report": f"{report}", "results": f"{arguments.out / 'results.json'}", **counts}
        )
    else:
        print(
            f"{len(results.measurements):,} figures, {len(results.gaps):,} not measured\n{report}"
        )
    return 0


def _questions(chosen: list[str] | None) -> list[Any]:
    every = import_module("paper.questions").BY_ID
    for name in chosen or ():
        if name not in every:
            raise UsageError(f"no question is called {name!r}; there are {', '.join(every)}")
    return [question for id, question in every.items() if not chosen or id in chosen]


def _options(arguments: Namespace) -> Any:
    """The `Options` of the benchmarks."""
    model = import_module("paper.model")
    networks, artefacts = _networks(arguments.network, model.NETWORKS)
    rounds = arguments.rounds or (model.QUICK_ROUNDS if arguments.quick else model.ROUNDS)
    return model.Options(
        quick=arguments.quick,
        networks=networks,
        device=arguments.device,
        rounds=rounds,
        out=arguments.out,
        artefact=artefacts[0] if artefacts else None,
        threads=arguments.threads,
        mnist=arguments.mnist,
        imagenet=arguments.imagenet,
    )


def _networks(
    chosen: list[str] | None, known: tuple[str, ...]
) -> tuple[tuple[str, ...], list[Path]]:
    """Names of the zoo, and the file among them, which is loaded to see that it can be."""
    names = [_NETWORKS.get(name, name) for name in chosen or [ALL]]
    paths = [Path(name) for name in names if name not in (ALL, *known)]
    for path in paths:
        if not path.exists():
            shown = ", ".join((*known, *_NETWORKS, ALL))
            raise UsageError(f"{path}: expected one of {shown}, or a model of your own")
    if len(paths) > 1:
        raise UsageError("expected one model of your own at most")
    for path in paths:
        import_module("paper.networks").artefact_of(path)
    found = (name for each in names for name in (known if each == ALL else (each,)))
    return tuple(dict.fromkeys(name for name in found if name in known)), paths


def _compare(a: Path, b: Path, arguments: Namespace) -> int:
    compare = import_module("paper.compare")
    first, second = _load(a), _load(b)
    found = compare.differences(first, second, arguments.parts)
    if arguments.json:
        print_json([{**d.a.__dict__, "value": [d.a.value, d.b.value], "ratio": d.ratio}
                    for d in found])  # fmt: skip
        return 0
    line = import_module("paper.readme").machine_line
    equal = sum(difference.is_equal for difference in found)
    print(f"A, {a}: {line(first)}\nB, {b}: {line(second)}\n\n{compare.table(found)}\n")
    print(f"{equal:,} more figures are equal; only in A: {compare.only_in(first, second):,}, "
          f"only in B: {compare.only_in(second, first):,}")  # fmt: skip
    return 0


def _readme(run: Path, readme: Path, arguments: Namespace) -> int:
    writer = import_module("paper.readme")
    try:
        written = writer.write_readme(_load(run), readme)
    except writer.ReadmeError as error:
        raise UsageError(f"{error}") from error
    if arguments.json:
        print_json({"written": [f"{path}" for path in written]})
    else:
        print("\n".join(map(str, written)))
    return 0


def _load(path: Path) -> Any:
    """The `Results` of a run."""
    results = import_module("paper.results")
    try:
        return results.load(path)
    except results.ResultsError as error:
        raise UsageError(f"{error}") from error


BENCH = Command(
    "bench", "measure the paper's evaluation and report it", _EXAMPLES, _arguments, _bench
)
