"""The form of an inspection's result, made from what the inspector was asked to verify.

Enters: the items of a decision, the fields of a sent form. Leaves: results as the API takes them, one for each item
that the form lists, or what is wrong, field by field. Never here: a result that was not stated: a line without an
answer is a fault, and "not checked" is never "compliant".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.json_values import JsonObject
from basira.serving.views.answers import ItemBody

Fields = Mapping[str, str]
CONFIRMED, REFUTED, UNCHECKED = "confirmed", "refuted", "unchecked"
COMPLIANT, IRREGULAR, UNINSPECTED = "compliant", "irregular", "uninspected"
# What an inspection may establish, in the order of the form: amounts and measures, then codes.
FOUND_NUMBERS: tuple[str, ...] = (
    "found_value_amount",
    "additional_revenue_amount",
    "found_quantity",
    "found_net_mass_kg",
)
FOUND_CODES: tuple[str, ...] = ("found_commodity_code", "found_origin_country")
FOUND = (*FOUND_NUMBERS, *FOUND_CODES)
REST = "rest"
# With more decimals than two, "1.234" could be a thousand or one.
_NUMBER = re.compile(r"[0-9]{1,15}(?:[.,][0-9]{1,2})?")
_ARABIC_COMMA = "\u066b"  # ARABIC DECIMAL SEPARATOR
_SPACES = re.compile(r"[\s\u00a0\u202f]")


@dataclass(frozen=True)
class Line:
    """One suspicion: its kind, and the sentence that asked for it. ``name``: of its field."""

    kind: str
    text: str
    name: str


@dataclass(frozen=True)
class ItemForm:
    """An item about which something was to be verified. ``others``: the kinds that nothing pointed to."""

    number: int
    lines: tuple[Line, ...]
    others: tuple[str, ...]


@dataclass(frozen=True)
class ResultForm:
    """The parts of the form. ``rest``: numbers of the items without a reason."""

    items: tuple[ItemForm, ...]
    rest: tuple[int, ...]


@dataclass(frozen=True)
class Read:
    """A form that was read. ``faults``: the message of each field that is wrong; then ``results`` are empty."""

    results: tuple[JsonObject, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)


def make_form(items: Sequence[ItemBody]) -> ResultForm:
    """The form for a decision's items, each with `item_number` and `verify`. Where nothing is to be verified, the first
    item has a part without lines, so that its result is stated by itself."""
    asked = [item for item in items if item["verify"]] or list(items[:1])
    parts = []
    for item in asked:
        number = item["item_number"]
        lines = tuple(
            Line(one["code"], one["text"], f"line-{number}-{one['code']}")
            for one in item["verify"]
            if one["code"] in IRREGULARITY_KINDS
        )
        kinds = {line.kind for line in lines}
        parts.append(ItemForm(number, lines, tuple(kind for kind in IRREGULARITY_KINDS if kind not in kinds)))
    named = {part.number for part in parts}
    return ResultForm(tuple(parts), tuple(item["item_number"] for item in items if item["item_number"] not in named))


def read_form(form: ResultForm, fields: Fields, *, lane: str, known_at: datetime) -> Read:
    """The results that a form states. ``lane``: by which the inspection came. ``known_at``: the moment of the form."""
    shared = {"known_at": known_at.isoformat(), "inspection_lane": lane}
    faults: dict[str, str] = {}
    results = []
    for part in form.items:
        values = _read_item(part, fields, faults)
        results.append({"item_number": part.number, **shared, **values})
    if form.rest:
        conclusion = fields.get(REST, "")
        if conclusion not in (COMPLIANT, UNINSPECTED):
            faults[REST] = "fault.choose"
        is_inspected = conclusion == COMPLIANT
        of_rest = {"is_inspected": True, "is_irregular": False} if is_inspected else {"is_inspected": False}
        results += [{"item_number": number, **shared, **of_rest} for number in form.rest]
    return Read(faults=faults) if faults else Read(tuple(results))


def _read_item(part: ItemForm, fields: Fields, faults: dict[str, str]) -> JsonObject:
    name = f"item-{part.number}"
    conclusion = fields.get(name, "")
    if conclusion not in (COMPLIANT, IRREGULAR, UNINSPECTED):
        faults[name] = "fault.choose"
    kinds = {}
    for line in part.lines:
        answer = fields.get(line.name, "")
        if answer in (CONFIRMED, REFUTED):
            kinds[line.kind] = answer == CONFIRMED
        elif answer != UNCHECKED and conclusion != UNINSPECTED:
            faults[line.name] = "fault.choose"
    kinds |= {kind: True for kind in part.others if fields.get(f"more-{part.number}-{kind}")}
    found = read_found(part.number, fields, faults)
    if conclusion == UNINSPECTED:
        if kinds or found:
            faults[name] = "fault.uninspected"
        return {"is_inspected": False}
    if conclusion == COMPLIANT and (any(kinds.values()) or found):
        faults[name] = "fault.compliant"
    if conclusion == IRREGULAR and not any(kinds.values()):
        faults[name] = "fault.which"
    flags = {f"is_irregular_{kind}": value for kind, value in kinds.items()}
    return {"is_inspected": True, "is_irregular": conclusion == IRREGULAR, **flags, **found}


def read_found(number: int, fields: Fields, faults: dict[str, str]) -> dict[str, str]:
    """What was found of an item, as a result states it; a fault of each field that is no number."""
    found = {}
    for name in FOUND:
        text = fields.get(f"found-{number}-{name}", "").strip()
        if not text:
            continue
        if name in FOUND_CODES:
            found[name] = text
        elif (value := read_number(text)) is None:
            faults[f"found-{number}-{name}"] = "fault.number"
        else:
            found[name] = value
    return found


def read_number(text: str) -> str | None:
    """A number as an officer types it, with a decimal point: spaces between thousands, a comma or a point before two
    decimals at most, Arabic digits too. None for everything that could be read in two ways.

    >>> read_number("12 500,50"), read_number("12500.5"), read_number("12.500")
    ('12500.50', '12500.5', None)
    """
    digits = "".join(str(unicodedata.decimal(c, c)) for c in _SPACES.sub("", text).replace(_ARABIC_COMMA, ","))
    return digits.replace(",", ".") if _NUMBER.fullmatch(digits) else None


def write_form(form: ResultForm, outcomes: Sequence[JsonObject]) -> dict[str, str]:
    """The fields of a form as the last results of each item answer it, to be corrected. ``outcomes``: results as they
    are recorded, in order. Codes and numbers are as they are recorded."""
    last: dict[int, JsonObject] = {}
    for result in outcomes:
        if result.get("item_number") is not None:
            last[int(result["item_number"])] = result
    fields: dict[str, str] = {}
    for part in form.items:
        if part.number in last:
            fields |= _write_item(part, last[part.number])
    rest = [last[number] for number in form.rest if number in last]
    if rest:
        fields[REST] = COMPLIANT if all(one.get("is_irregular") is False for one in rest) else UNINSPECTED
    return fields


def _write_item(part: ItemForm, result: JsonObject) -> dict[str, str]:
    answers: Mapping[Any, str] = {True: CONFIRMED, False: REFUTED}
    is_irregular = result.get("is_irregular")
    name = f"item-{part.number}"
    if result.get("is_inspected") is False:
        return {name: UNINSPECTED}
    fields = {} if is_irregular is None else {name: IRREGULAR if is_irregular else COMPLIANT}
    for line in part.lines:
        fields[line.name] = answers.get(result.get(f"is_irregular_{line.kind}"), UNCHECKED)
    fields |= {f"more-{part.number}-{kind}": "yes" for kind in part.others if result.get(f"is_irregular_{kind}")}
    for found in FOUND:
        if (value := result.get(found)) is not None:
            fields[f"found-{part.number}-{found}"] = f"{value:.2f}" if isinstance(value, float) else str(value)
    return fields
