"""Where a text names a value: as whole words, however the text is written.

Enters: a value (an identifier, a name). Leaves: what finds it in a column, a text, the bytes of a file. Never here: a
value that is kept.

As whole words: ICE-1 is not in ICE-10, so that to erase one firm never erases another. Capitals count. A text that
is in JSON may have the value behind an escape (``\\nALAMI``): that begins a word too.
"""

from __future__ import annotations

import json
import re

import sqlalchemy as sa

from basira.schema.errors import UsageError

_SHORTEST = 3


def require_value(value: str) -> str:
    """The value without spaces around it. Raises UsageError when it is too short to mean one person."""
    found = value.strip()
    if len(found) < _SHORTEST:
        raise UsageError(
            "Expected the value to look for, of at least {shortest} characters, found {found_count}.",
            hint="Type it when it is asked for, or give it on the first line of standard input.",
            shortest=_SHORTEST,
            found_count=len(found),
        )
    return found


def forms(value: str) -> tuple[str, ...]:
    """The value as texts hold it: as it is, in JSON, in JSON of ASCII characters alone; each once."""
    return tuple(dict.fromkeys((value, json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(value)[1:-1])))


def names(column: sa.ColumnElement[str], value: str) -> sa.ColumnElement[bool]:
    """Whether a text of a column names the value."""
    # LIKE is quick and, on SQLite, blind to capitals; the pattern is slow and exact.
    return sa.or_(
        *(
            sa.and_(column.contains(form, autoescape=True), column.regexp_match(_pattern(form, r"\W")))
            for form in forms(value)
        )
    )


def pattern_of(value: str) -> re.Pattern[str]:
    """What finds the value in a text, whatever its form."""
    return re.compile("|".join(_pattern(form, r"\W") for form in forms(value)))


def arrow_pattern(form: str) -> str:
    """The same for Arrow, whose \\w knows no letters but those of ASCII."""
    return _pattern(form, r"[^\pL\pN_]")


def _pattern(form: str, between: str) -> str:
    escape = r"\\[bfnrt]|\\u[0-9a-f]{4}"
    before = rf"(^|{between}|{escape})" if form[0].isalnum() else ""
    after = rf"({between}|$)" if form[-1].isalnum() else ""
    return f"{before}{re.escape(form)}{after}"


def count_in(content: bytes, value: str) -> int:
    """How often the value occurs in bytes, as UTF-8, part of a longer word or not."""
    return sum(content.count(form.encode()) for form in forms(value))
