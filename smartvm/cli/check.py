"""`smartvm check`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from smartvm.cli.command import REFUSED, SUCCESS, Command, add_json_option, print_json
from smartvm.cli.models import MODEL_HELP, add_shape_option

_EXAMPLES = """\
Exit code: 0 if the model can be compiled, 1 if not.

examples:
  smartvm check model.onnx
  smartvm check model.onnx --json
  smartvm check model.onnx --input x=1x3x224x224"""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    add_shape_option(parser)
    add_json_option(parser)


def _check(arguments: Namespace) -> int:
    from smartvm.compiler.importer import check_model

    report = check_model(arguments.model, input_shapes=dict(arguments.input))
    if arguments.json:
        print_json(
            {
                "name": report.name,
                "isSupported": report.is_supported,
                "operators": dict(report.operators),
                "problems": [asdict(problem) for problem in report.problems],
                "error": report.error,
            }
        )
    else:
        print(report)
    return SUCCESS if report.is_supported else REFUSED


CHECK = Command(
    "check", "say whether a model can be compiled, and what stands against it", _EXAMPLES,
    _arguments, _check,
)  # fmt: skip
