"""A name or a text, written into SQL so that it stays one.

Enters: a name of a column or table, a text for which no parameter is possible. Leaves: the SQL that stands for it.
Never here: a value of a declaration (those are parameters), a statement.

Double quotes and doubled single quotes are the standard's; DuckDB, PostgreSQL and SQLite read them alike. A test of the
house finds SQL that is made of anything else than these two, constants and names of our own.
"""

from __future__ import annotations

from basira.schema.errors import UsageError


def quote_identifier(name: str) -> str:
    """A name as an identifier.

    >>> quote_identifier('x_lot'), quote_identifier('a"; drop table items; --')
    ('"x_lot"', '"a""; drop table items; --"')
    """
    return '"' + _without_end(name).replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """A text as a literal, where a statement takes no parameter: the path of a file in a view, a view's constant.

    >>> quote_literal("l'entrepôt")
    "'l''entrepôt'"
    """
    return "'" + _without_end(text).replace("'", "''") + "'"


def _without_end(text: str) -> str:
    if not text or "\x00" in text:  # ends the statement for an engine that is written in C
        raise UsageError(
            "Expected a name or a text for a statement, found {text!r}.",
            hint="Leave out the character NUL.",
            text=text,
        )
    return text
