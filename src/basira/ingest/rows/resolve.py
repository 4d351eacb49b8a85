"""Rows against each other and against the store: repeated, contradictory, amended.

Enters: a connection with the views `staged_items` (this file's accepted rows) and `items` (rows of the store, those of
the same declarations at least); the currencies of the whole store.
Leaves: the table `item_verdicts` on it, one row for each staged row that is not simply new. Never here: a
row removed: the caller acts on the verdicts.

Only rows whose declaration stands on several rows, or is in the store already, are looked at closely.
Content is compared by DuckDB's 64-bit hash of all columns, between rows of one key only; hashes are
never stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from basira.engines.engine import Engine
from basira.schema.codes import DEFAULT_CURRENCY
from basira.schema.fields import CONVERSION_FIELDS, DECLARATION_FIELDS, ITEM_FIELDS
from basira.schema.sql import quote_identifier
from basira.schema.tables import ITEMS

# Verdicts that are no reason for quarantine.
KNOWN = "known"

# What a verdict speaks of, where it is not the declaration's number.
FIELD: dict[str, str] = dict.fromkeys(("currency_conflict", "other_currency"), "value_currency")

_NOT_CONTENT = frozenset({"declaration_version", "declared_day", "source", "source_row", "received_at"})
_HEADER = tuple(f.name for f in DECLARATION_FIELDS if f.name != "declaration_version")
_CONTENT = tuple(f.name for f in DECLARATION_FIELDS + ITEM_FIELDS + CONVERSION_FIELDS if f.name not in _NOT_CONTENT)

_SUSPECTS = """
CREATE OR REPLACE TEMP TABLE suspects AS
SELECT declaration_id FROM staged_items GROUP BY declaration_id HAVING count(*) > 1
UNION
SELECT declaration_id FROM staged_items SEMI JOIN items USING (declaration_id)
"""

_EMPTY = """
CREATE OR REPLACE TEMP TABLE item_verdicts (source_row BIGINT, verdict VARCHAR, version INTEGER, value VARCHAR)
"""

# Values are compared and added up, so those of one store are of one currency.
_CURRENCIES = f"""
INSERT INTO item_verdicts
WITH said AS (
    SELECT source_row, declaration_id, declaration_version,
           coalesce(value_currency, '{DEFAULT_CURRENCY}') AS currency
    FROM staged_items
), per_declaration AS (
    SELECT declaration_id, declaration_version, count(DISTINCT currency) AS count,
           string_agg(DISTINCT currency, ', ' ORDER BY currency) AS value
    FROM said GROUP BY ALL
    HAVING count > 1 OR value NOT IN (SELECT unnest($known::VARCHAR[]))
)
SELECT source_row, CASE WHEN count > 1 THEN 'currency_conflict' ELSE 'other_currency' END, NULL, value
FROM said JOIN per_declaration USING (declaration_id, declaration_version)
"""

_MOST_USUAL = f"""
SELECT coalesce(value_currency, '{DEFAULT_CURRENCY}') AS currency FROM staged_items
GROUP BY ALL ORDER BY count(*) DESC, currency LIMIT 1
"""

_WITHIN_FILE = """
INSERT INTO item_verdicts
WITH per_key AS (
    SELECT declaration_id, declaration_version, item_number,
           min(source_row) AS first_row, min(content_hash) <> max(content_hash) AS is_contradictory
    FROM staged_keys GROUP BY ALL
), per_declaration AS (
    SELECT declaration_id, declaration_version, min(header_hash) <> max(header_hash) AS is_divided
    FROM staged_keys GROUP BY ALL
)
SELECT s.source_row,
       CASE WHEN k.is_contradictory THEN 'duplicate_id'
            WHEN d.is_divided THEN 'header_conflict'
            ELSE 'known' END AS verdict,
       NULL::INTEGER AS version,
       s.declaration_id || '/' || s.item_number AS value
FROM staged_keys s
JOIN per_key k USING (declaration_id, declaration_version, item_number)
JOIN per_declaration d USING (declaration_id, declaration_version)
WHERE (k.is_contradictory OR d.is_divided OR s.source_row > k.first_row)
  AND s.source_row NOT IN (SELECT source_row FROM item_verdicts)
"""

_VERSIONS_GIVEN = """
INSERT INTO item_verdicts
SELECT s.source_row,
       CASE WHEN t.content_hash = s.content_hash THEN 'known' ELSE 'version_conflict' END,
       NULL,
       s.declaration_id || '/' || s.item_number || ' version ' || s.declaration_version
FROM staged_keys s
JOIN (SELECT declaration_id, declaration_version, item_number, any_value(content_hash) AS content_hash
      FROM stored_keys GROUP BY ALL) t USING (declaration_id, declaration_version, item_number)
WHERE s.source_row NOT IN (SELECT source_row FROM item_verdicts)
UNION ALL
SELECT s.source_row, 'version_conflict', NULL,
       s.declaration_id || '/' || s.item_number || ' version ' || s.declaration_version
FROM staged_keys s
JOIN (SELECT declaration_id, declaration_version, any_value(header_hash) AS header_hash
      FROM stored_keys GROUP BY ALL) t USING (declaration_id, declaration_version)
ANTI JOIN stored_keys u USING (declaration_id, declaration_version, item_number)
WHERE t.header_hash <> s.header_hash AND s.source_row NOT IN (SELECT source_row FROM item_verdicts)
"""

# Without versions from the source. A row identical to any stored version of its item is known. A declaration
# with a row that differs from its last version is an amendment: all its rows make the next version. New items
# under an unchanged header complete the last version (a file cut in two, a row come back from quarantine).
_VERSIONS_COUNTED = """
INSERT INTO item_verdicts
WITH open_rows AS (
    SELECT * FROM staged_keys WHERE source_row NOT IN (SELECT source_row FROM item_verdicts)
), last_version AS (
    SELECT declaration_id, max(declaration_version) AS version FROM stored_keys GROUP BY ALL
), last_header AS (
    SELECT declaration_id, version, any_value(header_hash) AS header_hash
    FROM stored_keys JOIN last_version USING (declaration_id) WHERE declaration_version = version GROUP BY ALL
), judged AS (
    SELECT o.source_row, o.declaration_id, o.item_number, h.version,
           EXISTS (FROM stored_keys t WHERE t.declaration_id = o.declaration_id
                   AND t.item_number = o.item_number AND t.content_hash = o.content_hash) AS is_known,
           EXISTS (FROM stored_keys t WHERE t.declaration_id = o.declaration_id
                   AND t.item_number = o.item_number AND t.declaration_version = h.version)
               OR o.header_hash <> h.header_hash AS is_different
    FROM open_rows o JOIN last_header h USING (declaration_id)
), amended AS (
    SELECT declaration_id FROM judged GROUP BY declaration_id HAVING bool_or(is_different AND NOT is_known)
)
SELECT source_row,
       CASE WHEN declaration_id IN (FROM amended) THEN 'new_version'
            WHEN is_known THEN 'known'
            ELSE 'new_version' END,
       CASE WHEN declaration_id IN (FROM amended) THEN version + 1
            WHEN is_known THEN NULL
            ELSE version END,
       declaration_id || '/' || item_number
FROM judged
"""

EXPECTED: dict[str, str] = {
    "duplicate_id": "one row for each declaration and item of a file, or identical rows",
    "header_conflict": "the same header on all rows of a declaration",
    "currency_conflict": "one currency for the values of a declaration",
    "other_currency": "the currency of the store's other values",
    "version_conflict": "a new version number for another content",
}


def resolve_items(
    con: Engine, *, gives_version: bool, currencies: Sequence[str], known_currencies: Sequence[str]
) -> int:
    """Make the table `item_verdicts(source_row, verdict, version, value)`; return its number of rows.

    ``verdict``: `known` (identical to a row of the file or the store), `new_version` (accepted as
    ``version``), or a reason code of `EXPECTED`. ``gives_version``: the source numbers its versions.
    ``currencies``: of the staged values. ``known_currencies``: of the store's values, none in an empty store.
    """
    con.execute(_EMPTY)
    _judge_currencies(con, currencies, known_currencies)
    con.execute(_SUSPECTS)
    if con.fetch_rows("SELECT 1 FROM suspects LIMIT 1"):
        _hash_rows(con, "staged_keys", "staged_items", "source_row")
        _hash_rows(con, "stored_keys", "items", "NULL::BIGINT")
        con.execute(_WITHIN_FILE)
        con.execute(_VERSIONS_GIVEN if gives_version else _VERSIONS_COUNTED)
    [(count,)] = con.fetch_rows("SELECT count(*) FROM item_verdicts")
    return int(count)


def currencies_of(con: Engine, view: str) -> tuple[str, ...]:
    """The currencies of the values in a view of items, in order; a value without one is of the default."""
    found = con.fetch_rows(
        f"SELECT DISTINCT coalesce(value_currency, '{DEFAULT_CURRENCY}') AS currency"
        f" FROM {quote_identifier(view)} ORDER BY 1"
    )
    return tuple(str(row[0]) for row in found)


def _judge_currencies(con: Engine, given: Sequence[str], known: Sequence[str]) -> None:
    if len(given) < 2 and (not known or set(given) <= set(known)):
        return
    if not known:  # a store's first file: what most of its values are of
        [(most,)] = con.fetch_rows(_MOST_USUAL)
        known = [str(most)]
    con.execute(_CURRENCIES, {"known": list(known)})


def _hash_rows(con: Engine, table: str, view: str, row: str) -> None:
    """Keys and content hashes of the suspects' rows. Columns that only one side has count as null there."""
    extras = _extras(con, "staged_items") | _extras(con, "items")
    present = _columns(con, view)
    content = [*_CONTENT, *sorted(extras)]
    terms = ", ".join(quote_identifier(name) if name in present else "NULL::VARCHAR" for name in content)
    header = ", ".join(quote_identifier(name) for name in _HEADER)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {quote_identifier(table)} AS "
        f"SELECT declaration_id, declaration_version, item_number, {row} AS source_row, "
        f"hash({header}) AS header_hash, hash({terms}) AS content_hash "
        f"FROM {quote_identifier(view)} SEMI JOIN suspects USING (declaration_id)"
    )


def _columns(con: Engine, view: str) -> set[str]:
    return set(con.columns(quote_identifier(view)))


def _extras(con: Engine, view: str) -> set[str]:
    return _columns(con, view) - set(ITEMS.names)
