"""From a batch of text to typed rows and refusals: the heart of ingest.

Enters: a `SourceBatch` and a `Mapping`. Leaves: a `ParsedBatch`: every row of the batch is either in its
frames or among its refusals. Never here: another batch, the store, or a loop over good rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from basira.ingest.mapping.model import ITEM_SIDE, OUTCOME_SIDE, Column, Mapping, SourceFormat
from basira.ingest.parse.codes import parse_commodity, parse_currency, spreadsheet_errors, without_numerals
from basira.ingest.parse.countries import parse_country
from basira.ingest.parse.dates import parse_timestamps
from basira.ingest.parse.flags import parse_flag
from basira.ingest.parse.kinds import parse_kinds
from basira.ingest.parse.numbers import EACH, NumberStyle, cell_currencies, parse_number
from basira.ingest.parse.text import find_odd_rows, fold_text, fold_words, without_apostrophe, without_formula
from basira.ingest.rates import Rates
from basira.ingest.readers.source import SourceBatch, row_json
from basira.ingest.rows.convert import convert_columns
from basira.ingest.rows.faults import Fault, Refusal
from basira.schema.fields import EXTRA_PREFIX, Field

ROW = "source_row"
_TEXT = pl.String
# How a cell begins that is a formula of one text, or a word for an error of a formula.
_SPREADSHEET = r'^(?:="|#|Err)'


@dataclass(frozen=True)
class ParsedBatch:
    """What became of a batch, before anything is known of other batches or of the store.

    ``items``: schema fields of the declaration and item side, extras, and `source_row`, one row an
    accepted row. ``outcomes``: fields of the outcome side and `source_row`, one row for each row that
    carries a result. ``rows``: rows of the source in this batch, blank lines not counted.
    """

    items: pl.DataFrame
    outcomes: pl.DataFrame
    refusals: tuple[Refusal, ...]
    rows: int


def parse_batch(batch: SourceBatch, mapping: Mapping, rates: Rates | None = None) -> ParsedBatch:
    """Parse and validate a batch. Reasons of one row are all found, not only the first. ``rates``: by which amounts of
    other currencies are converted; None: they stay as declared."""
    frame, rows = _without_blank_rows(batch.frame, batch.rows)
    texts, marked = _texts(frame, mapping)
    faults: list[Fault] = []
    items: dict[str, pl.Series] = {}
    outcomes: dict[str, pl.Series] = {}
    for sides, section, columns in (
        (ITEM_SIDE, mapping.fields, items),
        (OUTCOME_SIDE, mapping.outcome, outcomes),
    ):
        for name, column in section.items():
            columns[name], found = _parse_field(sides[name], column, texts, marked, mapping, len(frame))
            faults += found
        for name, text in mapping.constants.items():
            if name in sides and name not in columns and (section or (sides is OUTCOME_SIDE and mapping.has_outcomes)):
                constant = pl.Series(name, [text]).new_from_index(0, len(frame))
                columns[name], found = parse_text(sides[name], Column(column=name), constant, mapping.source)
                faults += found
    if mapping.kinds is not None:
        flags, found = parse_kinds(mapping.kinds, texts.get(mapping.kinds.column, _nulls(len(frame))))
        outcomes.update(flags)
        faults += found
    for name, column_name in mapping.extra.items():
        extra = texts.get(column_name)
        items[EXTRA_PREFIX + name] = _nulls(len(frame)) if extra is None else extra
        faults += _cell_errors(f"{EXTRA_PREFIX}{name}", extra if column_name in marked else None)
    if mapping.has_items and "value_currency" not in mapping.fields:
        named, found = _currencies_of_cells(mapping, texts)
        faults += found
        if named is not None:
            said = items.get("value_currency")
            items["value_currency"] = (named if said is None else named.fill_null(said)).alias("value_currency")
    if mapping.has_items and rates is not None:
        items, outcomes, found = convert_columns(items, outcomes, rates, rows)
        faults += found
    if mapping.has_items and mapping.has_outcomes:
        _complete_from_items(items, outcomes, mapping)
    if not mapping.has_items:
        items = {}  # extras of a results file have no item to stand on
    carries = _carries_result(outcomes, len(frame))
    faults += _missing(items, ITEM_SIDE, None) + _missing(outcomes, OUTCOME_SIDE, carries)
    refused, refusals = explain_faults(faults, frame, rows)
    kept = ~refused
    with_row = {ROW: rows}
    return ParsedBatch(
        pl.DataFrame({**items, **with_row}).filter(kept) if items else pl.DataFrame(),
        pl.DataFrame({**outcomes, **with_row}).filter(kept & carries) if outcomes else pl.DataFrame(),
        (
            *refusals,
            *(Refusal(b.row, None, b.code, b.text, b.expected, b.row_json) for b in batch.broken),
        ),
        len(frame) + len(batch.broken),
    )


def _without_blank_rows(frame: pl.DataFrame, rows: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
    """Rows with nothing in any column are the empty lines at the end of a spreadsheet, no rows at all."""
    if not frame.width or not len(frame):
        return frame, rows
    first = frame.to_series(0)
    if first.null_count() == 0 and not (first == "").any():
        return frame, rows
    blank = frame.select(pl.all_horizontal(pl.all().fill_null("").str.strip_chars() == "")).to_series()
    return (frame.filter(~blank), rows.filter(~blank)) if blank.any() else (frame, rows)


def _texts(frame: pl.DataFrame, mapping: Mapping) -> tuple[dict[str, pl.Series], set[str]]:
    """The mapped columns, trimmed, with the mapping's words for "nothing" as nulls; and those of them that may hold
    what a spreadsheet left. One look at all columns together: of a small file each look at one costs more than it."""
    nulls = list(mapping.source.null_values)
    wanted = {name for section in (mapping.fields, mapping.outcome) for c in section.values() for name in c.names}
    wanted.update(mapping.extra.values())
    if mapping.kinds is not None:
        wanted.add(mapping.kinds.column)
    present = [name for name in frame.columns if name in wanted]
    trimmed = frame.select(pl.col(present).str.strip_chars()) if present else frame.select([])
    cleaned = trimmed.with_columns(pl.when(~pl.all().is_in(nulls)).then(pl.all())) if present else trimmed
    found = cleaned.select(pl.all().str.contains(_SPREADSHEET).any()).row(0, named=True) if present else {}
    marked = {name for name, is_marked in found.items() if is_marked}
    return {name: without_formula(cleaned[name]) if name in marked else cleaned[name] for name in present}, marked


def _nulls(count: int) -> pl.Series:
    return pl.Series([None], dtype=_TEXT).new_from_index(0, count)


def _parse_field(
    field: Field, column: Column, texts: dict[str, pl.Series], marked: set[str], mapping: Mapping, count: int
) -> tuple[pl.Series, list[Fault]]:
    parts = [texts[name] for name in column.names if name in texts]
    faults = [fault for name in column.names if name in marked for fault in _cell_errors(field.name, texts[name])]
    if len(column.names) > 1 and parts:
        raw = pl.select(pl.concat_str(parts, separator=column.join, ignore_nulls=True)).to_series()
        raw = raw.set(raw == "", None)
    else:
        raw = parts[0] if parts else _nulls(count)
    if faults:  # the error word is one reason; that it is no number either would be noise
        broken = faults[0].mask
        for fault in faults[1:]:
            broken = broken | fault.mask
        raw = raw.set(broken, None)
    values, more = parse_text(field, column, raw, mapping.source)
    return values, faults + more


def _currencies_of_cells(mapping: Mapping, texts: dict[str, pl.Series]) -> tuple[pl.Series | None, list[Fault]]:
    """Each row's currency, where its amounts name it themselves; None when no column is read so."""
    named: pl.Series | None = None
    faults: list[Fault] = []
    for name, column in mapping.fields.items():
        if column.currency != EACH or column.column not in texts:
            continue
        raw = texts[column.column]
        currencies, unclear = cell_currencies(raw)
        if unclear.any():
            faults.append(Fault(name, "unknown_currency", "the mark or code of one currency", unclear, raw))
        if named is None:
            named = currencies
            continue
        differ = (named != currencies).fill_null(False)
        if differ.any():
            faults.append(Fault(name, "currency_conflict", "one currency for the amounts of a row", differ, raw))
        named = named.fill_null(currencies)
    return named, faults


def _cell_errors(name: str, raw: pl.Series | None) -> list[Fault]:
    mask = None if raw is None else spreadsheet_errors(raw)
    if mask is None or not mask.any():
        return []
    return [Fault(name, "spreadsheet_error", "a value, not a spreadsheet's error", mask, raw)]


def parse_text(field: Field, column: Column, raw: pl.Series, source: SourceFormat) -> tuple[pl.Series, list[Fault]]:
    """One field's values from trimmed text; the alias is the field's name."""
    decimal = source.decimal if column.decimal is None else column.decimal
    thousands = source.thousands if column.thousands is None else column.thousands
    as_found = raw
    if not field.is_prose:
        raw = without_apostrophe(raw)
    raw = fold_text(field, raw, decimal=decimal, thousands=thousands)
    if column.values:
        words = fold_words(field, column.values, decimal=decimal, thousands=thousands)
        translated = raw.str.to_lowercase().replace_strict(words, default=None, return_dtype=_TEXT)
        raw = translated.fill_null(raw)
        raw = raw.set(raw == "", None)
    odd = find_odd_rows(field, raw, as_found)
    if odd is not None:  # one reason: that it is no code either would be noise
        raw = raw.set(odd.mask, None)
    style = NumberStyle(decimal, thousands, column.percent, column.scale, column.currency)
    values, faults = _typed(field, column, raw, source, style)
    return values.alias(field.name), faults if odd is None else [odd, *faults]


def _typed(
    field: Field, column: Column, raw: pl.Series, source: SourceFormat, style: NumberStyle
) -> tuple[pl.Series, list[Fault]]:
    faults: list[Fault] = []
    if field.type in ("text", "code"):
        if not field.is_prose:
            raw, faults = without_numerals(field, raw)
        values = raw if field.type == "text" else raw.str.to_uppercase()
    elif field.type == "commodity":
        values, faults = parse_commodity(field, raw, column.digits)
    elif field.type == "country":
        values, faults = parse_country(field, raw, column.accept)
    elif field.type == "currency":
        values, faults = parse_currency(field, raw, column.accept)
    elif field.type == "flag":
        values, faults = parse_flag(field, raw)
    elif field.type == "timestamp":
        values, faults = parse_timestamps(
            field,
            raw,
            formats=column.formats or source.date_formats,
            day_first=source.day_first if column.day_first is None else column.day_first,
            earliest=source.earliest,
            latest=source.latest,
            zone=source.zone,
        )
    else:
        values, faults = parse_number(field, raw, style)
    return values, faults


def _complete_from_items(items: dict[str, pl.Series], outcomes: dict[str, pl.Series], mapping: Mapping) -> None:
    """In a labelled file the result speaks of the row's own item, known some days after the declaration."""
    outcomes["declaration_id"] = items["declaration_id"]
    if "item_number" in items:
        outcomes["item_number"] = items["item_number"]
    if "known_at" not in outcomes:
        outcomes["known_at"] = items["declared_at"].dt.offset_by(f"{mapping.known_after_days or 0}d")


# Fields that are not a result by themselves: a row with nothing else says nothing.
_CIRCUMSTANCES = frozenset(
    {"declaration_id", "item_number", "known_at", "inspected_at", "inspection_lane", "inspector_id"}
)


def _carries_result(outcomes: dict[str, pl.Series], count: int) -> pl.Series:
    """True where a row says something of an inspection. A blank result is no result, never "compliant"."""
    carries = pl.Series([False]).new_from_index(0, count)
    for name, values in outcomes.items():
        if name not in _CIRCUMSTANCES:
            carries = carries | values.is_not_null()
    return carries


def _missing(columns: dict[str, pl.Series], side: dict[str, Field], where: pl.Series | None) -> list[Fault]:
    faults = []
    for name, values in columns.items():
        if name in side and side[name].required and values.null_count():
            mask = values.is_null() if where is None else values.is_null() & where
            if mask.any():
                faults.append(Fault(name, "missing", "a value: the field is required", mask))
    return faults


def explain_faults(
    faults: Sequence[Fault], frame: pl.DataFrame, rows: pl.Series
) -> tuple[pl.Series, tuple[Refusal, ...]]:
    """A mask of the refused rows, and one refusal for each, its reasons in the order they were found."""
    refused = pl.Series([False]).new_from_index(0, len(frame))
    reasons: dict[int, list[Fault]] = {}
    for fault in faults:
        refused = refused | fault.mask.fill_null(False)
        for position in fault.mask.arg_true().to_list():
            reasons.setdefault(position, []).append(fault)
    if not reasons:
        return refused, ()
    positions = sorted(reasons)
    texts = frame[positions].to_dicts()
    numbers = rows.gather(positions).to_list()
    return refused, tuple(
        _refusal(number, reasons[position], position, text)
        for position, number, text in zip(positions, numbers, texts, strict=True)
    )


def _refusal(row: int, faults: Iterable[Fault], position: int, text: dict[str, str | None]) -> Refusal:
    distinct: dict[str | None, Fault] = {}
    for fault in faults:
        # A field emptied by its own fault is not "missing" as well.
        if fault.code != "missing" or fault.field not in distinct:
            distinct.setdefault(fault.field, fault)
    first, *others = distinct.values()
    also = "".join(
        f"; also {other.field or 'the row'}: {other.code}, expected {other.expected_at(position)}, "
        f"found {_read_value(other, position)!r}"
        for other in others
    )
    return Refusal(
        row, first.field, first.code, _read_value(first, position), first.expected_at(position) + also, row_json(text)
    )


def _read_value(fault: Fault, position: int) -> str | None:
    return None if fault.value is None else fault.value[position]


def refuse_rows(batch: SourceBatch, verdicts: dict[int, tuple[str | None, str, str | None, str]]) -> list[Refusal]:
    """Refusals of rows of a batch, decided after parsing: row number to (field, code, value, expected)."""
    if not verdicts:
        return []
    chosen = [position for position, row in enumerate(batch.rows.to_list()) if row in verdicts]
    texts = batch.frame[chosen].to_dicts() if chosen else []
    refusals = []
    for position, text in zip(chosen, texts, strict=True):
        row = int(batch.rows[position])
        field, code, value, expected = verdicts[row]
        refusals.append(Refusal(row, field, code, value, expected, row_json(text)))
    return refusals
