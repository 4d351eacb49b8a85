"""What is wrong with the words of a command, in the reader's language: an unknown option, a value that can't be read.

Enters: an error of the library that reads the command line. Leaves: a message and what to do. Never here: errors of
Basira (`render.error_texts`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import typer

from basira.cli.messages import messages

if TYPE_CHECKING:
    from basira.render.catalogs import Catalog

# All errors of this kind have it as their base; the library does not name it in public.
UsageFault: Any = typer.BadParameter.__mro__[1]
_LEAST = re.compile(r"greater than or equal to (\S+)")
_MOST = re.compile(r"less than or equal to (\S+)")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")


def say_usage(error: Any, language: str) -> tuple[str, str]:
    """What was expected and found, and where to look."""
    said = messages(language)
    command = error.ctx.command_path if error.ctx is not None else "basira"
    return _message(error, said), said.say("usage.hint", command=f"{command} --help")


def is_help(error: Any) -> bool:
    """Whether it is no error: a group named alone has shown its help."""
    return type(error).__name__ == "NoArgsIsHelpError"


def _message(error: Any, said: Catalog) -> str:
    kind = type(error).__name__
    if kind == "NoSuchOption":
        near = ", ".join(sorted(error.possibilities or ()))
        return (
            said.say("usage.option_near", option=error.option_name, near=near)
            if near
            else said.say("usage.option", option=error.option_name)
        )
    if kind == "MissingParameter":
        name = _name_of(error.param)
        is_argument = error.param is not None and error.param.param_type_name == "argument"
        return said.say("usage.missing_argument", name=name) if is_argument else said.say("usage.missing", name=name)
    if kind == "BadParameter":
        return _bad_value(error, said)
    named = _QUOTED.findall(error.message)
    if error.message.startswith("No such command"):
        near = ", ".join(named[1:])
        if near:
            return said.say("usage.command_near", command=named[0], near=near)
        return said.say("usage.command", command=named[0])
    if error.message.startswith("Got unexpected extra argument"):
        return said.say("usage.extra", words=error.message.rpartition("(")[2].rstrip(")."))
    if kind == "BadOptionUsage":
        return said.say("usage.no_value", name=error.option_name)
    # Of a kind that has no words here: as the library says it, in English.
    return said.say("usage.other", message=error.format_message())


def _bad_value(error: Any, said: Catalog) -> str:
    name, message = _name_of(error.param), str(error.message)
    if " is not one of " in message:
        found, *names = _QUOTED.findall(message)
        return said.say("usage.choice", name=name, names=", ".join(names), found=repr(found))
    if bound := _LEAST.search(message):
        return said.say("usage.at_least", name=name, least=bound[1])
    if bound := _MOST.search(message):
        return said.say("usage.at_most", name=name, most=bound[1])
    if "valid integer" in message or "valid number" in message:
        return said.say("usage.number", name=name)
    # Of a kind that has no words here: as the library says it, in English.
    return said.say("usage.value", name=name, message=message)


def _name_of(parameter: Any) -> str:
    """The longest option, or the argument in capitals."""
    if parameter is None:
        return "?"
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name).upper()
    return str(max(parameter.opts, key=len))
