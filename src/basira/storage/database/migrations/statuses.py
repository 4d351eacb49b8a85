"""What keeps `declaration_status` and `item_result` in step with the events: SQL of both databases.

Enters: a dialect, a schema. Leaves: triggers on new events, and the same rows worked out of all the events that there
are. Never here: a change of what a statement says: revisions already run have made it so; a new one is a new function.

The two tables hold nothing of their own. They say where each declaration is now, which the events say too, but only to
a reader of every one of them.
"""

from __future__ import annotations

from basira.schema.sql import quote_identifier

# In the order of the tables.
STATUS_COLUMNS = (
    "declaration_id",
    "office",
    "lane",
    "event_id",
    "sequence",
    "given_at",
    "basis",
    "is_reselected",
    "inclusion_probability",
    "inspects",
    "is_inspected",
    "is_cancelled",
    "expected_revenue",
    "inspected_at",
    "is_irregular",
    "found_revenue",
    "result_source",
)
RESULT_COLUMNS = ("declaration_id", "item_number", "sequence", "is_inspected", "is_irregular", "found_revenue")


def status_triggers(dialect: str, schema: str) -> list[str]:
    """A trigger for what gives a lane, one for a cancellation, one for a result. ``schema``: of every table, "" for
    SQLite's only one. On PostgreSQL they fire for a replica's writer too: no row may come without them."""
    event, status, result = (_in(schema, name) for name in ("event", "declaration_status", "item_result"))
    # A decision's payload is long, and each look into it reads it all: it is read once.
    if dialect == "sqlite":
        payload, of_decision = "NEW.payload", "p.parts"
        basis, chance, inspects, worth = "0", "1", "2", "3"
        source = "(SELECT json_extract(NEW.payload, '$.basis', '$.inclusion_probability', '$.inspects', "
        source += (
            "'$.expected_revenue') AS parts LIMIT 1) AS p WHERE true"  # LIMIT: or it is put in wherever it is used
        )
    else:
        payload, of_decision = "content", "content"
        basis, chance, inspects, worth = "basis", "inclusion_probability", "inspects", "expected_revenue"
        source = "(SELECT 1) AS p WHERE true"
    came = _is_not_false(dialect, payload, "is_inspected")
    lane = f"""
INSERT INTO {status} ({", ".join(STATUS_COLUMNS)})
SELECT NEW.declaration_id, NEW.office, NEW.lane, NEW.event_id, NEW.sequence, NEW.recorded_at,
  coalesce({_text(dialect, of_decision, basis)}, 'none'), NEW.kind = 'reselection',
  {_number(dialect, of_decision, chance)}, {_is_true(dialect, of_decision, inspects)},
  {_no(dialect)}, {_no(dialect)},
  CASE WHEN NEW.kind = 'reselection'
    THEN (SELECT {_number(dialect, "d.payload", "expected_revenue")} FROM {event} AS d
      WHERE d.event_id = NEW.decision_id)
    ELSE {_number(dialect, of_decision, worth)} END,
  NULL,
  (SELECT {_any(dialect, "r.is_irregular")} FROM {result} AS r
    WHERE r.declaration_id = NEW.declaration_id AND r.is_inspected),
  (SELECT sum(r.found_revenue) FROM {result} AS r WHERE r.declaration_id = NEW.declaration_id AND r.is_inspected),
  NULL
FROM {source}
ON CONFLICT (declaration_id) DO UPDATE SET
  office = excluded.office, lane = excluded.lane, event_id = excluded.event_id, sequence = excluded.sequence,
  given_at = excluded.given_at, basis = excluded.basis, is_reselected = excluded.is_reselected,
  inclusion_probability = excluded.inclusion_probability, inspects = excluded.inspects, is_inspected = {_no(dialect)},
  is_cancelled = {_no(dialect)}, expected_revenue = excluded.expected_revenue, inspected_at = NULL"""
    cancellation = f"UPDATE {status} SET is_cancelled = {_yes(dialect)} WHERE declaration_id = NEW.declaration_id"
    item = f"""
INSERT INTO {result} ({", ".join(RESULT_COLUMNS)}) VALUES (
  NEW.declaration_id, {_item(dialect, payload)}, NEW.sequence, {came},
  {_truth(dialect, payload, "is_irregular")},
  {_number(dialect, payload, "additional_revenue_amount")})
ON CONFLICT (declaration_id, item_number) DO UPDATE SET
  sequence = excluded.sequence, is_inspected = excluded.is_inspected, is_irregular = excluded.is_irregular,
  found_revenue = excluded.found_revenue"""
    # On the right of SET stands what there was before.
    outcome = f"""
UPDATE {status} SET
  inspected_at = CASE WHEN {came} THEN coalesce(inspected_at, NEW.recorded_at) ELSE inspected_at END,
  is_inspected = is_inspected OR {came},
  result_source = CASE WHEN {came} THEN CASE WHEN is_reselected THEN 'officer' ELSE basis END
    ELSE result_source END,
  is_irregular = (SELECT {_any(dialect, "r.is_irregular")} FROM {result} AS r
    WHERE r.declaration_id = NEW.declaration_id AND r.is_inspected),
  found_revenue = (SELECT sum(r.found_revenue) FROM {result} AS r
    WHERE r.declaration_id = NEW.declaration_id AND r.is_inspected)
WHERE declaration_id = NEW.declaration_id"""
    gives_lane = _gives_lane("NEW")
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER event_gives_lane AFTER INSERT ON event WHEN {gives_lane} BEGIN {lane}; END",
            "CREATE TRIGGER event_cancels AFTER INSERT ON event WHEN NEW.kind = 'cancellation' "
            f"BEGIN {cancellation}; END",
            f"CREATE TRIGGER event_results AFTER INSERT ON event WHEN NEW.kind = 'outcome' "
            f"BEGIN {item}; {outcome}; END",
        ]
    return [
        f"""
CREATE OR REPLACE FUNCTION basira_keep_status() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  content json := NEW.payload::json;
BEGIN
  IF {gives_lane} THEN {lane}; END IF;
  IF NEW.kind = 'cancellation' THEN {cancellation}; END IF;
  IF NEW.kind = 'outcome' THEN {item}; {outcome}; END IF;
  RETURN NULL;
END $$
""",
        f"CREATE TRIGGER event_status AFTER INSERT ON {event} FOR EACH ROW EXECUTE FUNCTION basira_keep_status()",
        f"ALTER TABLE {event} ENABLE ALWAYS TRIGGER event_status",
    ]


def expected_results(dialect: str, schema: str = "") -> str:
    """The rows of `item_result`, worked out of all the events: the last result of each item, 0 for the declaration."""
    event = _in(schema, "event")
    return f"""
SELECT declaration_id, item_number, sequence, is_inspected, is_irregular, found_revenue FROM (
  SELECT e.declaration_id, {_item(dialect, "e.payload")} AS item_number, e.sequence,
    {_is_not_false(dialect, "e.payload", "is_inspected")} AS is_inspected,
    {_truth(dialect, "e.payload", "is_irregular")} AS is_irregular,
    {_number(dialect, "e.payload", "additional_revenue_amount")} AS found_revenue,
    row_number() OVER (PARTITION BY e.declaration_id, {_item(dialect, "e.payload")} ORDER BY e.sequence DESC) AS place
  FROM {event} AS e WHERE e.kind = 'outcome'
) AS results WHERE place = 1"""


def expected_statuses(dialect: str, schema: str = "") -> str:
    """The rows of `declaration_status`, worked out of all the events and of `item_result`."""
    event, result = _in(schema, "event"), _in(schema, "item_result")
    came = _is_not_false(dialect, "o.payload", "is_inspected")
    return f"""
SELECT g.declaration_id, g.office, g.lane, g.event_id, g.sequence, g.recorded_at AS given_at,
  coalesce({_text(dialect, "g.payload", "basis")}, 'none') AS basis, g.kind = 'reselection' AS is_reselected,
  {_number(dialect, "g.payload", "inclusion_probability")} AS inclusion_probability,
  {_is_true(dialect, "g.payload", "inspects")} AS inspects,
  EXISTS (SELECT 1 FROM {event} AS o WHERE o.declaration_id = g.declaration_id AND o.kind = 'outcome'
    AND o.sequence > g.sequence AND {came}) AS is_inspected,
  EXISTS (SELECT 1 FROM {event} AS c WHERE c.declaration_id = g.declaration_id AND c.kind = 'cancellation'
    AND c.sequence > g.sequence) AS is_cancelled,
  CASE WHEN g.kind = 'reselection'
    THEN (SELECT {_number(dialect, "d.payload", "expected_revenue")} FROM {event} AS d WHERE d.event_id = g.decision_id)
    ELSE {_number(dialect, "g.payload", "expected_revenue")} END AS expected_revenue,
  (SELECT o.recorded_at FROM {event} AS o WHERE o.declaration_id = g.declaration_id AND o.kind = 'outcome'
    AND o.sequence > g.sequence AND {came} ORDER BY o.sequence LIMIT 1) AS inspected_at,
  (SELECT {_any(dialect, "r.is_irregular")} FROM {result} AS r
    WHERE r.declaration_id = g.declaration_id AND r.is_inspected) AS is_irregular,
  (SELECT sum(r.found_revenue) FROM {result} AS r
    WHERE r.declaration_id = g.declaration_id AND r.is_inspected) AS found_revenue,
  (SELECT CASE WHEN l.kind = 'reselection' THEN 'officer'
      ELSE coalesce({_text(dialect, "l.payload", "basis")}, 'none') END
    FROM {event} AS o JOIN {event} AS l ON l.declaration_id = o.declaration_id AND l.sequence < o.sequence
    WHERE o.declaration_id = g.declaration_id AND o.kind = 'outcome' AND {came}
      AND {_gives_lane("l")}
    ORDER BY o.sequence DESC, l.sequence DESC LIMIT 1) AS result_source
FROM (
  SELECT e.*, row_number() OVER (PARTITION BY e.declaration_id ORDER BY e.sequence DESC) AS place
  FROM {event} AS e WHERE {_gives_lane("e")}
) AS g WHERE g.place = 1"""


def status_faults(dialect: str, schema: str = "") -> dict[str, str]:
    """By what is wrong, the query of the declarations (at most one) of which it is. Sums of money that differ by less
    than a hundredth, which only the order of adding does, are the same."""
    of_status = "s.declaration_id = x.declaration_id"
    of_item = "s.declaration_id = x.declaration_id AND s.item_number = x.item_number"
    return {
        "a result that is not that of its events": _differs(
            dialect, schema, expected_results(dialect, schema), "item_result", RESULT_COLUMNS, of_item
        ),
        "a result without events": _extra(schema, expected_results(dialect, schema), "item_result", of_item),
        "a status that is not that of its events": _differs(
            dialect, schema, expected_statuses(dialect, schema), "declaration_status", STATUS_COLUMNS, of_status
        ),
        "a status without events": _extra(
            schema,
            f"SELECT e.declaration_id FROM {_in(schema, 'event')} AS e WHERE {_gives_lane('e')}",
            "declaration_status",
            of_status,
        ),
    }


def _differs(dialect: str, schema: str, rows: str, table: str, columns: tuple[str, ...], key: str) -> str:
    same = "IS" if dialect == "sqlite" else "IS NOT DISTINCT FROM"
    equal = " AND ".join(f"s.{name} {same} x.{name}" for name in columns if name != "found_revenue")
    revenue = "abs(coalesce(s.found_revenue, 0) - coalesce(x.found_revenue, 0)) < 0.01"
    return (
        f"SELECT x.declaration_id FROM ({rows}) AS x WHERE NOT EXISTS (SELECT 1 FROM {_in(schema, table)} AS s "
        f"WHERE {key} AND {equal} AND {revenue}) LIMIT 1"
    )


def _extra(schema: str, rows: str, table: str, key: str) -> str:
    return (
        f"SELECT s.declaration_id FROM {_in(schema, table)} AS s WHERE NOT EXISTS "
        f"(SELECT 1 FROM ({rows}) AS x WHERE {key}) LIMIT 1"
    )


def _gives_lane(row: str) -> str:
    return f"{row}.kind IN ('decision', 'reselection') AND {row}.lane IS NOT NULL AND {row}.office IS NOT NULL"


def _in(schema: str, table: str) -> str:
    return f"{quote_identifier(schema)}.{quote_identifier(table)}" if schema else quote_identifier(table)


# Of a payload's JSON text: SQLite reads it as it is, PostgreSQL needs the cast. A value of another kind is as none.


def _path(name: str) -> str:
    return f"$[{name}]" if name.isdigit() else f"$.{name}"


def _text(dialect: str, payload: str, name: str) -> str:
    if dialect == "sqlite":
        return (
            f"CASE json_type({payload}, '{_path(name)}') WHEN 'text' THEN json_extract({payload}, '{_path(name)}') END"
        )
    return f"(({payload})::json ->> '{name}')"


def _number(dialect: str, payload: str, name: str) -> str:
    if dialect == "sqlite":
        return (
            f"CASE WHEN json_type({payload}, '{_path(name)}') IN ('integer', 'real') "
            f"THEN CAST(json_extract({payload}, '{_path(name)}') AS REAL) END"
        )
    return (
        f"CASE WHEN json_typeof(({payload})::json -> '{name}') = 'number' "
        f"THEN (({payload})::json ->> '{name}')::double precision END"
    )


def _truth(dialect: str, payload: str, name: str) -> str:
    if dialect == "sqlite":
        return f"CASE json_type({payload}, '{_path(name)}') WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"
    return (
        f"CASE WHEN json_typeof(({payload})::json -> '{name}') = 'boolean' "
        f"THEN (({payload})::json ->> '{name}')::boolean END"
    )


def _is_true(dialect: str, payload: str, name: str) -> str:
    return f"coalesce({_truth(dialect, payload, name)}, {_no(dialect)})"


def _is_not_false(dialect: str, payload: str, name: str) -> str:
    return f"coalesce({_truth(dialect, payload, name)}, {_yes(dialect)})"


def _item(dialect: str, payload: str) -> str:
    kind = "INTEGER" if dialect == "sqlite" else "bigint"
    return f"CAST(coalesce({_number(dialect, payload, 'item_number')}, 0) AS {kind})"


def _any(dialect: str, column: str) -> str:
    return f"max({column})" if dialect == "sqlite" else f"bool_or({column})"


def _yes(dialect: str) -> str:
    return "1" if dialect == "sqlite" else "true"


def _no(dialect: str) -> str:
    return "0" if dialect == "sqlite" else "false"
