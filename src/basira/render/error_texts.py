"""What an error says, in the reader's language: the catalogs in `locale/errors`, and in `locale/problems` those of the
service.

Enters: a phrase, or an error of the family, and a language. Leaves: text. Never here: the English text, which the
raising place holds and which is the id of the translation (`schema.errors.Phrase`); the words of a faulty rule
(`rules.faults`).

A phrase without a translation is said in English rather than left out; a test finds it first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from string import Formatter
from typing import Any

from basira.render.catalogs import Catalog, load_catalog
from basira.render.languages import isolate
from basira.render.numbers import format_date, format_number, format_percent
from basira.schema.errors import BasiraError, Phrase

LOCALE = Path(__file__).parent / "locale" / "errors"
PROBLEMS = Path(__file__).parent / "locale" / "problems"
# The language of the ids, which needs no catalog.
SOURCE_LANGUAGE = "en"
# The value by which a message with plural forms counts.
COUNTED = "count"


def say_phrase(phrase: Phrase, language: str) -> str:
    """The phrase in a language. Raises UsageError for a language that Basira does not speak.

    >>> say_phrase(Phrase("Expected at most {most:,} rows.", most=1200), "en")
    'Expected at most 1,200 rows.'
    """
    if language == SOURCE_LANGUAGE:
        return str(phrase)
    catalog = load_catalog(LOCALE, language)
    if not catalog.has(phrase.template):
        catalog = load_catalog(PROBLEMS, language)
    template = _template(phrase, catalog)
    return _Words(catalog).vformat(template, (), phrase.values) if phrase.values else template


def say_error(error: BasiraError, language: str) -> tuple[str, str]:
    """What was expected and found, and what to do."""
    return say_phrase(error.message_phrase, language), say_phrase(error.hint_phrase, language)


def values_named(template: str) -> Iterator[str]:
    """The names of the values that a template shows, as often as it shows them."""
    return (name for _, name, _, _ in Formatter().parse(template) if name)


def _template(phrase: Phrase, catalog: Catalog) -> str:
    if not catalog.has(phrase.template):
        return phrase.template
    count = phrase.values.get(COUNTED)
    if isinstance(count, int) and catalog.has_plural(phrase.template):
        return catalog.template_of_count(phrase.template, count)
    return catalog.template(phrase.template)


class _Words(Formatter):
    """Puts values into a template: numbers and dates as the language writes them, phrases in the language."""

    def __init__(self, catalog: Catalog) -> None:
        self._language = catalog.language

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        return value if isinstance(value, Phrase) else super().convert_field(value, conversion)

    def format_field(self, value: Any, spec: str) -> str:
        if isinstance(value, Phrase):
            return say_phrase(value, self._language)
        return isolate(self._text(value, spec), self._language)

    def _text(self, value: Any, spec: str) -> str:
        if isinstance(value, date) and not isinstance(value, datetime) and not spec:
            return format_date(value, language=self._language)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and spec.endswith("%"):
            return format_percent(value, language=self._language, digits=_digits(spec))
        if is_number and (spec.startswith(",") or spec.endswith("f")):
            return format_number(value, language=self._language, digits=_digits(spec))
        if isinstance(value, float):
            return format(value, spec).replace(".", ",") if self._language == "fr" else format(value, spec)
        return format(value, spec)


def _digits(spec: str) -> int:
    digits = spec.partition(".")[2].rstrip("f%")
    return int(digits) if digits else 0
