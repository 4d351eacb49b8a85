"""A mapping proposed from a file's headers and contents, for a person to correct.

Enters: a file. Leaves: a `Suggestion`: fields with their column and confidence, and the text of a mapping
that reads the file as it is in ordinary cases. Never here: a field mapped whose contents don't fit it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from basira.ingest.mapping.model import ITEM_SIDE, OUTCOME_SIDE, SourceFormat
from basira.ingest.parse.codes import FLAG_WORDS
from basira.ingest.readers.bounds import SAMPLE_BYTES
from basira.ingest.readers.source import Source, open_source
from basira.ingest.suggest.doubts import FILE, Doubt
from basira.ingest.suggest.fit import Fit, fit
from basira.ingest.suggest.headers import name_score, sounds_like_a_result, tokens
from basira.ingest.suggest.profile import Profile, profile_column
from basira.schema.names import MOST_OF_A_SOURCE

# Every row of a file up to 100 MB: what is rare (one unknown country, one month-end date) counts most.
_WHOLE_BYTES = 100 << 20
_SAMPLE_ROWS_PER_BATCH = 10_000
_LEAST = 0.55  # a weaker name is not proposed: a wrong mapping costs more than a missing one
_CATEGORY_VALUES = 300
# Of a name of the source's own: with the number that tells it from another one, it is as long as the rule allows.
_LONGEST_STEM = 44


@dataclass(frozen=True)
class SuggestedField:
    """``confidence``: 0 to 1, the name's score held down by what the contents say. ``notes``: what to check."""

    field: str
    section: str  # "fields" or "outcome"
    column: str
    confidence: float
    options: dict[str, object]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suggestion:
    """What was found in a file. ``extra``: unmapped categories; ``unmapped``: other columns, left out.
    ``doubts``: what a person must decide before anything is taken in."""

    file_name: str
    kind: str
    sample_rows: int
    source: dict[str, object]
    constants: dict[str, str]
    fields: tuple[SuggestedField, ...]
    extra: dict[str, str]
    unmapped: tuple[str, ...]
    missing: tuple[str, ...]  # required fields for which no column was found
    notes: tuple[str, ...]
    doubts: tuple[Doubt, ...] = ()

    @property
    def is_results_only(self) -> bool:
        return bool(self.fields) and all(entry.section == "outcome" for entry in self.fields)


def suggest_mapping(path: Path, *, header_row: int = 0, sheets: Sequence[str] = ()) -> Suggestion:
    """Propose a mapping for a file. ``header_row``: 0 to find it; ``sheets``: of a workbook, none to choose.

    Raises SourceError when the file can't be read, MappingError when it has no such sheet.
    """
    sheet = sheets[0] if len(sheets) == 1 else tuple(sheets) or ""
    source = open_source(path, SourceFormat(header_row=header_row, sheet=sheet))
    frame = _sample(source)
    separator, detected = _detected(path, source)
    profiles = {name: profile_column(frame[name], separator=separator) for name in frame.columns}
    chosen = _assign(profiles)
    results_only = "commodity_code" not in chosen and any(
        name in chosen for name in ("is_irregular", "severity", "additional_revenue_amount")
    )
    return _compose(path, source, frame, profiles, chosen, detected, results_only)


def _sample(source: Source) -> pl.DataFrame:
    """All rows, or rows from all over the first 400 MB: a file sorted by date shows one month at its top."""
    parts: list[pl.DataFrame] = []
    held = 0.0
    for batch in source.batches():
        whole = source.size_bytes <= _WHOLE_BYTES
        step = 1 if whole else max(1, -(-len(batch.frame) // _SAMPLE_ROWS_PER_BATCH))
        parts.append(batch.frame.gather_every(step))
        held += parts[-1].estimated_size()
        if max(batch.bytes_read, held) > SAMPLE_BYTES:
            break
    frame = pl.concat(parts, how="diagonal") if parts else pl.DataFrame()
    names = [*source.columns, *(name for name in frame.columns if name not in source.columns)]
    return frame.select(
        pl.col(name) if name in frame.columns else pl.lit(None, dtype=pl.String).alias(name) for name in names
    )


def _detected(path: Path, source: Source) -> tuple[str, dict[str, object]]:
    """The separator, and how the file is written."""
    detected: dict[str, object] = {"format": source.kind}
    separator = ""
    if source.kind == "csv":
        from basira.ingest.readers.csv import read_head, sniff_separator, split_lines
        from basira.ingest.readers.encoding import detect_encoding

        encoding = detect_encoding(path)
        separator = sniff_separator(split_lines(read_head(path, encoding))[source.header.row - 1 :])
        detected |= {"separator": separator, "encoding": encoding}
    if source.header.row > 1:
        detected["header_row"] = source.header.row
    if source.header.rows > 1:
        detected["header_rows"] = source.header.rows
    if source.sheet:
        detected["sheet"] = source.sheet
    return separator, detected


def _sheet_doubts(source: Source) -> tuple[Doubt, ...]:
    """Sheets of one header: which of them are the table?"""
    if not source.alike:
        return ()
    named = ", ".join(map(repr, source.alike))
    return (
        Doubt(
            FILE,
            f"The sheet {source.sheet!r} was looked at; others have the same header: {named}.",
            len(source.alike),
            len(source.alike) + 1,
            choices=(
                'sheet = "*" in [source]: all sheets of this header are read, one after the other',
                f"sheet = {json.dumps(source.sheet, ensure_ascii=False)} in [source]: this one alone",
            ),
        ),
    )


def _assign(profiles: dict[str, Profile]) -> dict[str, tuple[str, float, Fit]]:
    """Field to (column, confidence, fit): best pairs first, each field and each column once."""
    pairs: list[tuple[float, str, str, Fit]] = []
    for column, profile in profiles.items():
        for field in (*ITEM_SIDE, *(name for name in OUTCOME_SIDE if name not in ITEM_SIDE)):
            named = name_score(column, field)
            if named < 0.4:
                continue
            fitness = fit(field, profile)
            confidence = round(named * (0.6 + 0.4 * fitness.share), 3)
            if fitness.share > 0 and confidence >= _LEAST:
                pairs.append((confidence, field, column, fitness))
    # Equal confidence: the field that comes first in the schema, then the column that comes first in the file.
    order = {name: i for i, name in enumerate((*ITEM_SIDE, *OUTCOME_SIDE))}
    place = {name: i for i, name in enumerate(profiles)}
    pairs.sort(key=lambda pair: (-pair[0], order[pair[1]], place[pair[2]]))
    chosen: dict[str, tuple[str, float, Fit]] = {}
    used: set[str] = set()
    for confidence, field, column, fitness in pairs:
        if field not in chosen and column not in used:
            chosen[field] = (column, confidence, fitness)
            used.add(column)
    _by_contents(profiles, chosen, used)
    return chosen


def _by_contents(profiles: dict[str, Profile], chosen: dict[str, tuple[str, float, Fit]], used: set[str]) -> None:
    """Commodity code and date are known by their contents alone when exactly one column has them."""
    tests: dict[str, Callable[[Profile], bool]] = {
        "commodity_code": lambda p: p.commodity_share > 0.95 and p.distinct >= 5 and _code_like(p),
        "declared_at": lambda p: p.dates is not None and p.dates.share > 0.95,
    }
    for field, test in tests.items():
        if field not in chosen:
            found = [
                name for name, profile in profiles.items() if name not in used and profile.filled and test(profile)
            ]
            if len(found) == 1:
                chosen[field] = (found[0], 0.5, fit(field, profiles[found[0]]))
                used.add(found[0])


def _code_like(profile: Profile) -> bool:
    lengths = profile.code_lengths
    most = max(lengths, key=lambda length: lengths[length], default=0)
    return most in {6, 8, 10} and profile.unique_share < 0.9


def _compose(
    path: Path,
    source: Source,
    frame: pl.DataFrame,
    profiles: dict[str, Profile],
    chosen: dict[str, tuple[str, float, Fit]],
    detected: dict[str, object],
    results_only: bool,
) -> Suggestion:
    if results_only:  # a date in a file of results is when the result became known, unless another says so
        if "declared_at" in chosen and "known_at" not in chosen:
            column, confidence, fitness = chosen.pop("declared_at")
            chosen["known_at"] = (column, round(confidence * 0.8, 3), fitness)
        chosen = {name: entry for name, entry in chosen.items() if name in OUTCOME_SIDE}
    options = dict(detected)
    notes: list[str] = []
    numbers = [profiles[column].numbers for name, (column, _, f) in chosen.items() if f.is_number]
    commas = sum(guess.decimal == "," for guess in numbers)
    points = sum(guess.decimal == "." for guess in numbers)
    decimal = "," if commas > points else "."
    thousands = next((g.thousands for g in numbers if g.thousands and g.decimal in {decimal, None}), None)
    if source.kind in {"csv", "jsonl"} or commas:
        options["decimal"] = decimal
    if thousands:
        options["thousands"] = thousands
    dates = [f.dates for _, _, f in chosen.values() if f.dates is not None]
    forms = list(dict.fromkeys(form for guess in dates for form in guess.formats))
    if (forms and source.kind != "xlsx") or any(form.startswith("%d") or form == "excel" for form in forms):
        options["date_formats"] = forms
    if any(guess.day_first for guess in dates):
        options["day_first"] = True
    if any(not guess.is_sure for guess in dates):
        notes.append("No date of the sample tells day from month: day first was assumed.")
    # A word for "unknown country" seen in one column will come in the others too.
    accepted = {code for _, _, f in chosen.values() for code in _texts(f.options.get("accept"))}
    unknown = sorted(accepted - {"*"})
    fields: list[SuggestedField] = []
    for name in (*ITEM_SIDE, *OUTCOME_SIDE):
        if name not in chosen or any(entry.field == name for entry in fields):
            continue
        column, confidence, fitness = chosen[name]
        section = "outcome" if results_only or name not in ITEM_SIDE else "fields"
        extra_options = dict(fitness.options)
        guess = profiles[column].numbers
        if fitness.is_number and guess.decimal not in {None, decimal}:
            extra_options["decimal"] = guess.decimal
            extra_options["thousands"] = guess.thousands or ""
        if _in_tonnes(column) and name.endswith("_mass_kg"):
            extra_options["scale"] = 1000.0
        if name == "is_irregular" and "values" not in extra_options and _says_compliant(column):
            extra_options["values"] = {
                word: not FLAG_WORDS[word.lower()] for word in profiles[column].common if word.lower() in FLAG_WORDS
            }
        if unknown and name.endswith("_country") and extra_options.get("accept") != ["*"]:
            extra_options["accept"] = unknown
        fields.append(SuggestedField(name, section, column, confidence, extra_options, fitness.notes))
    if not results_only and "item_number" not in chosen and "declaration_id" in chosen:
        ids = frame[chosen["declaration_id"][0]].drop_nulls()
        if len(ids) and ids.n_unique() < 0.95 * len(ids):
            options["number_items"] = True
            notes.append("Several rows share a declaration and none numbers them: they are numbered as they come.")
    used = {column for column, _, _ in chosen.values()}
    left = [name for name in profiles if name not in used]
    telling = [name for name in left if _tells_the_result(name, frame, chosen)]
    for name in telling:
        notes.append(f"{name!r} was left out: it tells the result, which is not known when a declaration comes in.")
    extra = {} if results_only else _extras([name for name in left if name not in telling], profiles)
    required = ("declaration_id", "known_at") if results_only else ("declaration_id", "declared_at", "commodity_code")
    return Suggestion(
        path.name,
        source.kind,
        len(frame),
        options,
        {} if results_only or "value_currency" in chosen else {"value_currency": _currency(chosen)},
        tuple(fields),
        extra,
        tuple(name for name in left if name not in extra.values()),
        tuple(name for name in required if name not in chosen),
        (*notes, *([source.note] if source.note else [])),
        _sheet_doubts(source) + tuple(doubt for entry in chosen.values() for doubt in entry[2].doubts),
    )


def _texts(value: object) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else []


def _says_compliant(column: str) -> bool:
    """A yes in this column means compliant ("Conforme (O/N)"), so that irregular is the no."""
    words = tokens(column)
    return "non" not in words and any(word.startswith(("conform", "complian")) for word in words)


def _in_tonnes(column: str) -> bool:
    return "t" in tokens(column)[1:]


def _currency(chosen: dict[str, tuple[str, float, Fit]]) -> str:
    """The currency that the header of a value names ("Valeur (KRW)"), MAD when none does."""
    from basira.schema.codes import currency_codes

    for name in ("customs_value_amount", "total_tax_amount", "duty_amount"):
        if name in chosen:
            for word in re.findall(r"\b[A-Z]{3}\b", chosen[name][0]):
                if word in currency_codes() and word not in {"TVA", "TIC", "CIF", "CAF", "FOB"}:
                    return str(word)
    return "MAD"


def _tells_the_result(column: str, frame: pl.DataFrame, chosen: dict[str, tuple[str, float, Fit]]) -> bool:
    """Kept among the declared columns, it would give the answer away to every model: by name, or because each of
    its values goes with one result only (20 rows a value at least, results of both kinds)."""
    if sounds_like_a_result(column):
        return True
    if "is_irregular" not in chosen:
        return False
    pair = frame.select(pl.col(column).alias("value"), pl.col(chosen["is_irregular"][0]).alias("result")).drop_nulls()
    if not len(pair) or pair["value"].n_unique() * 20 > len(pair):
        return False
    usual = pair["result"].value_counts()["count"].max()
    by_value = pair.group_by("value", "result").len().group_by("value").agg(pl.col("len").max())["len"].sum()
    return isinstance(usual, int) and usual / len(pair) < 0.99 and by_value / len(pair) > 0.995


def _extras(left: list[str], profiles: dict[str, Profile]) -> dict[str, str]:
    """Unmapped columns with few values, by a name the schema allows: they are features, not free text."""
    extra: dict[str, str] = {}
    for column in left:
        profile = profiles[column]
        few = 1 < profile.distinct <= _CATEGORY_VALUES and (profile.rows < 50 or profile.unique_share <= 0.5)
        if few and profile.longest <= 60 and (profile.dates is None or profile.dates.share < 0.8):
            name = re.sub(r"^[^a-z]+", "", "_".join(tokens(column)))[:_LONGEST_STEM].rstrip("_") or "column"
            named, number = name, 1
            while named in extra:
                number += 1
                named = f"{name}_{number}"
            extra[named] = column
            if len(extra) == MOST_OF_A_SOURCE:
                break
    return extra
