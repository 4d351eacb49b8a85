"""The triggers of the revisions: a table that only grows, a head that only moves on, with its chain.

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


class _Chained(NamedTuple):
    """A stream's table. ``hash``: the column that the next row's `previous_hash` repeats. ``moment``: when a row was
    made. ``day``: of a row, as SQL. ``has_days_in_order``: the day never goes back."""

    table: str
    hash: str
    moment: str
    day: str
    has_days_in_order: bool


_STREAMS: Mapping[str, _Chained] = {
    "event": _Chained("event", "entry_hash", "recorded_at", "day", has_days_in_order=True),
    "audit": _Chained("audit_event", "entry_hash", "recorded_at", "day", has_days_in_order=True),
    "targeting": _Chained("targeting_run", "closing_hash", "created_at", "substr(created_at, 1, 10)", False),
}
_GENESIS = "0" * 64
# No clock on earth shows more than 14 hours after UTC, and moments have no zone; five minutes for a clock that differs.
_CLOCK = "clock_timestamp() AT TIME ZONE 'UTC' + interval '14 hours 5 minutes'"
_NOT_THE_END = "basira: chain_head is append-only, and a head names the last row of its stream"


def only_as_the_end(dialect: str, schema: str) -> list[str]:
    """Refuse a head that does not name the last row of its stream, with its day and hash, or when a row since the head
    before it does not follow the one before: the next sequence, its hash, a day that does not go back.

    On PostgreSQL also when a moment is later than the server's clock: see `_CLOCK`. SQLite has no clock but its
    machine's, which is the writer's. ``schema``: with its dot, in front of each table: a temporary one of the same name
    must not stand for it. One query for all the rows of a transaction: a trigger on each row made recording slower.
    """
    heads = f"{schema}chain_head"
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
                f"WHEN '{stream}' THEN ({_goes_on(dialect, schema, one, *place)})" for stream, one in _STREAMS.items()
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
        f"NEW.stream = '{stream}' THEN\n    is_end := ("
        f"{_goes_on(dialect, schema, one, 'from_sequence', 'from_hash', 'from_day')});"
        for stream, one in _STREAMS.items()
    )
    return [
        f"""
CREATE FUNCTION basira_chain_head_end() RETURNS trigger LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  from_sequence bigint := 0;
  from_hash text := '{_GENESIS}';
  from_day text := '';
  is_end boolean;
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
""",  # noqa: S608 - our own names
        f"CREATE TRIGGER chain_head_end BEFORE INSERT OR UPDATE ON {heads} "
        "FOR EACH ROW EXECUTE FUNCTION basira_chain_head_end()",
    ]


def _goes_on(dialect: str, schema: str, one: _Chained, sequence: str, hash_: str, day: str) -> str:
    """A query: whether NEW names the last row, and every row goes on from the one before, the first of them from the
    place that is given as SQL."""
    good = "previous_hash = hash_before"
    if one.has_days_in_order:
        later = "max" if dialect == "sqlite" else "greatest"
        good += f" AND day = {later}(substr(moment, 1, 10), day_before)"
    if dialect == "postgresql":
        good += f" AND moment::timestamp <= {_CLOCK}"
    named = "sequence = NEW.sequence AND hash = NEW.head_hash AND day = NEW.day"
    columns = f"sequence, previous_hash, {one.moment} AS moment, {one.hash} AS hash, {one.day} AS day"
    before = (
        f"lag(CAST({one.hash} AS text), 1, {hash_}) OVER (ORDER BY sequence) AS hash_before, "
        f"lag(CAST({one.day} AS text), 1, {day}) OVER (ORDER BY sequence) AS day_before"
    )
    rows = f"SELECT {columns}, {before} FROM {schema}{one.table} WHERE sequence > {sequence}"  # noqa: S608
    if dialect == "postgresql":
        # It says nothing new, and lets the plan that is made once look for few rows.
        rows += " AND sequence <= NEW.sequence"
    count = f"NEW.sequence - {sequence}"
    return (
        f"SELECT count(*) = {count} AND sum(CASE WHEN {good} THEN 1 ELSE 0 END) = {count} "  # noqa: S608
        f"AND sum(CASE WHEN {named} THEN 1 ELSE 0 END) = 1 "
        f"AND max(sequence) = (SELECT max(sequence) FROM {schema}{one.table}) FROM ({rows}) AS linked"
    )


def _refusal(table: str) -> str:
    return f"SELECT RAISE(ABORT, 'basira: {table} is append-only')"


def _refused_on_sqlite(table: str, verb: str) -> str:
    return f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN {_refusal(table)}; END"


def _no_replace_on_sqlite(table: str, keys: Sequence[str]) -> str:
    exists = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {key})" for key in keys)  # noqa: S608 - our own names
    return f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {exists} BEGIN {_refusal(table)}; END"
