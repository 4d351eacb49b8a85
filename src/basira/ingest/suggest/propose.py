"""A mapping proposed from a file's headers and contents, for a person to correct.

Enters: a file. Leaves: a `Suggestion`: fields with their column and confidence, and the text of a mapping
that reads the file as it is in ordinary cases. Never here: a field mapped whose contents don't fit it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path

import polars as pl

from basira.ingest.mapping.model import ITEM_SIDE, OUTCOME_SIDE, Column, SourceFormat, load_mapping
from basira.ingest.parse.countries import country_of
from basira.ingest.parse.dates import ISO_FORMATS, ZONED_FORMATS
from basira.ingest.parse.flags import FLAG_WORDS
from basira.ingest.readers.bounds import SAMPLE_BYTES
from basira.ingest.readers.source import Source, open_source
from basira.ingest.rows.parse import parse_text
from basira.ingest.suggest.currencies import currency_of, other_currencies
from basira.ingest.suggest.doubts import FILE, MOST_EXAMPLES, Doubt
from basira.ingest.suggest.fit import Fit, fit
from basira.ingest.suggest.headers import name_score, own_name, scale_of, tokens
from basira.ingest.suggest.profile import Profile, profile_column
from basira.ingest.suggest.results import find_kinds, why_telling
from basira.ingest.suggest.settle import settle
from basira.schema.codes import DEFAULT_CURRENCY
from basira.schema.names import MOST_OF_A_SOURCE

# Every row of a file up to 100 MB: what is rare (one unknown country, one month-end date) counts most.
_WHOLE_BYTES = 100 << 20
_SAMPLE_ROWS_PER_BATCH = 10_000
_LEAST = 0.55  # a weaker name is not proposed: a wrong mapping costs more than a missing one
_CATEGORY_VALUES = 300
_NAMES_IT = 0.85  # a header that scores so much names the field, whatever its cells hold
_MOST_AROUND = 100  # titles and notes that are looked at
_OFTEN = 5  # rows with a value that is no country, from which on it is offered for `accept`


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
    ``doubts``: what a person must decide before anything is taken in. ``constants_from``: of what."""

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
    kinds: tuple[str, dict[str, str]] | None = None  # a column that names kinds of irregularity, and its words
    left_out: dict[str, str] = dataclass_field(
        default_factory=dict
    )  # why, of columns of ``unmapped`` that are named or telling
    constants_from: str = "Not in the file: check it."
    other_currencies: tuple[str, ...] = ()  # that headers, cells or a column name beside the schema's own

    @property
    def is_results_only(self) -> bool:
        return bool(self.fields) and all(entry.section == "outcome" for entry in self.fields)


def suggest_mapping(path: Path, *, header_row: int = 0, sheets: Sequence[str] = ()) -> Suggestion:
    """Propose a mapping for a file. ``header_row``: 0 to find it; ``sheets``: of a workbook, none to choose.

    Raises SourceError when the file can't be read, MappingError when it has no such sheet.
    """
    sheet = sheets[0] if len(sheets) == 1 else tuple(sheets) or ""
    source = open_source(path, SourceFormat(header_row=header_row, sheet=sheet))
    frame, rows, around = _sample(source)
    separator, detected = _detect(path, source)
    if source.kind == "sad-xml":
        return _adapt_mapping(path, source, frame, "asycuda-sad")
    kinds = next(((name, found) for name in frame.columns if (found := find_kinds(frame[name])) is not None), None)
    profiles = settle(
        {
            name: profile_column(frame[name], separator=separator, rows=rows)
            for name in frame.columns
            if kinds is None or name != kinds[0]
        }
    )
    chosen = _assign(profiles)
    results_only = "commodity_code" not in chosen and (
        kinds is not None or any(name in chosen for name in ("is_irregular", "severity", "additional_revenue_amount"))
    )
    file = _File(path, source, frame, detected, kinds, around, profiles)
    return _compose(file, chosen, results_only)


def _adapt_mapping(path: Path, source: Source, frame: pl.DataFrame, name: str) -> Suggestion:
    """The shipped mapping of a system's own format, without the fields that the file lacks."""
    mapping = load_mapping(name)
    fields: list[SuggestedField] = []
    doubts: list[Doubt] = []
    notes = [f"Started from the shipped mapping {name!r}."]
    options = mapping.source.model_dump(exclude_defaults=True)
    for field_name, column in mapping.fields.items():
        present = [one for one in column.names if one in frame.columns and frame[one].null_count() < len(frame)]
        if not present:
            if ITEM_SIDE[field_name].required or (len(column.names) == 1 and column.column in frame.columns):
                notes.append(f"{field_name}: {' and '.join(column.names)} is empty or absent.")
            continue
        given = column.model_dump(exclude_defaults=True)
        fields.append(
            SuggestedField(
                field_name,
                "fields",
                given.pop("column", " + ".join(column.names)),
                1.0,
                {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()},
            )
        )
        if field_name == "declared_at":
            found = fit(field_name, profile_column(frame[present[0]], separator=""))
            doubts += found.doubts
            if found.dates is not None and found.dates.is_sure:
                options["day_first"] = found.dates.day_first
                if any(form.startswith("%m") for form in found.dates.formats):
                    options["date_formats"] = list(found.dates.formats)
    named = {one for column in mapping.fields.values() for one in column.names}
    extra = {key: column for key, column in mapping.extra.items() if column in frame.columns}
    return Suggestion(
        path.name,
        source.kind,
        len(frame),
        {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()},
        {"value_currency": DEFAULT_CURRENCY},
        tuple(fields),
        extra,
        tuple(one for one in frame.columns if one not in named and one not in extra.values()),
        tuple(
            one for one, described in ITEM_SIDE.items() if described.required and one not in {f.field for f in fields}
        ),
        tuple(notes),
        tuple(doubts),
    )


def _sample(source: Source) -> tuple[pl.DataFrame, pl.Series, tuple[tuple[int, str], ...]]:
    """The rows and their numbers in the file: all, or some from all over the first 400 MB, because a file sorted by
    date shows one month at its top. Titles and notes, each with its line."""
    parts: list[pl.DataFrame] = []
    around: list[tuple[int, str]] = []
    numbers: list[pl.Series] = []
    held = 0.0
    for batch in source.batches():
        whole = source.size_bytes <= _WHOLE_BYTES
        step = 1 if whole else max(1, -(-len(batch.frame) // _SAMPLE_ROWS_PER_BATCH))
        parts.append(batch.frame.gather_every(step))
        numbers.append(batch.rows.gather_every(step))
        held += parts[-1].estimated_size()
        around += [(entry.line, entry.text) for entry in batch.not_data if entry.kind in {"title", "note"}]
        if max(batch.bytes_read, held) > SAMPLE_BYTES:
            break
    frame = pl.concat(parts, how="diagonal") if parts else pl.DataFrame()
    names = [*source.columns, *(name for name in frame.columns if name not in source.columns)]
    whole_frame = frame.select(
        pl.col(name) if name in frame.columns else pl.lit(None, dtype=pl.String).alias(name) for name in names
    )
    row_numbers = pl.concat(numbers) if numbers else pl.Series("row", [], dtype=pl.Int64)
    return whole_frame, row_numbers, tuple(around[:_MOST_AROUND])


def _detect(path: Path, source: Source) -> tuple[str, dict[str, object]]:
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
    alone = f"sheet = {json.dumps(source.sheet, ensure_ascii=False)} in [source]: this one alone"
    together = 'sheet = "*" in [source]: all sheets of this header are read, one after the other'
    return tuple(
        Doubt(
            FILE,
            f"The sheet {source.sheet!r} was looked at; {others}: {', '.join(map(repr, names))}.",
            0,
            0,
            choices=choices,
        )
        for names, others, choices in (
            (source.alike, "others have the same header", (together, alone)),
            (source.near, "others have most of its columns", ("rename their columns, or export them apart", alone)),
        )
        if names
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


@dataclass(frozen=True)
class _File:
    """What was seen of a file. ``around``: titles and notes; ``kinds``: of irregularity, as in a suggestion."""

    path: Path
    source: Source
    frame: pl.DataFrame
    detected: dict[str, object]
    kinds: tuple[str, dict[str, str]] | None
    around: tuple[tuple[int, str], ...]
    profiles: dict[str, Profile]


def _compose(file: _File, chosen: dict[str, tuple[str, float, Fit]], results_only: bool) -> Suggestion:
    source, frame, profiles = file.source, file.frame, file.profiles
    if results_only:  # a date in a file of results is when the result became known, unless another says so
        if "declared_at" in chosen and "known_at" not in chosen:
            column, confidence, fitness = chosen.pop("declared_at")
            chosen["known_at"] = (column, round(confidence * 0.8, 3), fitness)
        chosen = {name: entry for name, entry in chosen.items() if name in OUTCOME_SIDE}
    options = dict(file.detected)
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
    # Columns that differ in more than the clock have formats of their own: a union would read one by the other's.
    differ = len({guess.formats for guess in dates}) > 1
    forms = [] if differ else list(dict.fromkeys(form for guess in dates for form in guess.formats))
    if not set(forms) <= {*ISO_FORMATS, *ZONED_FORMATS}:
        options["date_formats"] = forms
    if dates and not differ and all(guess.day_first for guess in dates):
        options["day_first"] = True
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
        if differ and fitness.dates is not None and not set(fitness.dates.formats) <= {*ISO_FORMATS, *ZONED_FORMATS}:
            extra_options["formats"] = list(fitness.dates.formats)
        guess = profiles[column].numbers
        if fitness.is_number and guess.decimal not in {None, decimal}:
            extra_options["decimal"] = guess.decimal
            extra_options["thousands"] = guess.thousands or ""
        extra_notes = fitness.notes
        if (scale := scale_of(column, name)) != 1.0:
            extra_options["scale"] = scale
            extra_notes = (*extra_notes, f"multiplied by {scale:g}, as the header says")
        if name == "is_irregular" and "values" not in extra_options and _says_compliant(column):
            extra_options["values"] = {
                word: not FLAG_WORDS[word.lower()] for word in profiles[column].common if word.lower() in FLAG_WORDS
            }
        if unknown and name.endswith("_country") and extra_options.get("accept") != ["*"]:
            extra_options["accept"] = unknown
        if name == "preference" and (none := _claims_none(profiles[column])):
            extra_options["values"] = dict.fromkeys(none, "")
            extra_notes = (*extra_notes, f"{', '.join(none)}: no preference claimed")
        if name.endswith("_country") and extra_options.get("accept") != ["*"]:
            extra_notes = (*extra_notes, *_offers(frame[column], _texts(extra_options.get("accept"))))
        fields.append(SuggestedField(name, section, column, confidence, extra_options, extra_notes))
    if not results_only and "item_number" not in chosen and "declaration_id" in chosen:
        ids = frame[chosen["declaration_id"][0]].drop_nulls()
        if len(ids) and ids.n_unique() < 0.95 * len(ids):
            options["number_items"] = True
            notes.append("Several rows share a declaration and none numbers them: they are numbered as they come.")
    used = {column for column, _, _ in chosen.values()}
    misfits, notices = _misfits(frame, profiles, {entry.field for entry in fields}, used, options, results_only)
    notes += notices
    fields += [entry for entry, _ in misfits]
    used |= {entry.column for entry, _ in misfits}
    left = [name for name in profiles if name not in used]
    result = frame[chosen["is_irregular"][0]] if "is_irregular" in chosen else None
    telling = {name: why for name in left if (why := why_telling(name, frame[name], result))}
    for name, why in telling.items():
        notes.append(f"{name!r} was left out: {why}, which is not known when a declaration comes in.")
    extra = {} if results_only else _extras([name for name in left if name not in telling], profiles)
    columns = {entry.field: entry.column for entry in fields}
    constants, constants_from, currency_doubts = currency_of(columns, profiles, file.around)
    required = ("declaration_id", "known_at") if results_only else ("declaration_id", "declared_at", "commodity_code")
    return Suggestion(
        file.path.name,
        source.kind,
        len(frame),
        options,
        {} if results_only or "value_currency" in chosen else constants,
        tuple(fields),
        extra,
        tuple(name for name in left if name not in extra.values()),
        tuple(name for name in required if name not in chosen),
        (*notes, *([source.note] if source.note else [])),
        (
            *_sheet_doubts(source),
            *(doubt for entry in chosen.values() for doubt in entry[2].doubts),
            *(doubt for _, doubt in misfits),
            *(() if results_only else currency_doubts),
        ),
        file.kinds,
        telling,
        constants_from,
        () if results_only else other_currencies(columns, constants, profiles),
    )


def _misfits(
    frame: pl.DataFrame,
    profiles: dict[str, Profile],
    proposed: set[str],
    used: set[str],
    options: dict[str, object],
    results_only: bool,
) -> tuple[list[tuple[SuggestedField, Doubt]], list[str]]:
    """Columns that are named like a field which no column has got, and whose cells that field can't take.

    They stay proposed for it, each with a doubt that shows the cells. What is readable and yet looks like another thing
    is reported in a note.
    """
    style = SourceFormat.model_validate(options)
    sides = OUTCOME_SIDE if results_only else {**OUTCOME_SIDE, **ITEM_SIDE}
    found: list[tuple[SuggestedField, Doubt]] = []
    notes: list[str] = []
    for column, profile in profiles.items():
        if column in used:
            continue
        score, name = max((name_score(column, one), one) for one in sides)
        if score < _NAMES_IT or name in proposed:
            continue
        raw = frame[column].str.strip_chars()
        raw = raw.set(raw.is_in(list(style.null_values)).fill_null(False), None)
        faults = parse_text(sides[name], Column(column=column), raw, style)[1]
        rows = sorted({row for fault in faults for row in fault.mask.arg_true().to_list()})
        if not rows:
            notes.append(f"{column!r} is named like {name}, and its values look like another thing: it is not mapped.")
            continue
        reasons = "; ".join(dict.fromkeys(f"expected {fault.expected}" for fault in faults))
        question = f"{column!r} is named like {name}, and cells of it can't be read: {reasons}."
        examples = tuple((row + 1, str(raw[row])) for row in rows[:MOST_EXAMPLES])
        choices = (
            f"remove the line of {name}: the column is left out",
            f"leave it as it is: the {len(rows):,} rows are rejected, each with its reason",
            f'{name} = {{ column = "...", values = {{ ... }} }}: each cell that can\'t be read, with what it means',
        )
        doubt = Doubt(name, question, len(rows), profile.filled, examples, choices)
        section = "fields" if name in ITEM_SIDE and not results_only else "outcome"
        share = round(0.3 * (1 - len(rows) / profile.filled), 3)
        found.append((SuggestedField(name, section, column, share, {}, ("cells can't be read: see [doubts]",)), doubt))
        proposed = proposed | {name}
    return found, notes


def _offers(values: pl.Series, accepted: list[str]) -> list[str]:
    """What is no country and occurs often, to be kept with `accept` or corrected."""
    counts = values.drop_nulls().str.strip_chars().value_counts(sort=True).filter(pl.col("count") >= _OFTEN)
    return [
        f'{word!r} is no country: its {count:,} rows are rejected; accept = ["{word}"] keeps it'
        for word, count in counts.rows()
        if word and word.upper() not in accepted and country_of(word) is None
    ][:5]


def _texts(value: object) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else []


def _says_compliant(column: str) -> bool:
    """A yes in this column means compliant ("Conforme (O/N)"), so that irregular is the no."""
    words = tokens(column)
    return "non" not in words and any(word.startswith(("conform", "complian")) for word in words)


def _claims_none(profile: Profile) -> list[str]:
    """The words for no of a column of preferences: of a column of such words and of yes, or beside longer codes. Beside
    codes of one letter an N may be one of them."""
    none = [word for word in profile.words if FLAG_WORDS.get(word.lower()) is False]
    codes = [word for word in profile.words if word.lower() not in FLAG_WORDS]
    return none if profile.flag_share == 1 or (codes and min(map(len, codes)) > 1) else []


def _extras(left: list[str], profiles: dict[str, Profile]) -> dict[str, str]:
    """Unmapped columns with few values, by a name the schema allows: they are features, not free text."""
    extra: dict[str, str] = {}
    for column in left:
        profile = profiles[column]
        few = 1 < profile.distinct <= _CATEGORY_VALUES and (profile.rows < 50 or profile.unique_share <= 0.5)
        if few and profile.longest <= 60 and (profile.dates is None or profile.dates.share < 0.8):
            name = own_name(column)
            named, number = name, 1
            while named in extra:
                number += 1
                named = f"{name}_{number}"
            extra[named] = column
            if len(extra) == MOST_OF_A_SOURCE:
                break
    return extra
