"""Command lines that a command prints, to be copied as they are.

Enters: words of a command, the store that it works on. Leaves: a line for a POSIX shell. Never here: a placeholder.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from basira.cli.options import DEFAULT_STORE


def next_command(*words: object, store: Path | None = None) -> str:
    """`basira` and these words, quoted where the shell needs it; with --store unless the command takes it anyway.

    A relative path stays relative: the line is for the folder in which it is printed.

    >>> next_command("feedback", Path("results of May.csv"), "--mapping", Path("-m.toml"), store=Path("customs"))
    "basira feedback 'results of May.csv' --mapping ./-m.toml --store customs"
    """
    given = [_word(word) for word in words]
    # Where the variable is set, a line without --store works on the variable's store.
    if store is not None and (store != DEFAULT_STORE or "BASIRA_STORE" in os.environ):
        given += ["--store", _word(store)]
    return shlex.join(["basira", *given])


def _word(word: object) -> str:
    """A path that begins with a dash would be read as an option."""
    text = str(word)
    return f"./{text}" if isinstance(word, Path) and text.startswith("-") else text
