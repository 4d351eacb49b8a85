"""What is wrong with a rule, where, and what was probably meant.

Enters: the code of a message with its values, a place in the text. Leaves: a `RuleError` to raise, and its words in the
language that is asked for. Never here: the search for the fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from basira.render.catalogs import Catalog, load_catalog
from basira.render.languages import isolate
from basira.render.numbers import format_number
from basira.schema.errors import RuleError
from basira.schema.text import escape

LOCALE = Path(__file__).parent / "locale"
# Longer values are cut: a fault is one line.
_LONGEST_SHOWN = 60
# Values that are averages, with one decimal.
_AVERAGES = frozenset({"wanted"})


def catalog_of(language: str, *, strict: bool = False) -> Catalog:
    """The catalog of the words of rules. Raises UsageError for a language that Basira does not speak."""
    return load_catalog(LOCALE, language, strict=strict)


def rule_fault(
    reason: str, *, place: tuple[int, int] | str | None = None, nearest: str = "", **values: object
) -> RuleError:
    """One fault of a rule, to raise.

    ``reason``: code of the message, `fault.<reason>` in the catalogs. ``place``: in a text, the character from 1 and
    how many; in JSON, the path; None: the rule as a whole. ``nearest``: what was probably meant; "": no idea.
    ``values``: those of the message.
    """
    error = RuleError("", hint="", reason=reason, place=place, nearest=nearest, values=_all_shown(values))
    return RuleError(
        say_fault(error, "en"),
        hint=say_hint(error, "en"),
        reason=reason,
        place=place,
        nearest=nearest,
        values=error.values,
    )


def say_fault(error: RuleError, language: str, *, strict: bool = False) -> str:
    """What was expected and found, and where, as one sentence in a language."""
    catalog = catalog_of(language, strict=strict)
    sentence = catalog.say(
        f"fault.{error.reason}",
        **{name: isolate(_write_value(name, value, language), language) for name, value in error.values.items()},
    )
    if error.place is None:
        return sentence
    if isinstance(error.place, str):
        return catalog.say("place.path", path=isolate(_shown(error.place), language), sentence=sentence)
    return catalog.say("place.text", character=str(error.place[0]), sentence=sentence)


def say_hint(error: RuleError, language: str, *, strict: bool = False) -> str:
    """What to do, in a language: the nearest word where there is one."""
    catalog = catalog_of(language, strict=strict)
    if error.nearest:
        return catalog.say("hint.nearest", nearest=isolate(_shown(error.nearest), language))
    return catalog.say("hint.correct")


def _write_value(name: str, value: str, language: str) -> str:
    """A value as the language writes it: an average with its decimal; what was typed, or is a word, as it is."""
    return format_number(float(value), language=language, digits=1) if name in _AVERAGES else value


def _all_shown(values: Mapping[str, object]) -> dict[str, str]:
    return {name: _shown(value) for name, value in values.items()}


def _shown(value: object) -> str:
    text = escape(str(value)).replace("\n", " ")
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
