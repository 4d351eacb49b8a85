"""The inspection list in the terminal: one table per office, reasons and verifications under each line.

Enters: an `InspectionList`, a language. Leaves: Rich renderables. Never here: printing, colours as the
only sign of anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from basira.explain.explanation import Reader
from basira.explain.inspection_list.entries import Entry, list_entries
from basira.explain.inspection_list.page import named, sentences_to_verify, shown_items
from basira.explain.sentences import ItemText
from basira.explain.words import catalog_of, say_conversion
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

# A line over an office, at most: a file has no width that would end it.
RULE_WIDTH = 100


def terminal_list(
    inspections: InspectionList,
    *,
    language: str,
    reader: Reader = "unit",
    lane_names: Mapping[str, str] | None = None,
    most: int | None = 10,
) -> Iterator[RenderableType]:
    """Renderables to print one after the other.

    ``most``: lines shown per office (None: all); the rest is counted. Text from declarations is never read as Rich
    markup.
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
    entries = list_entries(inspections, language=language, reader=reader)
    offices = dict.fromkeys([*(x.office for x in inspections.lines), *(u.office for u in inspections.capacity)])
    for office in offices:
        own = [x for x in entries if x.line.office == office]
        yield Text()
        yield from _office(inspections, office, own, catalog, lane_names or {}, most)
        if most is not None and len(own) > most:
            yield Text(f"… +{numbers.format_count(len(own) - most, language=language)}", style="dim")


def _office(
    inspections: InspectionList,
    office: str,
    entries: list[Entry],
    catalog: Catalog,
    names: Mapping[str, str],
    most: int | None,
) -> Iterator[RenderableType]:
    """A rule with the office and its capacity, then a block a declaration: a table would not fit 80 columns."""
    from rich.constrain import Constrain
    from rich.rule import Rule

    title = (
        catalog.say("list.office", office=named(office, inspections.office_names))
        if office
        else catalog.say("list.office_unknown")
    )
    yield Constrain(Rule(_safe(title), align="left"), RULE_WIDTH)
    parts = [_say_count(catalog, "list.summary", len(entries))]
    parts += [_use(u, names) for u in inspections.capacity if u.office == office]
    if office in inspections.released:
        parts.append(_say_count(catalog, "list.released", inspections.released[office]))
    yield _safe(" · ".join(parts), style="dim")
    for entry in entries[:most]:
        line = entry.line
        lane = names.get(line.selection.lane, line.selection.lane)
        yield _safe(f"\n{entry.number:>3}. {line.declaration_id} · {lane}", style="bold")
        yield _indented(_safe(" · ".join([*_parties(line, inspections.operator_names), entry.text.why])))
        if entry.text.stakes:
            yield _indented(_safe(entry.text.stakes))
        shown, verify = shown_items(entry), sentences_to_verify(entry, language=catalog.language)
        for item, text in shown:
            asked = verify[text.item_number]
            for sentence in _item(line, item, text, entry, asked, catalog):
                yield _indented(_safe(sentence))
        if len(line.items) > len(shown):
            more = numbers.format_count(len(line.items) - len(shown), language=catalog.language)
            yield _indented(_safe(f"… +{more}", style="dim"))


def _indented(text: Text) -> RenderableType:
    from rich.padding import Padding

    # Not filled up to the width, which in a file has no end.
    return Padding(text, (0, 0, 0, 5), expand=False)


def _safe(text: str, *, style: str = "") -> Text:
    from rich.text import Text

    return Text(escape(text.translate(_ISOLATES)), style=style)


def _item(
    line: DeclarationLine, item: ItemLine, text: ItemText, entry: Entry, verify: Sequence[str], catalog: Catalog
) -> Iterator[str]:
    language = catalog.language
    goods = [format_code(item.commodity_code)]
    if item.description:
        goods.append(item.description)
    goods.append(numbers.country_name(item.origin_country, language=language))
    goods.append(numbers.format_money(item.customs_value_amount, line.value_currency, language=language, digits=0))
    if item.conversion is not None:
        goods.append(say_conversion(item.conversion, language=language))
    yield f"{catalog.say('list.item', number=str(item.assessment.item_number))} – " + " · ".join(goods)
    if entry.explanation.has_reasons:
        for sentence in text.reasons or (entry.text.no_reason,):
            yield f"  • {sentence}"
    for sentence in verify:
        yield f"  → {sentence}"


def _parties(line: DeclarationLine, names: Mapping[str, str]) -> list[str]:
    return [named(value, names) for name in ("importer_id", "declarant_id") if (value := line.header.get(name))]


def _use(use: CapacityUse, names: Mapping[str, str]) -> str:
    return f"{names.get(use.lane, use.lane)} {use.used}/{use.capacity}"


def _say_count(catalog: Catalog, message: str, count: int) -> str:
    return catalog.say_count(message, count, n=numbers.format_count(count, language=catalog.language))
