"""docs/reference/quarantine.md, from the reasons for which a row is rejected.

Enters: `REASONS`. Leaves: Markdown. Never here: a reason of its own.
"""

from __future__ import annotations

from basira.ingest.rows.faults import REASONS


def quarantine_page() -> str:
    """docs/reference/quarantine.md."""
    lines = [
        "# Quarantine: why a row was rejected",
        "",
        "Made from `src/basira/ingest/rows/faults.py` by `make docs`; a test keeps it current.",
        "",
        "Every row of a source ends in one of three ways: accepted, already known (identical to one of the file or of "
        "the store), or quarantined. The three add up to the file's rows. A rejected row stands in quarantine once, "
        "with its first reason (`field`, `code`, `value`, `expected`) and the others after it in `expected`. "
        "Its text is kept in full, in the words of the source.",
        "",
        "- `basira quarantine list [--code C] [--file F]` shows them;",
        "- `basira quarantine export --out refused.xlsx` writes them to a workbook of text cells"
        " (a name ending in `.csv`: CSV), to be corrected in a spreadsheet;",
        "- `basira quarantine retry --corrected refused.xlsx` sends the corrected rows again; one that"
        " changes a declaration's or an item's number needs `--allow-new-identifiers`, or a yes when asked;",
        "- `basira quarantine retry --mapping better.toml` judges them by a better mapping;",
        "- `basira quarantine retry` sends them as they are, after a missing declaration came in.",
        "",
        "A row leaves the quarantine when it is accepted, or turns out to be known. It is never deleted.",
        "",
        "| code | meaning, and what to do |",
        "|---|---|",
    ]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in REASONS.items()]
    return "\n".join(lines) + "\n"
