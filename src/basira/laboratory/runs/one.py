"""The process of one run: ``python -m basira.laboratory.runs.one FOLDER STRATEGY SEED MEMORY [PERIODS]``.

Enters: a folder of results with its plan, a strategy, a seed. Leaves: the run's files; an error of ours
as one line of JSON on standard error. Never here: other runs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from basira.schema.errors import BasiraError


def main(arguments: list[str]) -> int:
    """Run, and give the exit code."""
    from basira.laboratory.runs.loop import run_strategy
    from basira.laboratory.runs.many import read_plan, run_folder
    from basira.laboratory.strategies.registry import find_strategy

    out, name, seed, memory = Path(arguments[0]), arguments[1], int(arguments[2]), arguments[3]
    at_most = int(arguments[4]) if len(arguments) > 4 else None
    folder = run_folder(out, name, seed)
    try:
        run_strategy(read_plan(out), find_strategy(name), seed, folder, memory=memory, at_most=at_most)
    except BasiraError as error:
        about = {"code": error.code, "message": error.message_phrase.pack(), "hint": error.hint_phrase.pack()}
        print(json.dumps(about), file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
