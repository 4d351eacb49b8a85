"""A suggestion as the text of a mapping, with its doubts as comments.

Enters: a `Suggestion`. Leaves: TOML. Never here: a value that TOML can't hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from basira.ingest.suggest.doubts import Doubt
from basira.ingest.suggest.propose import SuggestedField, Suggestion
from basira.schema.codes import DEFAULT_CURRENCY

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def suggestion_toml(suggestion: Suggestion) -> str:
    """The text of a mapping file."""
    name = re.sub(r"[^a-z0-9]+", "-", PurePath(suggestion.file_name).stem.lower()).strip("-") or "source"
    lines = [
        f"# Proposed by 'basira mapping suggest' from {suggestion.file_name}, {suggestion.sample_rows} rows seen.",
        "# The number after each field is the confidence, 0 to 1. Check the low ones, correct, and try it with",
        "# 'basira mapping check'.",
        "version = 1",
        f"name = {_value(name)}",
        "",
        "[source]",
        *(f"{key} = {_value(value)}" for key, value in suggestion.source.items()),
    ]
    lines += [f"# {note}" for note in suggestion.notes]
    if suggestion.constants:
        lines += ["", "[constants]", f"# {suggestion.constants_from}"]
        lines += [f"{key} = {_value(value)}" for key, value in suggestion.constants.items()]
    if suggestion.other_currencies:
        named = ", ".join(suggestion.other_currencies)
        lines += [
            "",
            f"# Named: {named}. To have such amounts converted by a table of dated rates (columns currency, date,",
            f"# rate to {DEFAULT_CURRENCY}), write it beside this file and take the next lines in.",
            "# [rates]",
            '# file = "rates.csv"',
            f'# currency = "{DEFAULT_CURRENCY}"',
            "# most_days = 7",
        ]
    for section in ("fields", "outcome"):
        entries = [entry for entry in suggestion.fields if entry.section == section]
        absent = suggestion.missing if (section == "outcome") == suggestion.is_results_only else ()
        kinds = suggestion.kinds if section == "outcome" else None
        if not entries and not absent and kinds is None:
            continue
        lines += ["", f"[{section}]"]
        lines += [f'# {field} = "..."  # required, and no column was found for it' for field in absent]
        if section == "outcome" and not suggestion.is_results_only and not any(e.field == "known_at" for e in entries):
            lines += [
                "# No column says when a result became known: the day of the declaration is assumed.",
                "known_after_days = 0",
            ]
        for entry in entries:
            lines.append(_line(entry))
        if kinds is not None:
            lines += [f"kinds = {_value({'column': kinds[0], 'values': kinds[1]})}"]
    if suggestion.extra:
        lines += ["", "[extra]", "# Columns that the schema does not name, with few values: kept as text."]
        lines += [f"{key} = {_value(column)}" for key, column in suggestion.extra.items()]
    if suggestion.unmapped:
        lines += ["", "# Columns left out:"]
        lines += [
            f"# {_value(column)}{': ' + suggestion.left_out[column] if column in suggestion.left_out else ''}"
            for column in suggestion.unmapped
        ]
    if suggestion.doubts:
        lines += [
            "",
            "[doubts]",
            "# Nothing is taken in while a line stands here. Decide it above, beside the field, then remove the line.",
        ]
        for subject, doubts in _by_subject(suggestion.doubts).items():
            lines += [f"# {choice}" for doubt in doubts for choice in doubt.choices]
            lines.append(f"{subject} = {_value(' '.join(doubt.text() for doubt in doubts))}")
    return "\n".join(lines) + "\n"


def _by_subject(doubts: Sequence[Doubt]) -> dict[str, list[Doubt]]:
    found: dict[str, list[Doubt]] = {}
    for doubt in doubts:
        found.setdefault(doubt.subject, []).append(doubt)
    return found


def _line(entry: SuggestedField) -> str:
    notes = "".join(f"; {note}" for note in entry.notes)
    named = {} if "columns" in entry.options else {"column": entry.column}
    value = _value({**named, **entry.options} if entry.options else entry.column)
    return f"{entry.field} = {value}  # {entry.confidence:.2f}{notes}"


def _value(value: object) -> str:
    """A TOML value on one line.

    >>> _value({"column": "N° DUM", "digits": [8, 10], "percent": True})
    '{ column = "N° DUM", digits = [8, 10], percent = true }'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(str(key))} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(inner) for inner in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() or c == " " else f"\\u{ord(c):04x}" for c in text) + '"'


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else _value(text)
