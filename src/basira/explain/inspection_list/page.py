"""The inspection list as a page for screen and paper: office by office, with room for the result.

Enters: an `InspectionList`, a language, the policy's lane names, charts made elsewhere. Leaves: HTML.
Never here: what is listed; charts of models (they come in as made by the evaluation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from basira.explain.inspection_list.rows import reason_sentences, verify_sentences
from basira.explain.words import catalog_of, field_word, say_basis, say_conversion, say_reference
from basira.render.catalogs import Catalog
from basira.render.charts import use_chart
from basira.render.numbers import country_name
from basira.render.page import mark_safe, render_page
from basira.schema.codes import format_code
from basira.schema.detail import detail_text
from basira.schema.records import CapacityUse, DeclarationLine, InspectionList, ItemLine

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


@dataclass(frozen=True)
class Chart:
    """A chart made by `basira.render.charts`; only such an SVG may be given: it goes into the page as it is."""

    title: str
    svg: str


@dataclass(frozen=True)
class _Office:
    office: str
    anchor: str
    lines: tuple[DeclarationLine, ...]
    capacity: tuple[CapacityUse, ...]
    capacity_svg: str
    released: int | None


def inspection_page(
    inspections: InspectionList,
    *,
    language: str,
    lane_names: Mapping[str, str] | None = None,
    charts: Sequence[Chart] = (),
    software: str = "",
    strict: bool = False,
) -> str:
    """The whole list as one HTML page that needs no network and no script.

    Each office begins a printed page: its capacity use, then each declaration with rank, lane, ground,
    parties, and per item the goods, the reasons, what to verify, the reference interval with its
    comparables, and boxes for the result. Items without reasons are counted, not shown, when another
    item of the declaration has some. ``charts`` are shown once, before the offices.
    """
    catalog = catalog_of(language, strict=strict)
    names = lane_names or {}

    def office_name(office: str) -> str:
        return catalog.say("list.office", office=office) if office else catalog.say("list.office_unknown")

    values: dict[str, Any] = {
        "inspections": inspections,
        "offices": list(_offices(inspections, names, catalog)),
        "charts": [Chart(c.title, mark_safe(c.svg)) for c in charts],
        "office_name": office_name,
        "lane_name": lambda lane: names.get(lane, lane),
        "basis": lambda b, detailed=False, ground="": say_basis(
            b, language=language, detailed=detailed, ground=ground, strict=strict
        ),
        "reasons": lambda line, item: reason_sentences(line, item, language=language),
        "verify": lambda line, item: verify_sentences(line, item, language=language),
        "detail_of": lambda line: detail_text(line.selection),
        "converted": lambda item: say_conversion(item.conversion, language=language),
        "reference_line": lambda line, r: say_reference(
            r, language=language, currency=line.value_currency, strict=strict
        ),
        "shown_items": shown_items,
        "other_header": lambda line: _other_header(line, language),
        "dotted": format_code,
        "result_kinds": RESULT_KINDS,
        "is_simulated": inspections.is_simulated,
        "software": software,
    }
    return render_page("inspection_list.html", _TEMPLATES, catalog=catalog, values=values)


def shown_items(line: DeclarationLine) -> tuple[ItemLine, ...]:
    """Items with something to say; all of them when none has, so that no declaration is empty."""
    speaking = tuple(i for i in line.items if i.assessment.reasons or i.assessment.verify)
    return speaking or line.items


def _offices(inspections: InspectionList, names: Mapping[str, str], catalog: Catalog) -> Iterator[_Office]:
    """Offices in the list's order, then those with capacity or released declarations only."""
    order = dict.fromkeys([line.office for line in inspections.lines])
    order |= dict.fromkeys([u.office for u in inspections.capacity])
    order |= dict.fromkeys(inspections.released)
    for place, office in enumerate(order, start=1):
        capacity = tuple(u for u in inspections.capacity if u.office == office)
        svg = ""
        if capacity:
            label = "; ".join(f"{names.get(u.lane, u.lane)}: {u.used} / {u.capacity}" for u in capacity)
            svg = use_chart(
                [(names.get(u.lane, u.lane), u.used, u.capacity) for u in capacity],
                name=f"capacity-{place}",
                label=f"{catalog.say('list.capacity')} – {label}",
                x_label=catalog.say("list.capacity_axis"),
            )
        lines = tuple(line for line in inspections.lines if line.office == office)
        yield _Office(office, f"office-{place}", lines, capacity, mark_safe(svg), inspections.released.get(office))


def _other_header(line: DeclarationLine, language: str) -> list[tuple[str, str]]:
    """Declared header values beyond the parties: field word and value."""
    return [
        (
            field_word(name, language=language),
            country_name(value, language=language) if name.endswith("_country") else value,
        )
        for name, value in line.header.items()
        if value and name not in _NAMED_PARTIES and name != "office"
    ]
