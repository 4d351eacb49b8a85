"""The triggers of the revisions: a table that only grows, a head that only moves on.

Enters: a table's name and its unique keys. Leaves: statements in the dialect's own SQL. Never here: a change of what
a statement says: revisions already run have made it so; a new trigger is a new function.
"""

from __future__ import annotations

from collections.abc import Sequence

_FUNCTION = """
CREATE OR REPLACE FUNCTION basira_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'basira: % is append-only', TG_TABLE_NAME;
END $$
"""


def append_only(dialect: str, table: str, keys: Sequence[str]) -> list[str]:
    """Refuse UPDATE, DELETE and what amounts to them.

    ``keys``: a condition on NEW for each unique key of the table, for SQLite, where INSERT OR REPLACE deletes the old
    row without firing the trigger on DELETE: it is met at its own door.
    """
    if dialect == "sqlite":
        return [
            *(_refused_on_sqlite(table, verb) for verb in ("UPDATE", "DELETE")),
            _no_replace_on_sqlite(table, keys),
        ]
    return [
        _FUNCTION,
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION basira_refuse_change()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION basira_refuse_change()",
    ]


def only_onwards(dialect: str, table: str, keys: Sequence[str]) -> list[str]:
    """Refuse DELETE, and every UPDATE that does not raise `sequence`."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN NEW.sequence <= OLD.sequence "
            f"BEGIN {_refusal(table)}; END",
            _refused_on_sqlite(table, "DELETE"),
            _no_replace_on_sqlite(table, keys),
        ]
    return [
        f"CREATE TRIGGER {table}_no_return BEFORE UPDATE ON {table} FOR EACH ROW "
        "WHEN (NEW.sequence <= OLD.sequence) EXECUTE FUNCTION basira_refuse_change()",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION basira_refuse_change()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION basira_refuse_change()",
    ]


def _refusal(table: str) -> str:
    return f"SELECT RAISE(ABORT, 'basira: {table} is append-only')"


def _refused_on_sqlite(table: str, verb: str) -> str:
    return f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN {_refusal(table)}; END"


def _no_replace_on_sqlite(table: str, keys: Sequence[str]) -> str:
    exists = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {key})" for key in keys)
    return f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {exists} BEGIN {_refusal(table)}; END"
