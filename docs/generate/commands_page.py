"""docs/reference/commands.md, from the command line's own definition.

Enters: the program. Leaves: Markdown. Never here: a word about a command that the program does not say itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import typer

from basira.cli.program import app

ROOT_NAME = "basira"


def commands_page() -> str:
    """docs/reference/commands.md: every command, its arguments and options, as the program defines them."""
    root = typer.main.get_command(app)
    lines = [
        "# Commands",
        "",
        "Made from the program by `make docs`. `basira COMMAND --help` shows the same on the terminal; what a command",
        "returns to the shell is in [errors and exit codes](errors.md).",
        "",
    ]
    found = list(_walk(root, ROOT_NAME))
    lines += [f"- [`{path}`](#{path.replace(' ', '-')}): {_first_sentence(command)}" for path, command in found]
    for path, command in found:
        lines += ["", f"## {path}", "", _paragraphs(command.help or ""), ""]
        if command.epilog:
            example = str(command.epilog).partition(": ")[2]
            lines += [f"Example: `{example}`", ""]
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option" and "--help" not in p.opts]
        usage = " ".join([path, *(_metavar(a) for a in arguments), *(["[options]"] if options else [])])
        lines += ["```", usage, "```"]
        if arguments or options:
            lines += ["", "| argument or option | default | meaning |", "|---|---|---|"]
            lines += [_row(p) for p in (*arguments, *options)]
    return "\n".join(lines) + "\n"


def _walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, depth first; groups are only passed through."""
    children = getattr(command, "commands", None)
    if not children:
        yield path, command
        return
    for name in sorted(children):
        if not children[name].hidden:
            yield from _walk(children[name], f"{path} {name}")


def _first_sentence(command: Any) -> str:
    text = " ".join((command.help or "").split())
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


def _metavar(argument: Any) -> str:
    name = argument.name.upper() + ("…" if _is_repeated(argument) else "")
    return name if argument.required else f"[{name}]"


def _is_repeated(parameter: Any) -> bool:
    return parameter.multiple or parameter.nargs == -1 or get_origin(parameter.type_descriptor.annotation) is list


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = f"`{_metavar(parameter)}`"
    else:
        name = ", ".join(f"`{o}`" for o in (*parameter.opts, *parameter.secondary_opts))
    meaning = " ".join((parameter.help or "").split())
    annotation = parameter.type_descriptor.annotation
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        choices = tuple(member.value for member in annotation)
    if choices:
        meaning += f" One of: {', '.join(map(str, choices))}."
    if parameter.param_type_name == "option" and _is_repeated(parameter) and "repeated" not in meaning:
        meaning += " May be repeated."
    if parameter.envvar:
        meaning += f" Environment: `{parameter.envvar}`."
    cells = (name, _default(parameter), meaning.strip())
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(parameter: Any) -> str:
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return f"`{shown}`"
    value = parameter.default
    if parameter.required:
        return "required"
    if callable(value) or value is None or value is False or value in ("", ()) or "Sentinel" in type(value).__name__:
        return ""
    return f"`{getattr(value, 'value', value)}`"
