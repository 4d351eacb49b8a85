"""The language of a request's errors: the one that Accept-Language asks for.

Enters: a header. Leaves: a language, kept for as long as the request lasts. Never here: a text; the language of a
decision's sentences, which a query names.

Codes, titles and names of fields are English in every language: programs read them. A request that asks for no language
that Basira speaks gets English, as before.
"""

from __future__ import annotations

from contextvars import ContextVar

from basira.render.error_texts import SOURCE_LANGUAGE
from basira.render.languages import LANGUAGES

# Of the request under way; "" where it asks for none.
ASKED_LANGUAGE: ContextVar[str] = ContextVar("asked_language", default="")
# Browsers send a few; a longer list is of nobody who reads.
_MOST_NAMED = 20


def language_accepted(header: str) -> str:
    """The language of Basira's that a header Accept-Language prefers; "" where it names none of them.

    >>> language_accepted("ar-MA,fr;q=0.8,en;q=0.5"), language_accepted("de, fr;q=0.3, en;q=0"), language_accepted("*")
    ('ar', 'fr', '')
    """
    best, language = 0.0, ""
    for part in header.split(",", _MOST_NAMED)[:_MOST_NAMED]:
        name, _, parameter = part.partition(";")
        wanted = name.strip().lower().partition("-")[0]
        weight = _weight(parameter)
        if wanted in LANGUAGES and weight > best:
            best, language = weight, wanted
    return language


def keep_asked_language(header: bytes) -> None:
    """Have the request under way answered in the language that its header asks for."""
    ASKED_LANGUAGE.set(language_accepted(header.decode("latin-1")))


def answer_language() -> str:
    """The language of the errors of the request under way."""
    return ASKED_LANGUAGE.get() or SOURCE_LANGUAGE


def _weight(parameter: str) -> float:
    name, _, value = parameter.replace(" ", "").partition("=")
    if not parameter.strip():
        return 1.0
    # As RFC 9110 writes it: 0 to 1, three decimals at most.
    is_weight = name == "q" and len(value) <= 5 and value[:1] in ("0", "1") and value.replace(".", "", 1).isdecimal()
    return min(float(value), 1.0) if is_weight and value.isascii() else 0.0
