"""Names of months in the languages of customs files, as the English ones that a reader of dates knows.

Enters: the text of a date. Leaves: the same with its month as `Jan` to `Dec`, its half of the day as AM or PM. Never
here: a name that two months have.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Arabic months have other names in Morocco, in Algeria and Tunisia, in Egypt and the Gulf, in Syria and Iraq.
_LOCALES = ("en", "fr", "es", "pt", "ar", "ar_MA", "ar_DZ", "ar_TN", "ar_SY", "ar_IQ", "tr", "it", "de")
# Short forms that people write and CLDR doesn't list.
_SHORT = {"sept": 9, "set": 9, "juil": 7, "juill": 7, "aout": 8, "fev": 2, "fevr": 2, "janv": 1, "avr": 4, "dec": 12}
_HALVES = {"am": "AM", "pm": "PM", "ص": "AM", "م": "PM", "صباحا": "AM", "مساء": "PM"}
_WORDS = re.compile(r"[^\W\d_]+(?:[.\u0650]?[^\W\d_]+)*\.?(?: (?:الأول|الاول|الثاني|الآخر|m\.))?", re.IGNORECASE)
_ALEF = str.maketrans(dict.fromkeys("أإآ", "\u0627"))


@cache
def _months() -> dict[str, int]:
    from babel import Locale

    found: dict[str, set[int]] = {word: {number} for word, number in _SHORT.items()}
    for name in _LOCALES:
        for widths in Locale.parse(name).months.values():
            for width in ("wide", "abbreviated"):
                for number, word in widths[width].items():
                    found.setdefault(_fold(word), set()).add(number)
    return {word: min(numbers) for word, numbers in found.items() if len(numbers) == 1 and not word.isdigit()}


def month_of(word: str) -> int | None:
    """The number of the month that a word names, 1 to 12; None when it names none.

    >>> month_of("août"), month_of("غشت"), month_of("كانون الثاني"), month_of("Sept."), month_of("orange")
    (8, 8, 1, 9, None)
    """
    return _months().get(_fold(word))


def in_english(text: str) -> str:
    """The text of a date with its month and its half of the day in English, other words gone.

    >>> in_english("12 de março de 2024"), in_english("3 غشت 2024 10:30 م"), in_english("1er févr. 2024 9:05 p. m.")
    ('12 Mar 2024', '3 Aug 2024 10:30 PM', '1 Feb 2024 9:05 PM')
    """
    text = re.sub(r"\b([ap])\. ?m\.?(?!\w)", r"\1m", text, flags=re.IGNORECASE)
    text = re.sub(r"(\d)(?:er|st|nd|rd|th|º|ª)\b", r"\1", text, flags=re.IGNORECASE)
    return re.sub(r" {2,}", " ", _WORDS.sub(_translate, text)).replace(", ", " ").strip()


def _translate(found: re.Match[str]) -> str:
    word = found[0]
    number = month_of(word)
    if number is not None:
        return ENGLISH[number - 1]
    folded = _fold(word)
    if folded in {"de", "del", "of", "the"}:
        return ""
    return _HALVES.get(folded, word)


def _fold(word: str) -> str:
    """Without accents, marks, case and the point of an abbreviation; one alef."""
    letters = unicodedata.normalize("NFKD", word.translate(_ALEF).replace("\u0640", ""))
    return "".join(c for c in letters if not unicodedata.combining(c)).casefold().strip(". ")
