"""The triggers of the revisions: a table that only grows, rows that follow one another, a head that only moves on.

Enters: a table's name, its unique keys or its chain. Leaves: statements in the dialect's own SQL. Never here: a change of what
a statement says: revisions already run have made it so; a new trigger is a new function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

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


class Chained(NamedTuple):
    """A stream's table. ``hash``: the column that the next row's `previous_hash` repeats. ``moment``: when a row was
    made. ``day``: of a row, as SQL behind its name. ``has_day``: the day is a column, which never goes back."""

    table: str
    hash: str
    moment: str
    day: str
    has_day: bool


HEADED: Mapping[str, Chained] = {
    "event": Chained("event", "entry_hash", "recorded_at", "day", has_day=True),
    "audit": Chained("audit_event", "entry_hash", "recorded_at", "day", has_day=True),
    "targeting": Chained("targeting_run", "closing_hash", "created_at", "substr(created_at, 1, 10)", has_day=False),
}
_GENESIS = "0" * 64
# No clock on earth shows more than 14 hours after UTC, and moments have no zone; five minutes for a clock that differs.
_AHEAD = "14 hours 5 minutes"


def in_chain(dialect: str, schema: str, one: Chained) -> list[str]:
    """Refuse a row that does not follow the last one: the next sequence, its hash, a day that does not go back.

    On PostgreSQL also one whose moment is later than the server's clock: see `_AHEAD`. SQLite has no clock but its
    machine's, which is the writer's.
    """
    name, table = f"{one.table}_in_chain", f"{schema}{one.table}"
    if dialect == "sqlite":
        last = f"FROM {table} ORDER BY sequence DESC LIMIT 1"
        follows = [
            f"NEW.sequence IS coalesce((SELECT sequence {last}), 0) + 1",
            f"NEW.previous_hash IS coalesce((SELECT {one.hash} {last}), '{_GENESIS}')",
        ]
        if one.has_day:
            follows.append(f"NEW.day IS max(substr(NEW.{one.moment}, 1, 10), coalesce((SELECT day {last}), ''))")
        return [
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN NOT ({' AND '.join(follows)}) "
            f"BEGIN SELECT RAISE(ABORT, 'basira: {one.table} is append-only, and a row follows the last one'); END"
        ]
    day = f"greatest(left(NEW.{one.moment}, 10) COLLATE \"C\", last.day)"
    wrong_day = f" OR NEW.day IS DISTINCT FROM {day}" if one.has_day else ""
    return [
        f"""
CREATE FUNCTION basira_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last record;
BEGIN
  SELECT sequence, {one.hash} AS hash, {one.day} AS day INTO last FROM {table} ORDER BY sequence DESC LIMIT 1;
  IF NEW.sequence IS DISTINCT FROM coalesce(last.sequence, 0) + 1
    OR NEW.previous_hash IS DISTINCT FROM coalesce(last.hash, '{_GENESIS}'){wrong_day} THEN
    RAISE EXCEPTION 'basira: % is append-only, and a row follows the last one', TG_TABLE_NAME;
  END IF;
  IF NEW.{one.moment}::timestamp > clock_timestamp() AT TIME ZONE 'UTC' + interval '{_AHEAD}' THEN
    RAISE EXCEPTION 'basira: % takes no row later than the clock of the server', TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$
""",
        f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION basira_{name}()",
    ]


def only_as_the_end(dialect: str, schema: str) -> list[str]:
    """Refuse a head that does not name the last row of its stream, with its day and hash; and a new one while another
    head names that row or a later one, which is then cut off."""
    heads = f"{schema}chain_head"
    later = f"SELECT 1 FROM {heads} WHERE stream = NEW.stream AND sequence >= NEW.sequence"  # noqa: S608
    is_moved = "OLD.stream = NEW.stream AND OLD.day = NEW.day"
    said = "basira: chain_head is append-only, and a head names the last row of its stream"
    if dialect == "sqlite":
        ends = " ".join(
            f"WHEN '{stream}' THEN EXISTS (SELECT 1 FROM {one.table} WHERE sequence = NEW.sequence "  # noqa: S608
            f"AND {one.day} = NEW.day AND {one.hash} = NEW.head_hash "
            f"AND sequence = (SELECT max(sequence) FROM {one.table}))"
            for stream, one in HEADED.items()
        )
        return [
            f"CREATE TRIGGER chain_head_end_{verb.lower()} BEFORE {verb} ON {heads} "
            f"WHEN NOT (CASE NEW.stream {ends} ELSE 0 END AND {rest}) BEGIN SELECT RAISE(ABORT, '{said}'); END"
            for verb, rest in (("INSERT", f"NOT EXISTS ({later})"), ("UPDATE", is_moved))
        ]
    # A statement for each stream: a role needs no right to read the others.
    ends = "\n  ELSIF ".join(
        f"NEW.stream = '{stream}' THEN\n    SELECT {one.day}, sequence, {one.hash} INTO last_day, last_sequence, "  # noqa: S608
        f"last_hash\n      FROM {schema}{one.table} ORDER BY sequence DESC LIMIT 1;"
        for stream, one in HEADED.items()
    )
    return [
        f"""
CREATE FUNCTION basira_chain_head_end() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last_day text;
  last_sequence bigint;
  last_hash text;
BEGIN
  IF {ends}
  END IF;
  IF (NEW.day, NEW.sequence, NEW.head_hash) IS NOT DISTINCT FROM (last_day, last_sequence, last_hash) THEN
    IF TG_OP = 'INSERT' AND NOT EXISTS ({later}) THEN
      RETURN NEW;
    ELSIF TG_OP = 'UPDATE' AND {is_moved} THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION '{said}';
END $$
""",
        f"CREATE TRIGGER chain_head_end BEFORE INSERT OR UPDATE ON {heads} "
        "FOR EACH ROW EXECUTE FUNCTION basira_chain_head_end()",
    ]


def _refusal(table: str) -> str:
    return f"SELECT RAISE(ABORT, 'basira: {table} is append-only')"


def _refused_on_sqlite(table: str, verb: str) -> str:
    return f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN {_refusal(table)}; END"


def _no_replace_on_sqlite(table: str, keys: Sequence[str]) -> str:
    exists = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {key})" for key in keys)  # noqa: S608 - our own names
    return f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {exists} BEGIN {_refusal(table)}; END"
