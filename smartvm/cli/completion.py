"""`smartvm completion`: scripts that complete commands and options in a shell.

They are written from the same parser that reads the command line.
"""

from __future__ import annotations

from argparse import Action, ArgumentParser, Namespace, _SubParsersAction
from typing import NamedTuple

from smartvm.cli.command import Command

_EXAMPLES = """\
Files are completed where an argument is no option.

examples:
  source <(smartvm completion bash)                  now; in ~/.bashrc for good
  source <(smartvm completion zsh)                   in ~/.zshrc, after compinit
  smartvm completion fish > ~/.config/fish/completions/smartvm.fish"""


class Completion(NamedTuple):
    """What can follow a command: its options, each with its help, and words that it takes."""

    name: str
    help: str
    options: dict[str, str]
    words: list[str]


def completions(parser: ArgumentParser) -> list[Completion]:
    """The commands of a parser."""
    (commands,) = (a for a in parser._actions if isinstance(a, _SubParsersAction))
    return [
        Completion(
            name,
            sub_parser.description or "",
            {option: _plain(action) for action, option in _options(sub_parser)},
            [str(choice) for action in sub_parser._actions for choice in action.choices or ()],
        )
        for name, sub_parser in commands.choices.items()
    ]


def _options(parser: ArgumentParser) -> list[tuple[Action, str]]:
    return [(action, option) for action in parser._actions for option in action.option_strings]


def _plain(action: Action) -> str:
    """The help of an option, without what would have to be quoted in a shell."""
    text = (action.help or "").replace("%%", "%")
    return "".join(sign for sign in text if sign not in "'\"\\`$")


def bash(commands: list[Completion]) -> str:
    """The script for bash; zsh runs it too, under bashcompinit."""
    cases = "\n".join(
        f"    {command.name}) words='{' '.join([*command.options, *command.words])}' ;;"
        for command in commands
    )
    names = " ".join(command.name for command in commands)
    return f"""\
_smartvm() {{
  local words current="${{COMP_WORDS[COMP_CWORD]}}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{names} --help --version' -- "$current"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{cases}
    *) words='' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -o bashdefault -F _smartvm smartvm
"""


def zsh(commands: list[Completion]) -> str:
    """The script for zsh."""
    return f"autoload -U +X bashcompinit && bashcompinit\n{bash(commands)}"


def fish(commands: list[Completion]) -> str:
    """The script for fish."""
    lines = []
    for command in commands:
        summary = command.help.replace("'", "")
        lines.append(
            f"complete -c smartvm -n __fish_use_subcommand -f -a {command.name} -d '{summary}'"
        )
        seen = f"complete -c smartvm -n '__fish_seen_subcommand_from {command.name}'"
        for option, text in command.options.items():
            name = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            lines.append(f"{seen} {name} -d '{text}'")
        if command.words:
            lines.append(f"{seen} -f -a '{' '.join(command.words)}'")
    return "\n".join([*lines, ""])


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell to write for")


def _completion(arguments: Namespace) -> int:
    from smartvm.cli import make_parser

    print(SHELLS[arguments.shell](completions(make_parser())), end="")
    return 0


COMPLETION = Command(
    "completion", "write a completion script for a shell", _EXAMPLES, _arguments, _completion
)
