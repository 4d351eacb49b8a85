"""The inspection list as a page for screen and paper: a summary, one line a declaration, then one card each.

Enters: an `InspectionList`, a language, a reader, the policy's lane names. Leaves: HTML. Never here: what is listed;
a chart, a figure of the model's quality: those are in the evaluation's report.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from basira.explain.explanation import Reader
from basira.explain.inspection_list.entries import Entry, list_entries, offices_of
from basira.explain.sentences import ItemText, round_amount, say_verification
from basira.explain.words import catalog_of, field_word, say_conversion
from basira.explain.words_figures import KILOGRAMS
from basira.render import numbers
from basira.render.catalogs import Catalog
from basira.render.languages import isolate
from basira.render.numbers import country_name
from basira.render.page import mark_safe, render_page
from basira.render.shown import shown
from basira.schema.codes import format_code
from basira.schema.records import DeclarationLine, InspectionList, ItemLine

_TEMPLATES = Path(__file__).parents[1] / "templates"
RESULT_KINDS: tuple[str, ...] = (
    "compliant",
    "value",
    "classification",
    "origin",
    "quantity",
    "prohibited",
    "documents",
    "not_inspected",
)
_NAMED_PARTIES = ("importer_id", "declarant_id", "exporter_id")
# Of no use on a card: the office is on every page, and the mode of transport is a number.
_NOT_ON_CARDS = ("office", "transport_mode")
# Items that a card shows: those with reasons first. The workbook has them all.
MOST_ITEMS = 2


@dataclass(frozen=True)
class _Office:
    """``use``: by lane the text "3 of 8"; ``head_css``: the running head of its pages, as a CSS string."""

    office: str
    name: str
    anchor: str
    head_css: str
    entries: tuple[Entry, ...]
    use: Mapping[str, str]
    released: int | None
    random: int
    potential: str
    expected: str


def inspection_page(
    inspections: InspectionList,
    *,
    language: str,
    reader: Reader = "unit",
    lane_names: Mapping[str, str] | None = None,
    software: str = "",
    strict: bool = False,
) -> str:
    """The whole list as one HTML page that needs no network and no script.

    The first page has a summary by office and one line a declaration; then each office begins a page, with a card a
    declaration: why, what is at stake, at most `MOST_ITEMS` items with reasons and verifications, boxes for the
    result. ``reader``: an inspector is shown no stakes, no probability, and not which controls are random.
    """
    catalog = catalog_of(language, strict=strict)
    names = lane_names or {}
    entries = list_entries(inspections, language=language, reader=reader, strict=strict)
    lanes = list(dict.fromkeys([*(u.lane for u in inspections.capacity), *(e.line.selection.lane for e in entries)]))
    title = catalog.say("list.title_day", day=numbers.format_date(inspections.day, language=language))
    values: dict[str, Any] = {
        "inspections": inspections,
        "reader": reader,
        "offices": list(_offices(inspections, entries, lanes, catalog)),
        "lanes": lanes,
        "entry_count": len(entries),
        "lane_name": lambda lane: names.get(lane, lane),
        "short_lane": lambda lane: _short(names.get(lane, lane)),
        "anchor": lambda e: f"d{entries.index(e)}",
        "goods": _goods,
        "lead": lambda e: next((text.lead for _, text in shown_items(e) if text.lead), "–"),
        "currency": next((line.value_currency for line in inspections.lines), ""),
        "potential": lambda e: _amount(
            None if e.explanation.stakes is None else e.explanation.stakes.potential, language
        ),
        # A sentence that names the amounts already needs no second one.
        "show_stakes": lambda e: e.explanation.why.code not in ("large", "ranked"),
        "shown_items": shown_items,
        # Three reasons of the first item, the strongest of another: a card holds what an officer acts on.
        "shown_reasons": lambda text, is_first: text.reasons if is_first else text.reasons[:1],
        "to_verify": lambda e: sentences_to_verify(e, language=language, strict=strict),
        "comparables": lambda e: [one for pair in shown_items(e) for one in pair[1].comparables[:3]][:3],
        "has_quantity": _has_quantity,
        "hidden_items": lambda e: len(e.line.items) - len(shown_items(e)),
        "converted": lambda item: say_conversion(item.conversion, language=language),
        # An Arabic name would take the identifier behind it to its other side.
        "party_name": lambda line, field: inspections.operator_names.get(line.header.get(field), ""),
        "office_label": lambda office: inspections.office_names.get(office.office, ""),
        "other_header": lambda line: _other_header(line, language),
        "dotted": format_code,
        "result_kinds": RESULT_KINDS,
        "is_simulated": inspections.is_simulated,
        "software": software,
        "list_css": mark_safe((_TEMPLATES / "inspection_list.css").read_text(encoding="utf-8")),
        "title_css": mark_safe(css_string(title)),
        "trace_css": mark_safe(css_string(f"{inspections.run_id} · {inspections.policy}")),
        "page_css": mark_safe(css_string(catalog.say("list.page"))),
    }
    return render_page("inspection_list.html", _TEMPLATES, catalog=catalog, values=values)


def named(identifier: str | None, names: Mapping[str, str]) -> str:
    """An identifier with its name from the register before it, where there is one; "" of none.

    >>> named("A1", {"A1": "ATLAS SARL"}), named("B2", {}), named(None, {})
    ('ATLAS SARL (A1)', 'B2', '')
    """
    if identifier is None:
        return ""
    return f"{names[identifier]} ({identifier})" if identifier in names else identifier


def css_string(text: str) -> str:
    """A text as a CSS string: every character that is not a letter, a digit or a space is escaped.

    >>> css_string('CASA"</style>')
    '"CASA\\\\22 \\\\3c \\\\2f style\\\\3e "'
    """
    return '"' + "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in shown(text)) + '"'


def _offices(
    inspections: InspectionList, entries: Sequence[Entry], lanes: Sequence[str], catalog: Catalog
) -> Iterator[_Office]:
    language = catalog.language
    for place, office in enumerate(offices_of(inspections), start=1):
        name = (
            catalog.say("list.office", office=named(office, inspections.office_names))
            if office
            else catalog.say("list.office_unknown")
        )
        own = tuple(entry for entry in entries if entry.line.office == office)
        stakes = [entry.explanation.stakes for entry in own if entry.explanation.stakes is not None]
        capacity = {use.lane: use.capacity for use in inspections.capacity if use.office == office}
        yield _Office(
            office=office,
            name=name,
            anchor=f"office-{place}",
            head_css=mark_safe(css_string(name)),
            entries=own,
            use={lane: _use(lane, own, capacity, catalog) for lane in lanes},
            released=inspections.released.get(office),
            random=sum(entry.line.selection.basis == "random" for entry in own),
            potential=_amount(math.fsum(one.potential for one in stakes) if stakes else None, language),
            expected=_amount(math.fsum(one.expected for one in stakes) if stakes else None, language),
        )


def _use(lane: str, entries: Sequence[Entry], capacity: Mapping[str, int], catalog: Catalog) -> str:
    used = sum(entry.line.selection.lane == lane for entry in entries)
    count = numbers.format_count(used, language=catalog.language)
    if lane not in capacity:
        return count
    most = numbers.format_count(capacity[lane], language=catalog.language)
    return catalog.say("list.used_of", used=isolate(count, catalog.language), capacity=isolate(most, catalog.language))


def _amount(value: float | None, language: str) -> str:
    return numbers.format_number(round_amount(value), language=language, digits=0)


def _short(lane: str) -> str:
    """A lane's name without what stands in brackets."""
    return lane.partition(" (")[0]


def _goods(entry: Entry) -> tuple[str, str]:
    """Code and description of the first item on the card; a dash of a declaration without items."""
    shown_first = shown_items(entry)
    if not shown_first:
        return numbers.UNKNOWN, ""
    item = shown_first[0][0]
    return format_code(item.commodity_code), item.description or ""


def shown_items(entry: Entry) -> list[tuple[ItemLine, ItemText]]:
    """The items on a card with their text, in the explanation's order: those with a reason, or else the first."""
    items = {item.assessment.item_number: item for item in entry.line.items}
    pairs = [(items[text.item_number], text) for text in entry.text.items if text.item_number in items]
    telling = [pair for pair in pairs if pair[1].reasons]
    return (telling or pairs[:1])[:MOST_ITEMS]


def sentences_to_verify(entry: Entry, *, language: str, strict: bool = False) -> dict[int, tuple[str, ...]]:
    """What to verify of each item on a card, by its number: all of the first; of another the first alone, where what to
    do stands once for each kind."""
    explained = {item.item_number: item for item in entry.explanation.items}
    found: dict[int, tuple[str, ...]] = {}
    asked: set[str] = set()
    for _, text in shown_items(entry):
        item = explained[text.item_number]
        if not found:
            found[item.item_number] = text.verify
            asked.update(one.kind for one in item.verify)
            continue
        found[item.item_number] = tuple(
            say_verification(
                one,
                currency=entry.explanation.currency,
                language=language,
                is_again=one.kind in asked,
                strict=strict,
            )
            for one in item.verify[:1]
        )
    return found


def _has_quantity(item: ItemLine) -> bool:
    """Whether the quantity says more than the net mass beside it."""
    return item.quantity is not None and not (
        (item.quantity_unit or "").casefold() in KILOGRAMS and item.quantity == item.net_mass_kg
    )


def _other_header(line: DeclarationLine, language: str) -> list[tuple[str, str]]:
    """Declared header values beyond the parties: field word and value."""
    return [
        (
            field_word(name, language=language),
            country_name(value, language=language) if name.endswith("_country") else value,
        )
        for name, value in line.header.items()
        if value and name not in (*_NAMED_PARTIES, *_NOT_ON_CARDS)
    ]
