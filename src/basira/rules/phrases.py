"""The words of rules in three languages, and the operator of SQL that stands for each.

Enters: nothing. Leaves: tables of words. Never here: a name of a field (see `names`).

Words are compared without case and accents (`fold_name`). The first phrase of each language is the one that is written.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from basira.rules.model import Weekday
from basira.rules.names import fold_name

# Four operators of SQL stand for what SQL does not have, and are not otherwise let in: LIKE for "starts with", ILIKE
# for "contains", GLOB for "in list", SIMILAR TO for "on a weekday". A quantifier is a function, "#" its number.
WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "AND": {"en": ("and",), "fr": ("et",), "ar": ("و",)},
    "OR": {"en": ("or",), "fr": ("ou",), "ar": ("أو",)},
    "NOT": {"en": ("not",), "fr": ("non", "pas"), "ar": ("ليس", "لا")},
    "IN": {"en": ("in", "one of"), "fr": ("parmi", "dans"), "ar": ("ضمن",)},
    "GLOB": {"en": ("in list",), "fr": ("dans la liste", "dans liste"), "ar": ("ضمن القائمة", "في القائمة")},
    "LIKE": {"en": ("starts with", "begins with"), "fr": ("commence par",), "ar": ("يبدأ ب",)},
    "ILIKE": {"en": ("contains",), "fr": ("contient",), "ar": ("يحتوي", "يحتوي على")},
    "BETWEEN": {"en": ("between",), "fr": ("entre",), "ar": ("بين",)},
    "IS NULL": {
        "en": ("is missing", "is absent"),
        "fr": ("est absent", "est absente", "manque"),
        "ar": ("غير موجود", "غير موجودة"),
    },
    "IS NOT NULL": {"en": ("is present",), "fr": ("est présent", "est présente"), "ar": ("موجود", "موجودة")},
    "SIMILAR TO": {"en": ("on weekday", "on"), "fr": ("le jour", "le"), "ar": ("في يوم",)},
    "any_item#": {"en": ("any item",), "fr": ("un article", "au moins un article"), "ar": ("أي بند",)},
    "all_items#": {"en": ("all items", "every item"), "fr": ("tous les articles",), "ar": ("كل البنود",)},
    "count_items#": {"en": ("count items",), "fr": ("nombre articles",), "ar": ("عدد البنود",)},
}
_DAYS: Mapping[Weekday, Mapping[str, str]] = {
    "monday": {"en": "monday", "fr": "lundi", "ar": "الاثنين"},
    "tuesday": {"en": "tuesday", "fr": "mardi", "ar": "الثلاثاء"},
    "wednesday": {"en": "wednesday", "fr": "mercredi", "ar": "الأربعاء"},
    "thursday": {"en": "thursday", "fr": "jeudi", "ar": "الخميس"},
    "friday": {"en": "friday", "fr": "vendredi", "ar": "الجمعة"},
    "saturday": {"en": "saturday", "fr": "samedi", "ar": "السبت"},
    "sunday": {"en": "sunday", "fr": "dimanche", "ar": "الأحد"},
}
FLAG_WORDS: Mapping[bool, Mapping[str, str]] = {
    True: {"en": "true", "fr": "vrai", "ar": "صحيح"},
    False: {"en": "false", "fr": "faux", "ar": "خطأ"},
}


def _folded(phrase: str) -> str:
    return " ".join(fold_name(word) for word in phrase.split())


PHRASES: Mapping[str, str] = {
    _folded(phrase): sql for sql, by_language in WORDS.items() for phrases in by_language.values() for phrase in phrases
}
WEEKDAY_WORDS: Mapping[str, Weekday] = {_folded(word): day for day, words in _DAYS.items() for word in words.values()}
FLAGS: Mapping[str, bool] = {
    **{_folded(word): value for value, words in FLAG_WORDS.items() for word in words.values()},
    **{_folded(word): True for word in ("yes", "oui", "نعم")},
    "no": False,
}


def say_word(sql: str, language: str) -> str:
    """How an operator is written in a language."""
    return WORDS[sql][language][0]


def say_weekday(day: Weekday, language: str) -> str:
    """How a day of the week is written in a language."""
    return _DAYS[day][language]


def nearest_phrase(written: str) -> str:
    """The phrase nearest to an unknown word; "" for none."""
    near = difflib.get_close_matches(fold_name(written), [*PHRASES, *WEEKDAY_WORDS, *FLAGS], n=1, cutoff=0.7)
    return near[0] if near else ""
