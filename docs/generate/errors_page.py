"""docs/reference/errors.md, from the error family.

Enters: `ALL_ERRORS`. Leaves: Markdown. Never here: an error of its own.
"""

from __future__ import annotations

from basira.schema.errors import ALL_ERRORS


def errors_page() -> str:
    """docs/reference/errors.md."""
    lines = [
        "# Errors and exit codes",
        "",
        "Made from `src/basira/schema/errors.py` by `make docs`; a test keeps it current.",
        "A bad *row* is no error: it goes to [quarantine](quarantine.md). These are for a file, mapping, store, policy "
        "or model as a whole. The message says what was expected and found, the hint what to do. Codes are stable.",
        "",
        "Commands say both in French, Arabic or English, by `--language`, `BASIRA_LANGUAGE` or the machine's locale. "
        "Logs, the HTTP API and the interface in Python have them in English. A translation stands in "
        "`src/basira/render/locale/errors` under the English text; that of a faulty rule in `src/basira/rules/locale`.",
        "",
        "| code | exit code | class | when |",
        "|---|---|---|---|",
    ]
    for error in ALL_ERRORS:
        meaning = " ".join((error.__doc__ or "").split("\n\n")[0].split())
        lines.append(f"| `{error.code}` | {error.exit_code} | `{error.__name__}` | {meaning} |")
    lines += [
        "",
        "A command that was interrupted (Ctrl-C) exits with 130; one that did its work, with 0. Exit code 70 is a "
        "fault of Basira itself: the trace on standard error is what to report. 11 is that of `basira history sync` "
        "when it did its work, and rejected something that the service had acknowledged; and of `basira audit where` "
        "when the value stands somewhere.",
    ]
    return "\n".join(lines) + "\n"
