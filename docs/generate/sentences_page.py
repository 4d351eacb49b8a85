"""docs/reference/sentences.md: every sentence that officers read, in the three languages side by side, with an example.

Enters: the catalogs of `basira.explain`, made-up figures. Leaves: Markdown. Never here: a sentence of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from basira.explain.explanation import Case, Surroundings, explain
from basira.explain.sentences import say_explanation
from basira.explain.words import catalog_of
from basira.render import numbers
from basira.render.languages import LANGUAGES
from basira.schema.records import Examines, ItemAssessment, Reason, Reference

_NAMES = {"fr": "français", "en": "English", "ar": "العربية"}
_COUNTS = (0, 1, 2, 5, 11, 100)
# Parts of the page by the beginning of a message's id, in order; the rest comes last.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "Why a declaration was selected": ("why.", "basis.", "fallback."),
    "What is at stake": ("stakes.", "chance.", "times.", "share."),
    "Reasons": ("reason.", "expected.", "who.", "gap.", "n.", "scope."),
    "What to verify": ("verify.", "interval.", "measure.", "unit."),
    "Kinds and results": ("kind.", "result."),
    "Events and status": ("event.", "status."),
    "The list": ("list.", "column.", "sheet.", "show.", "explain."),
    "Declared fields": ("field.", "flag."),
}
_REFERENCE = Reference("value_per_kg", "kg", 12.4, 28.1, 32.6, 36.4, 214, "code_origin", "851713", "CN", 365, ())


def sentences_page() -> str:
    """docs/reference/sentences.md."""
    catalogs = {language: catalog_of(language, strict=True) for language in LANGUAGES}
    ids = sorted(catalogs["fr"].ids - {""})
    lines = [
        "# Every sentence officers read",
        "",
        "Made from the catalogs in `src/basira/explain/locale` by `make docs`, for a native officer to correct: each",
        "message in three languages, its places filled with made-up figures. Corrections go into the `.po` files.",
        "",
        "## Whole explanations",
        "",
        *_explanations(),
    ]
    left = list(ids)
    parts = [(title, [i for i in ids if i.startswith(beginnings)]) for title, beginnings in _PARTS.items()]
    for _, found in parts:
        left = [i for i in left if i not in found]
    for title, found in [*parts, ("Other words", left)]:
        if found:
            lines += ["", f"## {title}", "", *_head("message")]
            for message in found:
                shown = (_example(message, language) for language in LANGUAGES)
                lines.append(f"| `{message}` | " + " | ".join(_cell(text) for text in shown) + " |")
    return "\n".join(lines) + "\n"


def _head(first: str) -> list[str]:
    return [f"| {first} | " + " | ".join(_NAMES[language] for language in LANGUAGES) + " |", "|---|---|---|---|"]


def _cell(text: str) -> str:
    # Isolates are not seen, and a page of text needs none.
    return text.replace("|", "\\|").replace("\n", " ").replace("\u2068", "").replace("\u2069", "")


def _explanations() -> list[str]:
    lines = _head("line")
    lanes: Mapping[str, Examines] = {"physical inspection": "goods", "documentary check": "documents"}
    for title, examines in lanes.items():
        said = {}
        for language in LANGUAGES:
            text = say_explanation(explain(_case(examines), reader="unit"), language=language, strict=True)
            item = text.items[0]
            said[language] = [text.why, text.stakes, *item.reasons, *item.verify]
        for cells in zip(*said.values(), strict=True):
            lines.append(f"| {title} | " + " | ".join(_cell(cell) for cell in cells) + " |")
    return lines


def _case(examines: Examines) -> Case:
    reasons = (
        Reason(
            "value_per_kg_low",
            {
                "value": 12.4, "unit": "kg", "median": 32.6, "gap": -0.62, "count": 214, "commodity_code": "851713",
                "origin_country": "CN", "window_months": 12,
            },
            (), 0.9,
        ),
        Reason(
            "history_importer",
            {"irregular": 6, "inspected": 41, "rate": 0.123, "usual_rate": 0.041, "window_months": None},
            (), 0.5,
        ),
        Reason("new_exporter", {"days": 3, "count": 2}, (), 0.3),
    )  # fmt: skip
    verify = ("value", "classification", "origin", "quantity", "prohibited", "documents")
    item = ItemAssessment(1, 0.12, 52_000.0, 6_200.0, {}, reasons, verify, (_REFERENCE,))
    return Case("model", "MAD", 0.12, 6_200.0, (item,), examines, Surroundings(0.02, 90_000.0))


def _example(message: str, language: str) -> str:
    catalog = catalog_of(language, strict=True)
    values = _values(language)
    # gettext gives the id of a message back where it has plural forms, and ngettext where it has none.
    if catalog.translations.ngettext(message, message, 5) == message:
        return catalog.say(message, **values | {"n": "12"})
    forms = (
        catalog.say_count(message, n, **values | {"n": numbers.format_count(n, language=language)}) for n in _COUNTS
    )
    return " / ".join(dict.fromkeys(forms))


def _values(language: str) -> dict[str, str]:
    """A made-up value for every place of a message."""

    def money(amount: float) -> str:
        return numbers.format_money(amount, "MAD", language=language)

    def percent(share: float) -> str:
        return numbers.format_percent(share, language=language)

    catalog = catalog_of(language)
    return {
        "scope": catalog.say("scope.wrap", parts=catalog.say_count("scope.months", 12, n="12")),
        "count": catalog.say_count("n.import", 214, n="214"),
        "value": numbers.format_unit_value(12.4, "MAD", "kg", language=language),
        "share": percent(0.12),
        "month": "9",
        "invoiced": numbers.format_money(1_250.0, "MAD", language=language),
        "usual": percent(0.04),
        "rate": percent(0.02),
        "own": percent(0.15),
        "gap": percent(0.62),
        "ratio": percent(0.42),
        "who": catalog.say("who.importer"),
        "origin": numbers.country_name("CN", language=language),
        "dispatch": numbers.country_name("AE", language=language),
        "median": money(32.6),
        "low": numbers.format_number(28.1, language=language),
        "high": numbers.format_unit_value(36.4, "MAD", "kg", language=language),
        "code": "8517.13",
        "seen": "3",
        "ground": "…",
        "expected": money(6_200),
        "potential": money(52_000),
        "worth": money(52_000),
        "amount": money(1_000),
        "declared": numbers.format_unit_value(12.4, "MAD", "kg", language=language),
        "chance": percent(0.12),
        "times": catalog.say("times.6"),
        "preference": "UE",
        "irregular": catalog.say_count("n.irregular", 6, n="6"),
        "inspected": catalog.say_count("n.inspected", 41, n="41"),
        "field": catalog.say("field.procedure"),
        "feature": "x",
        "day": numbers.format_date("2026-03-05", language=language),
        "word": "téléphones",
        "version": "2",
        "used": "3",
        "capacity": "8",
        "threshold": money(1_000),
        "run": "t20260305-0a1b2c3d4e",
        "model": "m20260304-5f6a7b8c",
        "hash": "9d8c…",
        "repeats": catalog.say_count("n.repeat", 5, n="5"),
        "parts": catalog.say_count("scope.months", 12, n="12"),
        "basis": catalog.say("expected.code_origin_supplier"),
        "office": "CASA-PORT",
        "number": "3",
        "measure": catalog.say("measure.value_per_kg"),
        "mass": numbers.format_quantity(108, "kg", language=language),
        "decision": catalog.say("basis.model"),
        "declaration": "301-2026-0001234",
        "days": catalog.say_count("n.day", 3, n="3"),
    }
