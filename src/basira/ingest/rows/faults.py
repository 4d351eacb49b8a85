"""Why a row is refused: the reason codes, and what each asks of the person who corrects it.

Enters: nothing. Leaves: `REASONS`, from which docs/reference/quarantine.md is made, and `Fault`. Never
here: a decision about a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

# Stable: a code is never renamed or reused, people filter on them.
REASONS: dict[str, str] = {
    "missing": "A required field is empty. Complete it at the source.",
    "spreadsheet_error": "The cell holds a spreadsheet's error word (#N/A, #NOM?, #REF!, #VALEUR! ...), or a formula "
    "that was never computed, not a value. Correct the formula or the look-up in the workbook, and export again.",
    "bad_character": "An identifier, an office or a code holds a character that nobody sees (zero width, direction, "
    "control) or that looks like one of another script. The message names its code point and its place; type the value "
    "anew. Other digits, full-width letters, dashes and spaces are no fault: they are written in the one usual way.",
    "bad_number": "The text is not a number in the mapping's way of writing numbers. Check the value, or decimal and "
    "thousands in the mapping.",
    "not_finite": "The number is infinite or not a number.",
    "negative": "The value is below zero where nothing can be.",
    "out_of_range": "The value is outside the closed range the schema gives. A rate above its range is usually in "
    "percent: say percent = true in the mapping.",
    "bad_integer": "The value has decimals, or letters, where a whole number is expected.",
    "bad_date": "The text is not a date in any of the formats the mapping names.",
    "date_out_of_range": "The date is before `earliest` or after `latest` of the mapping: most often a mistyped year.",
    "bad_commodity_code": "The code is not 2 to 12 digits, an even number of them, in a chapter from 01 to 99, "
    "or not of the length the mapping gives. A code one digit short of it, where no heading of the Harmonized System "
    "comes out with a zero in front, is none either: correct the code, or add its length to `digits`.",
    "lost_leading_zero": "The commodity code has an odd number of digits: a spreadsheet took its leading zero. Give "
    "`digits` for this field in the mapping, and Basira puts the zero back.",
    "scientific_notation": "The code or the number is written in scientific notation (8.70322E+09): a spreadsheet took "
    "its last digits, and nothing brings them back. Export the column again: codes as text, numbers with all figures.",
    "unknown_kind": "The column of kinds of irregularity holds a word that the mapping does not translate. Add it to "
    "`kinds` with its kind, or with none.",
    "unknown_country": "No country of ISO 3166-1. Correct it, translate it with `values`, or allow it with `accept`.",
    "unknown_currency": "No currency of ISO 4217. Correct it, translate it with `values`, or allow it with `accept`.",
    "bad_flag": "Neither a yes nor a no. Give `values` for this field in the mapping.",
    "column_count": "The row has more or fewer columns than the header: often a separator inside an unquoted text.",
    "bad_quotes": "A quote opens a cell and nothing closes it, or stands where none can, or a cell holds whole rows. "
    "The lines are named; correct the quotes, or write a quote inside a cell twice.",
    "merged_cells": "One cell of the workbook holds a number for several rows, or stands over several columns: it "
    "can't be each one's. Take the merging out, and give each its own.",
    "bad_name": "A field of the source's own (`x_...`) has a name that can't be kept, or there are more of them than a "
    "declaration or the store may have. Give it another name: `x_`, then small letters, digits and underscores.",
    "bad_json": "The line is not one JSON object.",
    "duplicate_id": "Another row of the same file has the same declaration and item number, and says something else. "
    "Basira can't know which one is right: none is taken. Map declaration_version if they are amendments.",
    "header_conflict": "Rows of one declaration disagree on the declaration's own fields (office, importer, date ...). "
    "None of them is taken.",
    "currency_conflict": "Rows of one declaration give their values in different currencies. None of them is taken.",
    "other_currency": "The value is of another currency than the store's other values, with which it would be compared "
    "and added up. Have it converted by a table of rates ([rates] in the mapping), or say the right value_currency in "
    "the mapping (none said is MAD).",
    "no_rate": "The amounts are in another currency than the history's, and the table of rates ([rates] in the "
    "mapping) has none of it for the declaration's day, nor of the days before that it allows. Add the rate to the "
    "table, and run 'basira quarantine retry --mapping M.toml' with the mapping that names it.",
    "version_conflict": "This version of the declaration is already in the store and says something else. An amendment "
    "carries a new version number.",
    "contradiction": "The result contradicts itself, for example compliant with a kind of irregularity.",
    "known_before_declared": "The result was known before the declaration was made.",
    "unknown_declaration": "No such declaration (or item) in the store. Take the declarations in first, then run "
    "'basira quarantine retry'.",
    "result_conflict": "Another result for the same item with the same known date says something else. A corrected "
    "result carries a later known date.",
}


@dataclass(frozen=True)
class Fault:
    """Rows of a batch with one fault in one field. ``mask``: true where it is; ``value``: as found; ``place``: which
    character of the value it is, where it is one."""

    field: str | None
    code: str
    expected: str
    mask: pl.Series
    value: pl.Series | None = None
    place: pl.Series | None = None

    def expected_at(self, position: int) -> str:
        """What is expected of a row, with the place in its value."""
        return self.expected if self.place is None else f"{self.expected}; found {self.place[position]}"


@dataclass(frozen=True)
class Refusal:
    """One refused row: its first reason, and the others added to ``expected``."""

    row: int
    field: str | None
    code: str
    value: str | None
    expected: str
    row_json: str
