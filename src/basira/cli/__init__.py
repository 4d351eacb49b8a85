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
    import typer
    from typer.main import get_command

    from basira.cli.help_texts import asks_for_help, language_asked, say_help
    from basira.cli.messages import begin_reading, messages, reader_language, say_error, system_language
    from basira.cli.program import app
    from basira.cli.usage_errors import UsageFault, is_help, say_usage

    arguments = sys.argv[1:]
    begin_reading(language_asked(arguments, system_language(os.environ)))
    try:
        command = get_command(app)
        if asks_for_help(arguments):
            say_help(command, reader_language())
        code = command(standalone_mode=False)
        # What a command ended with, when it is not 0.
        sys.exit(code if isinstance(code, int) else 0)
    except UsageFault as error:
        if not is_help(error):
            message, hint = say_usage(error, reader_language())
            say_line(f"usage: {message}\n  → {hint}", err=True)
        sys.exit(error.exit_code)
    except typer.Abort:
        say_line(messages(reader_language()).say("usage.stopped"), err=True)
        sys.exit(1)
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
