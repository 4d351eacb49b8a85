"""A mapping: how one source's columns become the fields of the schema.

Enters: a TOML file. Leaves: a frozen, checked `Mapping`. Never here: a look at the data file (that is
`columns.check_columns`), or a default that would change what a value means.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from basira.ingest.parse.numbers import EACH
from basira.ingest.rates import RateTable, read_rates
from basira.schema.codes import DEFAULT_CURRENCY, IRREGULARITY_KINDS, currency_codes
from basira.schema.errors import MappingError, NotFoundError, Phrase, join_phrases
from basira.schema.expected import expected_of, phrase_of
from basira.schema.fields import CHECKED, DECLARATION_FIELDS, EXTRA_PREFIX, ITEM_FIELDS, OUTCOME_FIELDS
from basira.schema.fields import Field as SchemaField
from basira.schema.names import MOST_OF_A_SOURCE, OWN_NAME, is_kept_name, is_own_name
from basira.schema.shipped import shipped
from basira.schema.text import ALLOWED_SIGNS, find_odd

ITEM_SIDE: dict[str, SchemaField] = {field.name: field for field in DECLARATION_FIELDS + ITEM_FIELDS}
OUTCOME_SIDE: dict[str, SchemaField] = {field.name: field for field in OUTCOME_FIELDS}

DEFAULT_NULL_VALUES = ("", "NULL", "null", "None", "nan", "NaN", "NaT", "\\N")
# The flag of each kind of irregularity.
IRREGULARITY_FLAGS: dict[str, str] = {f"is_irregular_{kind}": kind for kind in IRREGULARITY_KINDS}
_NUMERIC = frozenset({"amount", "measure", "rate", "integer"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceFormat(_Strict):
    """How the file is written. Everything that could change a value's meaning is declared, never guessed."""

    format: Literal["auto", "csv", "parquet", "xlsx", "jsonl", "sad-xml"] = "auto"
    separator: str = "auto"
    encoding: str = "auto"
    header_row: int = Field(default=1, ge=0, le=1000)  # 0: find it
    header_rows: Literal[1, 2] = 1  # 2: groups are above the names
    sheet: str | tuple[str, ...] = ""  # "*": all sheets with one header
    decimal: Literal[".", ","] = "."
    thousands: Literal["", " ", ".", ",", "'"] = ""
    day_first: bool = False
    date_formats: tuple[str, ...] = ()
    null_values: tuple[str, ...] = DEFAULT_NULL_VALUES
    earliest: date = date(1990, 1, 1)
    latest: date = date(2079, 12, 31)
    zone: str = "Africa/Casablanca"  # the local time that a moment with Z or an offset becomes
    number_items: bool = False
    absent_columns: Literal["error", "empty"] = "error"  # "empty": optional fields may lack their column

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(
                Phrase("expected the name of a time zone, such as Africa/Casablanca, found {value!r}", value=value)
            )
        return value

    @field_validator("separator")
    @classmethod
    def _one_character(cls, value: str) -> str:
        if value != "auto" and len(value) != 1:
            raise ValueError(Phrase("expected one character, or 'auto'"))
        return value


class Column(_Strict):
    """Where a field comes from, and how it is written there."""

    column: str = ""
    columns: tuple[str, ...] = ()  # several, joined by `join`; empty parts are left out
    join: str = ""
    percent: bool = False
    scale: float = 1.0
    digits: tuple[int, ...] = ()
    formats: tuple[str, ...] = ()
    day_first: bool | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal["", " ", ".", ",", "'"] | None = None
    currency: str = ""  # whose marks may be beside an amount
    values: dict[str, str] = Field(default_factory=dict)
    accept: tuple[str, ...] = ()

    @field_validator("digits", mode="before")
    @classmethod
    def _digits(cls, value: object) -> object:
        return (value,) if isinstance(value, int) else value

    @field_validator("currency")
    @classmethod
    def _iso_currency(cls, value: str) -> str:
        return _currency(value) if value not in ("", EACH) else value

    @field_validator("values", mode="before")
    @classmethod
    def _texts(cls, value: object) -> object:
        if isinstance(value, dict):
            return {str(k): _as_text(v) for k, v in value.items()}
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Column:
        if bool(self.column) == bool(self.columns):
            raise ValueError(Phrase("expected either 'column' or 'columns'"))
        if any(not 2 <= d <= 12 for d in self.digits):
            raise ValueError(Phrase("expected 'digits' to be numbers from 2 to 12"))
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return self.columns or (self.column,)


def _currency(value: str) -> str:
    if value not in currency_codes():
        raise ValueError(Phrase("expected a currency of ISO 4217, such as MAD, found {value!r}", value=value))
    return value


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _as_column(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


MappedColumn = Annotated[Column, BeforeValidator(_as_column)]


class RatesSource(_Strict):
    """Where dated rates to the history's currency are. ``file``: CSV, beside the mapping. ``most_days``: so old a
    rate may be on the day of a declaration."""

    file: str
    currency: str = DEFAULT_CURRENCY
    most_days: int = Field(default=7, ge=0, le=366)

    @field_validator("currency")
    @classmethod
    def _iso_currency(cls, value: str) -> str:
        return _currency(value)


class Kinds(_Strict):
    """One column that names the kinds of irregularity found. ``values``: its words, each with a kind of the schema, or
    "none" for a result without any. A cell may hold several words, cut at "," ";" "/" "+" or "|"."""

    column: str
    values: dict[str, Literal["none", "value", "classification", "origin", "quantity", "prohibited", "documents"]]


class Mapping(_Strict):
    """One source's mapping. ``fields`` empty: a file of results only (`basira feedback`)."""

    version: Literal[1] = 1
    name: str = ""
    description: str = ""
    source: SourceFormat = SourceFormat()
    constants: dict[str, str] = Field(default_factory=dict)
    fields: dict[str, MappedColumn] = Field(default_factory=dict)
    outcome: dict[str, MappedColumn] = Field(default_factory=dict)
    known_after_days: int | None = Field(default=None, ge=0, le=3650)
    kinds: Kinds | None = None
    extra: dict[str, str] = Field(default_factory=dict)
    rates: RatesSource | None = None
    # What `mapping suggest` left open, by field or "file": nothing is taken in until a person has decided each.
    doubts: dict[str, str] = Field(default_factory=dict)
    # The content of the file of [rates]: no content of the mapping, so its digest does not change with each new rate.
    _table: RateTable | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _lift_from_outcome(cls, raw: Any) -> Any:
        """`known_after_days` and `kinds` are written in [outcome], where a person looks for them."""
        if isinstance(raw, dict) and isinstance(raw.get("outcome"), dict):
            outcome = dict(raw["outcome"])
            lifted = {key: outcome.pop(key) for key in ("known_after_days", "kinds") if key in outcome}
            return {**raw, **lifted, "outcome": outcome}
        return raw

    @field_validator("constants", mode="before")
    @classmethod
    def _constant_texts(cls, value: object) -> object:
        return {str(k): _as_text(v) for k, v in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Mapping:
        for problem in _problems(self):
            raise ValueError(problem)
        if not info.context:
            for problem in _own_problems(self):
                raise ValueError(problem)
        return self

    @property
    def has_items(self) -> bool:
        return bool(self.fields)

    @property
    def has_outcomes(self) -> bool:
        return bool(self.outcome) or self.kinds is not None

    @property
    def gives_version(self) -> bool:
        return "declaration_version" in self.fields

    def as_recorded(self) -> Mapping:
        """The same for values that were read by it before, whose words are translated already."""
        fields = {name: column.model_copy(update={"values": {}}) for name, column in self.fields.items()}
        return self.model_copy(update={"fields": fields})

    @property
    def rate_table(self) -> RateTable | None:
        """The rates that [rates] names; None without that section. Raises MappingError when they were not read."""
        if self.rates is not None and self._table is None:
            raise MappingError(
                "Expected the rates that [rates] of the mapping {value!r} names, found a mapping without them.",
                hint="Read the mapping from its file, with the table of rates beside it.",
                value=self.name,
            )
        return self._table

    def with_rates(self, table: RateTable) -> Mapping:
        """The same with the rates that its [rates] names."""
        copy = self.model_copy()
        copy._table = table
        return copy

    @property
    def digest(self) -> str:
        """SHA-256 of the mapping's content; comments and layout don't count."""
        return self.stored_form()[0]

    def stored_form(self) -> tuple[str, str]:
        """As a store keeps it: its digest and its canonical text."""
        text = self.canonical_text()
        return hashlib.sha256(text.encode()).hexdigest(), text

    def canonical_text(self) -> str:
        """The mapping as TOML in one fixed layout."""
        import tomli_w

        raw = self.model_dump(mode="python", exclude_defaults=True)
        in_outcome = {key: raw.pop(key) for key in ("known_after_days", "kinds") if raw.get(key) is not None}
        if in_outcome:
            raw["outcome"] = {**raw.get("outcome", {}), **in_outcome}
        return tomli_w.dumps({"version": 1, **raw})


def _problems(mapping: Mapping) -> Iterator[Phrase]:
    for section, allowed in (("fields", ITEM_SIDE), ("outcome", OUTCOME_SIDE)):
        for name, column in getattr(mapping, section).items():
            if name not in allowed:
                yield Phrase(
                    "[{section}] {name!r} is no field of the schema; {name_2}",
                    section=section,
                    name=name,
                    name_2=closest(name, allowed),
                )
                continue
            yield from (
                Phrase("[{section}] {name}: {words}", section=section, name=name, words=words)
                for words in _misfits(allowed[name], column)
            )
            yield from _odd_text(f"[{section}] {name}.values", allowed[name], column.values.values())
            yield from _odd_text(f"[{section}] {name}.accept", allowed[name], column.accept)
    for name in mapping.constants:
        if name not in ITEM_SIDE and name not in OUTCOME_SIDE:
            yield Phrase(
                "[constants] {name!r} is no field of the schema; {name_2}",
                name=name,
                name_2=closest(name, {**ITEM_SIDE, **OUTCOME_SIDE}),
            )
        yield from _odd_text(
            f"[constants] {name}", ITEM_SIDE.get(name) or OUTCOME_SIDE.get(name), [mapping.constants[name]]
        )
        if name in mapping.fields or name in mapping.outcome:
            yield Phrase("[constants] {name!r} is mapped to a column as well; expected one of the two", name=name)
    if not mapping.fields and not mapping.outcome:
        yield Phrase("expected a [fields] section (declarations), an [outcome] section (results), or both")
    if mapping.fields:
        for name, field in ITEM_SIDE.items():
            if field.required and name not in mapping.fields and name not in mapping.constants:
                yield Phrase("[fields] misses the required field {name!r}", name=name)
        if "declaration_id" in mapping.outcome or "item_number" in mapping.outcome:
            yield Phrase("[outcome] declaration_id and item_number come from [fields] in a file of declarations")
    elif "declaration_id" not in mapping.outcome:
        yield Phrase("[outcome] misses the required field 'declaration_id'")
    if mapping.rates is not None and not mapping.fields:
        yield Phrase("[rates] is for files of declarations; a file of results gives amounts in the history's currency")
    if mapping.source.number_items and "item_number" in mapping.fields:
        yield Phrase("[source] number_items is for files without item numbers, yet [fields] maps item_number")
    if mapping.source.thousands and mapping.source.thousands == mapping.source.decimal:
        yield Phrase("[source] decimal and thousands are the same character")
    if mapping.known_after_days is not None and ("known_at" in mapping.outcome or not mapping.fields):
        yield Phrase("[outcome] known_after_days is for labelled declarations without a known_at column")


def _odd_text(place: str, field: SchemaField | None, texts: Iterable[str]) -> Iterator[Phrase]:
    """What the mapping itself would put into a row, and every row would then be rejected for."""
    if field is None or field.is_prose or field.type not in CHECKED:
        return
    for text in texts:
        if (odd := find_odd(text.strip())) is not None:
            yield Phrase(
                "{place}: expected {allowed}, found {place_2}", place=place, allowed=ALLOWED_SIGNS, place_2=odd.place
            )


def _own_problems(mapping: Mapping) -> Iterator[Phrase]:
    if "value_currency" not in mapping.fields:
        code = mapping.constants.get("value_currency", DEFAULT_CURRENCY)
        for name, column in mapping.fields.items():
            if column.currency not in ("", EACH, code) and ITEM_SIDE[name].unit == "value currency":
                yield (
                    Phrase(
                        "[fields] {name}: cells are read as amounts of {currency}, and value_currency is {code}; "
                        'expected [constants] value_currency = "{currency}"',
                        name=name,
                        currency=column.currency,
                        code=code,
                    )
                )
    elif any(column.currency == EACH for column in mapping.fields.values()):
        yield Phrase(
            "[fields] value_currency is mapped, and amounts name it (currency = {each!r}); expected one of the two",
            each=EACH,
        )
    for name in mapping.extra:
        if not is_own_name(EXTRA_PREFIX + name):
            yield Phrase(
                "[extra] {name!r} is kept as {extra_prefix}{name}; expected {rule}",
                name=name,
                extra_prefix=EXTRA_PREFIX,
                rule=OWN_NAME,
            )
    yield from _shared_columns(mapping)
    if len(mapping.extra) > MOST_OF_A_SOURCE:
        yield Phrase(
            "[extra] has {extra_count} fields; expected at most {most_of_a_source}",
            extra_count=len(mapping.extra),
            most_of_a_source=MOST_OF_A_SOURCE,
        )


def _shared_columns(mapping: Mapping) -> Iterator[Phrase]:
    """A column of a result that is declared as well would give every model the answer."""
    results = {name: f"[outcome] {field}" for field, column in mapping.outcome.items() for name in column.names}
    if mapping.kinds is not None:
        results[mapping.kinds.column] = "[outcome] kinds"
    declared = {name: f"[fields] {field}" for field, column in mapping.fields.items() for name in column.names}
    for name, column in mapping.extra.items():
        if column in results:
            yield Phrase(
                "[extra] {name!r} and {results} read one column, {column!r}; expected it in one section",
                name=name,
                results=results[column],
                column=column,
            )
    for column, place in results.items():
        if column in declared and not place.endswith("_at"):  # a day may be the declaration's and the result's
            yield Phrase(
                "{declared} and {place} read one column, {column!r}; expected it in one section",
                declared=declared[column],
                place=place,
                column=column,
            )
    for field in mapping.outcome:
        if mapping.kinds is not None and field in IRREGULARITY_FLAGS:
            yield Phrase("[outcome] {field!r} is given by 'kinds' as well; expected one of the two", field=field)


def _misfits(field: SchemaField, column: Column) -> Iterator[Phrase]:
    if column.percent and field.type != "rate":
        yield Phrase("'percent' is for rates, this is a {type}", type=field.type)
    if column.scale != 1.0 and field.type not in _NUMERIC:
        yield Phrase("'scale' is for numbers, this is a {type}", type=field.type)
    if column.currency and field.type != "amount":
        yield Phrase("'currency' is for amounts, this is a {type}", type=field.type)
    if column.currency == EACH and (field.unit != "value currency" or column.columns):
        yield Phrase("currency = {each!r} is for one column of amounts in the value currency", each=EACH)
    if column.digits and field.type != "commodity":
        yield Phrase("'digits' is for commodity codes, this is a {type}", type=field.type)
    if column.formats and field.type != "timestamp":
        yield Phrase("'formats' is for dates, this is a {type}", type=field.type)
    if column.accept and field.type not in {"country", "currency"}:
        yield Phrase("'accept' is for countries and currencies, this is a {type}", type=field.type)


def closest(name: str, allowed: dict[str, SchemaField]) -> Phrase:
    import difflib

    near = difflib.get_close_matches(name, list(allowed), n=3, cutoff=0.5)
    return Phrase("closest: {near}", near=", ".join(near)) if near else Phrase("see 'basira schema'")


def parse_mapping(text: str, *, name: str, is_kept: bool = False) -> Mapping:
    """Read a mapping from TOML text. ``name`` says where it came from, in messages.

    ``is_kept``: a store keeps it, because a source was read by it. Its own fields may then have the longer names, and
    be as many, as an earlier version allowed; those that no rule allows any more are left out.

    Raises MappingError, naming every fault by section and key.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(
            "Expected TOML in the mapping {name}, found a fault: {error}.",
            hint='Text goes between quotes: field = "Column name".',
            name=name,
            error=error,
        ) from None
    raw.setdefault("name", Path(name).stem)
    if is_kept and isinstance(raw.get("extra"), dict):
        raw["extra"] = {n: column for n, column in raw["extra"].items() if is_kept_name(EXTRA_PREFIX + n)}
    try:
        return Mapping.model_validate(raw, context=is_kept or None)
    except ValidationError as error:
        faults = [_fault_of(entry) for entry in error.errors()]
        raise MappingError(
            "The mapping {name} is not valid: {faults}.",
            hint="Compare with docs/reference/mapping.md, or start from 'basira mapping suggest FILE'.",
            name=name,
            faults=join_phrases(faults, "; "),
        ) from None


def _fault_of(entry: ErrorDetails) -> Phrase:
    place = ".".join(str(part) for part in entry["loc"] if part != "function-before[_as_column(), Column]")
    if entry["type"] == "extra_forbidden":
        return Phrase("unknown key {name!r}", name=place)
    error = entry.get("ctx", {}).get("error")
    if isinstance(error, ValueError):
        fault = phrase_of(error)
        return Phrase("{place}: {fault}", place=place, fault=fault) if place else fault
    return Phrase("{place}: expected {expected}", place=place or "mapping", expected=expected_of(entry))


def load_mapping(reference: str | Path) -> Mapping:
    """Read a mapping file, or a shipped one by its name ("kcs").

    Raises MappingError (invalid), NotFoundError (no such file, no such shipped mapping).
    """
    path = Path(reference)
    if not path.is_file() and path.suffix == "" and path.name == str(reference):
        path = shipped("mappings") / f"{reference}.toml"
    if not path.is_file():
        names = ", ".join(sorted(entry.stem for entry in shipped("mappings").glob("*.toml")))
        raise NotFoundError(
            "Expected a mapping file, found none at {reference!r}.",
            hint="Shipped mappings: {names}. Make one with 'basira mapping suggest FILE --out M.toml'.",
            reference=str(reference),
            names=names,
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise MappingError(
            "Expected UTF-8 text in the mapping {path}, found another encoding.",
            hint="Save the mapping as UTF-8.",
            path=path,
        ) from None
    mapping = parse_mapping(text, name=str(path))
    if mapping.rates is None:
        return mapping
    given = mapping.rates
    table = read_rates(path.parent / given.file, currency=given.currency, most_days=given.most_days)
    return mapping.with_rates(table)
