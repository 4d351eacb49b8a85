"""The command line: parse, call a workflow, show. `main` is the program `basira`.

Enters: arguments. Leaves: text, files, an exit code (docs/reference/errors.md). Never here: a decision
about a declaration. Heavy libraries are imported by the commands that need them.
"""

from __future__ import annotations

import os
import sys
import traceback

from basira.render.shown import say_line
from basira.schema.errors import BasiraError

INTERNAL = 70  # a fault of ours, as sysexits.h numbers it


def main() -> None:
    """Run the program and leave with its exit code."""
    # OpenMP threads that spin while they wait starve a machine with few cores when two processes share it.
    # Must be set before the booster is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from basira.cli.messages import begin_reading, reader_language, say_error, system_language
    from basira.cli.program import app

    begin_reading(system_language(os.environ))
    try:
        app()
    except BasiraError as error:
        message, hint = say_error(error, reader_language())
        say_line(f"{error.code}: {message}\n  → {hint}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception:
        traceback.print_exc()
        print("internal: a fault of Basira, not of your data; please report it with the lines above.", file=sys.stderr)
        sys.exit(INTERNAL)
