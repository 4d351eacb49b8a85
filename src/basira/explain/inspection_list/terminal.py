"""The inspection list in the terminal: one table per office, reasons and verifications under each line.

Enters: an `InspectionList`, a language. Leaves: Rich renderables. Never here: printing, colours as the
only sign of anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from basira.explain.inspection_list.page import shown_items
from basira.explain.inspection_list.rows import reason_sentences, verify_sentences
from basira.explain.words import catalog_of, say_basis, say_conversion
from basira.render import numbers
from basira.render.catalogs import Catalog, load_catalog
from basira.render.page import SHELL_LOCALE
from basira.schema.codes import format_code
from basira.schema.records import CapacityUse, DeclarationLine, InspectionList, ItemLine
from basira.schema.text import escape

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

# Isolates keep codes in order on a page; many terminals draw them as boxes.
_ISOLATES = str.maketrans(dict.fromkeys("\u2068\u2069"))

# The items that weigh most, in expected revenue; the page and the files have them all.
MOST_ITEMS = 2
# A line over an office, at most: a file has no width that would end it.
RULE_WIDTH = 100


def terminal_list(
    inspections: InspectionList,
    *,
    language: str,
    lane_names: Mapping[str, str] | None = None,
    most: int | None = 10,
    reasons: int = 3,
) -> Iterator[RenderableType]:
    """Renderables to print one after the other.

    ``most``: lines shown per office (None: all); the rest is counted. ``reasons``: sentences per item.
    Text from declarations is never read as Rich markup.
    """
    from rich.text import Text

    catalog = catalog_of(language)
    if inspections.is_simulated:
        shell = load_catalog(SHELL_LOCALE, language)
        yield Text(f"{shell.say('shell.simulated')} {shell.say('shell.simulated_detail')}", style="bold yellow")
    title = catalog.say("list.title_day", day=numbers.format_date(inspections.day, language=language))
    yield Text(f"{title} · {_say_count(catalog, 'list.summary', len(inspections.lines))}", style="bold")
    yield Text(
        f"{catalog.say('list.as_of')} {numbers.format_date(inspections.as_of, language=language)} · "
        f"{catalog.say('list.model')} {inspections.model_version} · {catalog.say('list.policy')} {inspections.policy}",
        style="dim",
    )
    for warning in inspections.warnings:
        yield _safe(f"! {warning}", style="yellow")
    offices = dict.fromkeys([*(x.office for x in inspections.lines), *(u.office for u in inspections.capacity)])
    for office in offices:
        lines = [x for x in inspections.lines if x.office == office]
        yield Text()
        yield from _office(inspections, office, lines, catalog, lane_names or {}, most, reasons)
        if most is not None and len(lines) > most:
            yield Text(f"… +{numbers.format_count(len(lines) - most, language=language)}", style="dim")


def _office(
    inspections: InspectionList,
    office: str,
    lines: list[DeclarationLine],
    catalog: Catalog,
    names: Mapping[str, str],
    most: int | None,
    reasons: int,
) -> Iterator[RenderableType]:
    """A rule with the office and its capacity, then a block a declaration: a table would not fit 80 columns."""
    from rich.constrain import Constrain
    from rich.padding import Padding
    from rich.rule import Rule

    title = catalog.say("list.office", office=office) if office else catalog.say("list.office_unknown")
    yield Constrain(Rule(_safe(title), align="left"), RULE_WIDTH)
    parts = [_say_count(catalog, "list.summary", len(lines))]
    parts += [_use(u, names) for u in inspections.capacity if u.office == office]
    if office in inspections.released:
        parts.append(_say_count(catalog, "list.released", inspections.released[office]))
    yield _safe(" · ".join(parts), style="dim")
    for position, line in enumerate(lines[:most], start=1):
        chance = numbers.format_percent(line.fraud_probability, language=catalog.language)
        worth = numbers.format_money(line.expected_revenue, line.value_currency, language=catalog.language, digits=0)
        lane = names.get(line.selection.lane, line.selection.lane)
        ground = say_basis(line.selection.basis, language=catalog.language, ground=line.ground)
        yield _safe(f"\n{position:>3}. {line.declaration_id} · {lane} · {ground}", style="bold")
        worths = f"{catalog.say('list.probability')} {chance} · {catalog.say('list.expected')} {worth}"
        yield Padding(_safe(" · ".join([*_parties(line), worths])), (0, 0, 0, 5))
        items = shown_items(line)
        for item in items[:MOST_ITEMS]:
            for sentence in _item(line, item, catalog, reasons):
                yield Padding(_safe(sentence), (0, 0, 0, 5))
        if len(items) > MOST_ITEMS:
            more = numbers.format_count(len(items) - MOST_ITEMS, language=catalog.language)
            yield Padding(_safe(f"… +{more}", style="dim"), (0, 0, 0, 5))


def _safe(text: str, *, style: str = "") -> Text:
    from rich.text import Text

    return Text(escape(text.translate(_ISOLATES)), style=style)


def _item(line: DeclarationLine, item: ItemLine, catalog: Catalog, reasons: int) -> Iterator[str]:
    language = catalog.language
    goods = [format_code(item.commodity_code)]
    if item.description:
        goods.append(item.description)
    goods.append(numbers.country_name(item.origin_country, language=language))
    goods.append(numbers.format_money(item.customs_value_amount, line.value_currency, language=language, digits=0))
    if item.conversion is not None:
        goods.append(say_conversion(item.conversion, language=language))
    yield f"{catalog.say('list.item', number=str(item.assessment.item_number))} – " + " · ".join(goods)
    for sentence in reason_sentences(line, item, language=language)[:reasons]:
        yield f"  • {sentence}"
    for sentence in verify_sentences(line, item, language=language):
        yield f"  → {sentence}"


def _parties(line: DeclarationLine) -> list[str]:
    return [value for name in ("importer_id", "declarant_id") if (value := line.header.get(name))]


def _use(use: CapacityUse, names: Mapping[str, str]) -> str:
    return f"{names.get(use.lane, use.lane)} {use.used}/{use.capacity}"


def _say_count(catalog: Catalog, message: str, count: int) -> str:
    return catalog.say_count(message, count, n=numbers.format_count(count, language=catalog.language))
