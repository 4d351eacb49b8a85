"""The program as a person runs it, in this process: its exit code, what it prints and what it says of errors."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from basira.cli import main


@dataclass(frozen=True)
class Outcome:
    """``code``: exit code. ``out``, ``err``: standard output and error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON value, with nothing before or after and no NaN."""

        def refuse(name: str) -> None:
            raise ValueError(f"{name} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


@contextlib.contextmanager
def _arguments(*arguments: object) -> Iterator[None]:
    before = sys.argv
    sys.argv = ["basira", *(str(a) for a in arguments)]
    try:
        yield
    finally:
        sys.argv = before


def run(*arguments: object) -> Outcome:
    """Run `basira ARGUMENTS`."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with _arguments(*arguments), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Outcome(code, out.getvalue(), err.getvalue())


def ran(*arguments: object) -> Outcome:
    """Run it, and expect that it worked."""
    found = run(*arguments)
    assert found.code == 0, found.err
    return found


@dataclass(frozen=True)
class Walk:
    """A store to which commands have done everything: its folder, the targeted day, the recorded run."""

    store: Path
    world: Path
    day: str
    run_id: str
    declaration_id: str
    outcomes: dict[str, Outcome]
