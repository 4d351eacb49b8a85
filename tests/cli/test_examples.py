"""Every command shows an example, and every example is one that its command reads."""

from __future__ import annotations

import re
import shlex

import pytest
import typer

from basira.cli.examples import EXAMPLES
from basira.cli.program import app

PROGRAM = typer.main.get_command(app)


def commands(group=PROGRAM, above=()):
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from commands(one, (*above, name))
        else:
            yield (*above, name), one


def examples_of(command) -> list[str]:
    text = " ".join(f"{command.help or ''} {command.epilog or ''}".split())
    return re.findall(r"Example: basira (.+?)(?= {2}|$|(?<=\S) [A-Z][a-z]+ [a-z])", text)


def test_every_command_shows_an_example_and_no_example_is_left_over():
    known = {" ".join(path): examples_of(command) for path, command in commands()}
    assert [path for path, examples in known.items() if not examples] == []
    assert [path for path, examples in known.items() if not all(e.startswith(path) for e in examples)] == []
    shown = " | ".join(example for examples in known.values() for example in examples)
    assert [line for line in EXAMPLES.strip().splitlines() if line not in shown] == []


@pytest.mark.parametrize("line", EXAMPLES.strip().splitlines())
def test_an_example_is_one_that_its_command_reads(line):
    words, command = shlex.split(line), PROGRAM
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("basira", words, resilient_parsing=False)
