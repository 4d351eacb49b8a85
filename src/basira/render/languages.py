"""The languages that officers read, and what each asks of numbers and of the page.

Enters: a language code. Leaves: its Babel locale and its direction. Never here: messages.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from basira.schema.errors import UsageError

if TYPE_CHECKING:
    from babel import Locale

# French first: it is the language of the Moroccan administration's forms. Arabic numbers follow Moroccan
# use (Western digits, decimal comma), hence the territory.
LANGUAGES: tuple[str, ...] = ("fr", "en", "ar")
_LOCALES = {"fr": "fr", "en": "en", "ar": "ar_MA"}
_RIGHT_TO_LEFT = frozenset({"ar"})


@cache
def locale_of(language: str) -> Locale:
    """The Babel locale of a language.

    Raises
    ------
    UsageError : a language that Basira does not speak.

    >>> str(locale_of("ar"))
    'ar_MA'
    """
    from babel import Locale

    return Locale.parse(_LOCALES[check_language(language)])


def check_language(language: str) -> str:
    """The language itself, when Basira speaks it.

    >>> check_language("es")
    Traceback (most recent call last):
    ...
    basira.schema.errors.UsageError: Expected a language of fr, en, ar, found 'es'.
    """
    if language not in _LOCALES:
        raise UsageError(
            "Expected a language of {languages}, found {language!r}.",
            hint="Give --language fr, en or ar.",
            languages=", ".join(LANGUAGES),
            language=language,
        )
    return language


def direction(language: str) -> str:
    """ "rtl" for Arabic, "ltr" otherwise: the `dir` of a page."""
    return "rtl" if check_language(language) in _RIGHT_TO_LEFT else "ltr"


def isolate(text: str, language: str) -> str:
    """Keep a code, an identifier or a number from being reordered inside right-to-left text.

    Wraps in FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE, which show nothing; other languages are
    returned as they are.
    """
    return f"\u2068{text}\u2069" if language in _RIGHT_TO_LEFT else text
