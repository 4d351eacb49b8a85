"""The triggers of the revisions: a table that only grows, a head that only moves on, with its chain.

Enters: a table's name and its unique keys. Leaves: statements in the dialect's own SQL. Never here: a change of what a
statement says: revisions already run have made it so; a new trigger is a new function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from basira.schema.sql import quote_identifier

_FUNCTION = """
CREATE OR REPLACE FUNCTION basira_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'basira: % is append-only', TG_TABLE_NAME;
END $$
"""


def append_only(dialect: str, table: str, keys: Sequence[str]) -> list[str]:
    """Reject UPDATE, DELETE and what amounts to them.

    ``keys``: a condition on NEW for each unique key of the table, for SQLite, where INSERT OR REPLACE deletes the old
    row without firing the trigger on DELETE: it is met at its own door.
    """
    if dialect == "sqlite":
        return [
            *(_rejection_on_sqlite(table, verb) for verb in ("UPDATE", "DELETE")),
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
    """Reject DELETE, and every UPDATE that does not raise `sequence`."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN NEW.sequence <= OLD.sequence "
            f"BEGIN {_rejection(table)}; END",
            _rejection_on_sqlite(table, "DELETE"),
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


class _Chained(NamedTuple):
    """A stream's table. ``hash``: the column that the next row's `previous_hash` repeats. ``moment``: when a row was
    made. ``day``: of the row `last`, as SQL. ``has_days_in_order``: the day never goes back."""

    table: str
    hash: str
    moment: str
    day: str
    has_days_in_order: bool


_STREAMS: Mapping[str, _Chained] = {
    "event": _Chained("event", "entry_hash", "recorded_at", "last.day", has_days_in_order=True),
    "audit": _Chained("audit_event", "entry_hash", "recorded_at", "last.day", has_days_in_order=True),
    "targeting": _Chained("targeting_run", "closing_hash", "created_at", "substr(last.created_at, 1, 10)", False),
}
_GENESIS = "0" * 64
# No clock on earth shows more than 14 hours after UTC, and moments have no zone; five minutes for a clock that differs.
_CLOCK = "clock_timestamp() AT TIME ZONE 'UTC' + interval '14 hours 5 minutes'"
_NOT_THE_END = "basira: chain_head is append-only, and a head names the last row of its stream"


def only_as_the_end(dialect: str, schema: str) -> list[str]:
    """Reject a head that does not name the last row of its stream, with its day and hash; when the first row after the
    head before does not follow it; when the day is not that of the row's moment, nor of the head before if that is
    later.

    On PostgreSQL also when the moment is later than the server's clock: see `_CLOCK`. SQLite has no clock but its
    machine's, which is the writer's. ``schema``: that of every table, "" for SQLite's only one: a temporary table of
    the same name must not stand for it. Two look-ups for all the rows of a transaction: a check of each made recording
    slower by a tenth. The proof checks each.
    """
    heads = _in_schema(schema, "chain_head")
    if dialect == "sqlite":
        last = "FROM chain_head WHERE stream = NEW.stream ORDER BY sequence DESC LIMIT 1"
        before = {
            "INSERT": (
                f"coalesce((SELECT sequence {last}), 0)",
                f"coalesce((SELECT head_hash {last}), '{_GENESIS}')",
                f"coalesce((SELECT day {last}), '')",
            ),
            "UPDATE": ("OLD.sequence", "OLD.head_hash", "OLD.day"),
        }
        found = []
        for verb, place in before.items():
            cases = " ".join(
                f"WHEN '{stream}' THEN EXISTS ({_goes_on(dialect, schema, one, *place)})"
                for stream, one in _STREAMS.items()
            )
            is_same = "1" if verb == "INSERT" else "OLD.stream = NEW.stream AND OLD.day = NEW.day"
            found.append(
                f"CREATE TRIGGER chain_head_end_{verb.lower()} BEFORE {verb} ON chain_head "
                f"WHEN NOT ({is_same} AND coalesce(CASE NEW.stream {cases} END, 0)) "
                f"BEGIN SELECT RAISE(ABORT, '{_NOT_THE_END}'); END"
            )
        return found
    # A statement for each stream: a role needs no right to read the others.
    cases = "\n  ELSIF ".join(
        f"NEW.stream = '{stream}' THEN\n    is_end := EXISTS ("
        f"{_goes_on(dialect, schema, one, 'from_sequence', 'from_hash', 'from_day')});"
        for stream, one in _STREAMS.items()
    )
    return [
        f"""
CREATE FUNCTION basira_chain_head_end() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  from_sequence bigint := 0;
  from_hash text := '{_GENESIS}';
  from_day text := '';
  is_end boolean := false;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (OLD.stream, OLD.day) IS DISTINCT FROM (NEW.stream, NEW.day) THEN
      RAISE EXCEPTION '{_NOT_THE_END}';
    END IF;
    from_sequence := OLD.sequence;
    from_hash := OLD.head_hash;
    from_day := OLD.day;
  ELSE
    SELECT h.sequence, h.head_hash, h.day INTO from_sequence, from_hash, from_day
      FROM {heads} h WHERE h.stream = NEW.stream ORDER BY h.sequence DESC LIMIT 1;
    IF NOT FOUND THEN
      from_sequence := 0;
      from_hash := '{_GENESIS}';
      from_day := '';
    END IF;
  END IF;
  IF {cases}
  END IF;
  IF is_end THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '{_NOT_THE_END}';
END $$
""",
        f"CREATE TRIGGER chain_head_end BEFORE INSERT OR UPDATE ON {heads} "
        "FOR EACH ROW EXECUTE FUNCTION basira_chain_head_end()",
    ]


def _goes_on(dialect: str, schema: str, one: _Chained, sequence: str, hash_: str, day: str) -> str:
    """A query that gives a row when NEW names the last one, and the rows since the head before (its sequence, hash and
    day as SQL) go on from there."""
    table = _in_schema(schema, one.table)
    is_end = [
        "last.sequence = NEW.sequence",
        f"last.sequence = (SELECT max(sequence) FROM {table})",
        f"last.{one.hash} = NEW.head_hash",
        f"{one.day} = NEW.day",
        f"first.previous_hash = {hash_}",
    ]
    if one.has_days_in_order:
        later = "max" if dialect == "sqlite" else "greatest"
        is_end.append(f"NEW.day = {later}(substr(last.{one.moment}, 1, 10), {day})")
    if dialect == "postgresql":
        is_end.append(f"last.{one.moment}::timestamp <= {_CLOCK}")
    return (
        f"SELECT 1 FROM {table} AS last JOIN {table} AS first ON first.sequence = {sequence} + 1 "
        f"WHERE {' AND '.join(is_end)}"
    )


def _in_schema(schema: str, table: str) -> str:
    return f"{quote_identifier(schema)}.{quote_identifier(table)}" if schema else quote_identifier(table)


def _rejection(table: str) -> str:
    return f"SELECT RAISE(ABORT, 'basira: {table} is append-only')"


def _rejection_on_sqlite(table: str, verb: str) -> str:
    return f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN {_rejection(table)}; END"


def _no_replace_on_sqlite(table: str, keys: Sequence[str]) -> str:
    exists = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {key})" for key in keys)
    return f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {exists} BEGIN {_rejection(table)}; END"
