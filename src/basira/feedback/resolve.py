"""Results against each other, against the store's results, and against its declarations.

Enters: a connection with the views `staged_outcomes` (this file's results), `outcomes` and `items` (the
store). Leaves: the table `outcome_verdicts` on it, one row for each staged result that is not simply new.
Never here: an earlier result changed: a correction is one more row, known later.
"""

from __future__ import annotations

from basira.engines.engine import Engine
from basira.schema.fields import OUTCOME_FIELDS

KNOWN = "known"

_KEY = ("declaration_id", "item_number", "known_at")
_CONTENT = ", ".join(f'"{f.name}"' for f in OUTCOME_FIELDS if f.name not in _KEY)

# Of most files none: then their content need not be read.
_COUNT_REPEATED = """
SELECT (SELECT count(*) - count(DISTINCT declaration_id) FROM staged_outcomes)
     + (SELECT count(*) FROM staged_outcomes SEMI JOIN outcomes USING (declaration_id))
"""

_EMPTY = "CREATE OR REPLACE TEMP TABLE outcome_verdicts (source_row BIGINT, verdict VARCHAR, value VARCHAR)"

# Item 0 stands for "the whole declaration" in comparisons, where a null would equal nothing.
_KEYS = f"""
CREATE OR REPLACE TEMP TABLE staged_results AS
SELECT declaration_id, coalesce(item_number, 0) AS item, known_at, known_day, source_row,
       hash({_CONTENT}) AS content_hash
FROM staged_outcomes;
CREATE OR REPLACE TEMP TABLE stored_results AS
SELECT declaration_id, coalesce(item_number, 0) AS item, known_at, any_value(hash({_CONTENT})) AS content_hash
FROM outcomes SEMI JOIN staged_outcomes USING (declaration_id) GROUP BY ALL
"""

_AGAINST_RESULTS = """
CREATE OR REPLACE TEMP TABLE outcome_verdicts AS
WITH per_key AS (
    SELECT declaration_id, item, known_at, min(source_row) AS first_row,
           min(content_hash) <> max(content_hash) AS is_contradictory
    FROM staged_results GROUP BY ALL
)
SELECT s.source_row,
       CASE WHEN k.is_contradictory OR t.content_hash <> s.content_hash THEN 'result_conflict'
            ELSE 'known' END AS verdict,
       s.declaration_id || '/' || s.item || ' known ' || s.known_at AS value
FROM staged_results s
JOIN per_key k USING (declaration_id, item, known_at)
LEFT JOIN stored_results t USING (declaration_id, item, known_at)
WHERE k.is_contradictory OR t.content_hash IS NOT NULL OR s.source_row > k.first_row
"""

_AGAINST_DECLARATIONS = """
INSERT INTO outcome_verdicts
WITH declared AS (
    SELECT declaration_id, item_number AS item, min(declared_day) AS declared_day
    FROM items SEMI JOIN staged_results USING (declaration_id) GROUP BY ALL
), whole AS (
    SELECT declaration_id, 0 AS item, min(declared_day) AS declared_day FROM declared GROUP BY ALL
    UNION ALL FROM declared
)
SELECT s.source_row,
       CASE WHEN d.declared_day IS NULL THEN 'unknown_declaration' ELSE 'known_before_declared' END,
       s.declaration_id || CASE WHEN s.item > 0 THEN '/' || s.item ELSE '' END
FROM staged_results s
LEFT JOIN whole d USING (declaration_id, item)
WHERE (d.declared_day IS NULL OR s.known_day < d.declared_day)
  AND s.source_row NOT IN (SELECT source_row FROM outcome_verdicts)
"""

EXPECTED: dict[str, tuple[str, str]] = {
    "result_conflict": ("known_at", "a later known date on a corrected result"),
    "unknown_declaration": ("declaration_id", "a declaration and item of the store"),
    "known_before_declared": ("known_at", "a known date on or after the declaration's"),
}


def resolve_outcomes(con: Engine, *, check_declarations: bool) -> int:
    """Make the table `outcome_verdicts(source_row, verdict, value)`; return its number of rows.

    ``verdict``: `known` (identical to a result of the file or the store), or a reason code of `EXPECTED`.
    ``check_declarations``: whether the store must have the declaration (a file of results only).
    """
    if not check_declarations:
        [(repeated,)] = con.fetch_rows(_COUNT_REPEATED)
        if not repeated:
            con.execute(_EMPTY)
            return 0
    con.execute(_KEYS)
    con.execute(_AGAINST_RESULTS)
    if check_declarations:
        con.execute(_AGAINST_DECLARATIONS)
    [(count,)] = con.fetch_rows("SELECT count(*) FROM outcome_verdicts")
    return int(count)
