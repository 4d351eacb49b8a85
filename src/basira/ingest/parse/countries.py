"""Countries, by code or by name.

Enters: trimmed text. Leaves: alpha-2 codes of ISO 3166-1, and faults. Never here: a guess at a name of two countries.
"""

from __future__ import annotations

import re
from datetime import date

import polars as pl

from basira.ingest.parse.codes import ANY
from basira.ingest.parse.country_names import country_keys, exact_key_of, key_of
from basira.ingest.rows.faults import Fault
from basira.schema.codes import country_alpha3, country_codes
from basira.schema.fields import Field
from basira.schema.text import fold_identifier

# Codes of customs and of earlier editions of ISO 3166, of one country of today each.
_OTHER_CODES = {
    "UK": "GB",
    "EL": "GR",
    "TP": "TL",
    "TMP": "TL",
    "ZR": "CD",
    "ZAR": "CD",
    "BU": "MM",
    "BUR": "MM",
    "ROM": "RO",
}
# Countries with several successors, and the last day of each.
_ENDED: dict[str, tuple[date, str]] = {
    **dict.fromkeys(("YU", "YUG", "Yugoslavia", "Yougoslavie", "يوغوسلافيا"), (date(2003, 2, 4), "Yugoslavia")),
    **dict.fromkeys(
        ("SCG", "Serbia and Montenegro", "Serbie-et-Monténégro", "Serbie et Monténégro"),
        (date(2006, 6, 3), "Serbia and Montenegro"),
    ),
    **dict.fromkeys(
        ("CSK", "Czechoslovakia", "Tchécoslovaquie", "تشيكوسلوفاكيا"), (date(1992, 12, 31), "Czechoslovakia")
    ),
    **dict.fromkeys(
        ("SU", "SUN", "USSR", "URSS", "Soviet Union", "Union soviétique"), (date(1991, 12, 26), "The USSR")
    ),
    **dict.fromkeys(
        ("AN", "ANT", "Netherlands Antilles", "Antilles néerlandaises"), (date(2010, 10, 9), "Netherlands Antilles")
    ),
}
_ENDED_BY_KEY = {key_of(name): entry for name, entry in _ENDED.items()}
_BESIDE = re.compile(r"\s*[-–/:(|]\s*")
_EXPECTED = "a country of ISO 3166-1"


def parse_country(field: Field, raw: pl.Series, accept: tuple[str, ...]) -> tuple[pl.Series, list[Fault]]:
    """ISO 3166-1 alpha-2. Alpha-3 and names are translated (`country_of`).

    A code in ``accept`` is kept as it is; with "*" among them, every code.
    """
    values = raw.str.to_uppercase()
    if ANY in accept:
        return values, []
    allowed = [*country_codes(), *(fold_identifier(word).upper() for word in accept)]
    bad = ~values.is_in(allowed).fill_null(True)
    if not bad.any():
        return values, []
    others = raw.filter(bad).unique().to_list()
    known = {word.upper(): code for word in others if (code := country_of(word))}
    values = values.replace(known)
    bad = ~values.is_in(allowed).fill_null(True)
    faults = []
    for word in others:
        if ended := find_end(word):
            mask = bad & (raw == word).fill_null(False)
            bad = bad & ~mask
            faults.append(Fault(field.name, "unknown_country", f"{_EXPECTED}: {ended}", mask, raw))
    if bad.any():
        faults.append(Fault(field.name, "unknown_country", _EXPECTED, bad, raw))
    return values, [fault for fault in faults if fault.mask.any()]


def find_end(text: str) -> str:
    """When a former country ended, which no country of today is; "" for another text.

    >>> find_end("URSS")
    'The USSR was one until 1991-12-26 and has several successors'
    """
    ended = _ENDED_BY_KEY.get(key_of(text))
    return "" if ended is None else f"{ended[1]} was one until {ended[0]} and has several successors"


def country_of(text: str) -> str | None:
    """The alpha-2 code that a text names: a code of two or three letters, or a name in a language of CLDR, ISO's own
    names, usual abbreviations, and earlier names of a country of today. None for a name of two countries.

    >>> country_of("CHN"), country_of("États-Unis"), country_of("KOREA, REPUBLIC OF"), country_of("Zaïre")
    ('CN', 'US', 'KR', 'CD')
    >>> country_of("Ruritania"), country_of("Congo"), country_of("U.S.A."), country_of("فرنسا")
    (None, None, 'US', 'FR')
    """
    upper = text.strip().upper()
    if upper in country_codes():
        return upper
    code = country_alpha3().get(upper) or _OTHER_CODES.get(upper)
    return code or country_keys().get(key_of(text)) or country_keys().get(exact_key_of(text)) or _of_both(text)


def _of_both(text: str) -> str | None:
    """The country of a code beside its name, which must agree: "FR - France"."""
    parts = _BESIDE.split(text.strip(" ()"), maxsplit=1)
    if len(parts) < 2 or not all(part.strip() for part in parts) or min(map(len, parts)) > 3:
        return None
    one, other = (country_of(part) for part in parts)
    return one if one == other else None
