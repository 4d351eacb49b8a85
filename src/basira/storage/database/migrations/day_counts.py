"""What keeps `day_count` in step with `declaration_status`: SQL of both databases.

Enters: a dialect, a schema. Leaves: triggers on the statuses, and the same rows counted from all of them. Never here: a
change of what a statement says: revisions already run have made it so; a new one is a new function. A sum of money:
what is added to one and taken away again leaves a remainder.

The table holds nothing of its own. It says how many declarations of a day are alike, so that the figures of years cost
no more than their days.
"""

from __future__ import annotations

from basira.schema.sql import quote_identifier

# In the order of the table; all but the last one are its key.
DAY_COUNT_COLUMNS = (
    "day",
    "office",
    "lane",
    "source",
    "inspects",
    "is_inspected",
    "result_source",
    "result",
    "declarations",
)
_KEY = DAY_COUNT_COLUMNS[:-1]


def day_count_triggers(dialect: str, schema: str) -> list[str]:
    """A trigger for a new status and one for a changed one. ``schema``: of every table, "" for SQLite's only one.

    On PostgreSQL they fire for a replica's writer too: no row may come without them.
    """
    counts, status = _in(schema, "day_count"), _in(schema, "declaration_status")
    values = ", ".join(_value(name, "NEW") for name in _KEY)
    add = (
        f"INSERT INTO {counts} ({', '.join(DAY_COUNT_COLUMNS)}) SELECT {values}, 1 WHERE NOT NEW.is_cancelled "
        f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET declarations = day_count.declarations + 1"
    )
    of_old = " AND ".join(f"{name} = {_value(name, 'OLD')}" for name in _KEY)
    take = f"UPDATE {counts} SET declarations = declarations - 1 WHERE NOT OLD.is_cancelled AND {of_old}"
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER status_counts AFTER INSERT ON declaration_status BEGIN {add}; END",
            f"CREATE TRIGGER status_moves AFTER UPDATE ON declaration_status BEGIN {take}; {add}; END",
        ]
    return [
        f"""
CREATE OR REPLACE FUNCTION basira_keep_day_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN {take}; END IF;
  {add};
  RETURN NULL;
END $$
""",
        f"CREATE TRIGGER status_day_count AFTER INSERT OR UPDATE ON {status} "
        "FOR EACH ROW EXECUTE FUNCTION basira_keep_day_count()",
        f"ALTER TABLE {status} ENABLE ALWAYS TRIGGER status_day_count",
    ]


def expected_day_counts(schema: str = "") -> str:
    """The rows of `day_count`, counted from `declaration_status`."""
    of = ", ".join(f"{_value(name, 's')} AS {name}" for name in _KEY)
    groups = ", ".join(_value(name, "s") for name in _KEY)
    return (
        f"SELECT {of}, count(*) AS declarations FROM {_in(schema, 'declaration_status')} AS s "
        f"WHERE NOT s.is_cancelled GROUP BY {groups}"
    )


def day_count_faults(schema: str = "") -> tuple[str, str]:
    """The queries of a day whose counts are not those of its statuses (at most one): one where some are missing, one
    where there are others."""
    kept = f"SELECT {', '.join(DAY_COUNT_COLUMNS)} FROM {_in(schema, 'day_count')} WHERE declarations <> 0"
    expected = expected_day_counts(schema)
    return (
        f"SELECT x.day FROM ({expected} EXCEPT {kept}) AS x LIMIT 1",
        f"SELECT x.day FROM ({kept} EXCEPT {expected}) AS x LIMIT 1",
    )


def _value(name: str, row: str) -> str:
    """Of a row of `declaration_status`, the value of a column of the key. None stands as "": a key has no nulls."""
    if name == "day":
        return f"substr({row}.given_at, 1, 10)"
    if name == "source":
        return f"CASE WHEN {row}.is_reselected THEN 'officer' ELSE {row}.basis END"
    if name == "result_source":
        return f"coalesce({row}.result_source, '')"
    if name == "result":
        return (
            f"CASE WHEN {row}.is_irregular IS NULL THEN '' WHEN {row}.is_irregular THEN 'irregular' "
            "ELSE 'compliant' END"
        )
    return f"{row}.{quote_identifier(name)}"


def _in(schema: str, table: str) -> str:
    return f"{quote_identifier(schema)}.{quote_identifier(table)}" if schema else quote_identifier(table)
