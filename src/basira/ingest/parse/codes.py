"""Commodity codes and currencies.

Enters: trimmed text. Leaves: the code in its one written form, and faults. Never here: a code repaired
without the mapping saying how.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from basira.ingest.parse.headings import HEADINGS
from basira.ingest.rows.faults import Fault
from basira.schema.codes import currency_codes
from basira.schema.fields import Field
from basira.schema.text import fold_identifier

# A code that a spreadsheet shows as a number of its own kind: 8.70322E+09.
EXPONENT = "E+"  # as every spreadsheet writes it
SCIENTIFIC = r"^[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+$"
# A heading, with or without its zero in front, and the rest behind one point. 870.321 is a number with thousands, as no
# heading is 0870; 805.101 is not.
_LED = "|".join(sorted(heading[1:] for heading in HEADINGS if heading.startswith("0")))
POINTED = rf"^(?:[0-9]{{4}}[.,][0-9]{{1,8}}|[0-9]{{3}}[.,](?:[0-9]{{1,2}}|[0-9]{{4,8}})|(?:{_LED})[.,][0-9]{{3}})$"
# In `accept`: any code is taken as it is (anonymised countries).
ANY = "*"
DIGITS_HINT = "; give 'digits' in the mapping"

# Error words of spreadsheets in English, French, Spanish, German, Italian and Portuguese; a column too narrow;
# LibreOffice's "Err:502".
SPREADSHEET_ERROR = (
    r"(?i)^(#(N/A|N/D|NV|N/DISP|NOM\?|NAME\?|NOMBRE\?|NOME\?|¿NOMBRE\?|REF!|BEZUG!|RIF!|VALEUR!|VALUE!|VALOR!|WERT!"
    r"|¡VALOR!|¡REF!|VALORE!|DIV/0!|¡DIV/0!|NUL!|NULL!|NULO!|¡NULO!|NULLO!|NUM!|NOMBRE!|¡NUM!|NÚM!|ZAHL!|SPILL!"
    r"|PROPAGATION!|EPARS!|ÉPARS!|CALC!|FIELD!|CHAMP!|UNKNOWN!|INCONNU!|BLOCKED!|BLOQUE!|BLOQUÉ!|CONNECT!|BUSY!"
    r"|GETTING_DATA|#+)|Err ?: ?\d{3})$"
)


def spreadsheet_errors(raw: pl.Series) -> pl.Series | None:
    """A mask of cells that hold a spreadsheet's error word; None when there is none."""
    likely = raw.str.starts_with("#") | raw.str.starts_with("Err")
    if not likely.any():
        return None
    return raw.str.contains(SPREADSHEET_ERROR).fill_null(False)


def without_numerals(field: Field, raw: pl.Series) -> tuple[pl.Series, list[Fault]]:
    """Identifiers without those that a spreadsheet made numbers: 2,02E+07 stands for ten thousand of them."""
    if not raw.str.contains(EXPONENT, literal=True).any():
        return raw, []
    numeral = raw.str.contains(SCIENTIFIC).fill_null(False)
    if not numeral.any():
        return raw, []
    expected = "an identifier with all its digits, in a text cell"
    return raw.set(numeral, None), [Fault(field.name, "scientific_notation", expected, numeral, raw)]


def parse_commodity(field: Field, raw: pl.Series, digits: tuple[int, ...]) -> tuple[pl.Series, list[Fault]]:
    """Commodity codes: digits only, of a length in ``digits`` when given.

    Points, spaces and hyphens go. "392690.0" is a code a spreadsheet made a number of; "8.70322E+09" was one, and its
    last digits are lost. With ``digits``, a code one digit short gets the zero back that a spreadsheet took: the last
    one where the point says so (6109.1 is 6109.10), else the first one, where a heading of the Harmonized System comes
    out. Without ``digits`` it is rejected, because it is unknown which end lost a digit.
    """
    if raw.str.contains(_whole_codes(digits)).all():
        return raw, []
    numeral = raw.str.contains(SCIENTIFIC).fill_null(False)
    if numeral.any():
        faults = [Fault(field.name, "scientific_notation", "a code with all its digits, in a text cell", numeral, raw)]
        raw = raw.set(numeral, None)
    else:
        faults = []
    code = _with_lost_zeros(raw, digits)
    length = code.str.len_bytes()
    numeric = code.str.contains(r"^[0-9]{1,12}$")
    if digits:
        numeric = numeric & length.is_in(list(digits))
        expected = "a code of " + " or ".join(map(str, digits)) + " digits"
    else:
        odd = ((length % 2 == 1) & (length >= 3) & numeric).fill_null(False)
        faults.append(Fault(field.name, "lost_leading_zero", f"an even number of digits{DIGITS_HINT}", odd, raw))
        numeric = (numeric & (length % 2 == 0)) | odd
        expected = "2 to 12 digits, an even number of them"
    bad = ~(numeric & ~code.str.starts_with("00")).fill_null(True)
    faults.append(Fault(field.name, "bad_commodity_code", expected, bad, raw))
    return code, [fault for fault in faults if fault.mask.any()]


@cache
def _whole_codes(digits: tuple[int, ...]) -> str:
    """A regular expression of codes in which nothing is to be mended: digits of a wanted length, of a chapter."""
    rest = "|".join(f"[0-9]{{{length - 2}}}" for length in digits or range(2, 13, 2))
    return f"^(?:0[1-9]|[1-9][0-9])(?:{rest})$"


def bare_codes(raw: pl.Series) -> pl.Series:
    """Codes without points, spaces and hyphens; "392690.0" is a code that a spreadsheet made a number of."""
    code = raw.str.replace(r"^([0-9]{5,12})\.0+$", "$1").str.replace_all(r"[.\s\u00a0\u202f-]", "")
    split = code.str.contains(r"^[0-9]{3,4},[0-9]{1,8}$").fill_null(False)
    return code.str.replace(",", "", literal=True).zip_with(split, code) if split.any() else code


def _with_lost_zeros(raw: pl.Series, digits: tuple[int, ...]) -> pl.Series:
    """Codes without their marks, with the zeros that a spreadsheet took from a code one digit short of ``digits``.

    A code of one point, with three or four digits before it, is a heading and its rest. Its zeros are put back at
    the end that lost them; where that gives no length in ``digits`` the code stays too short, and is rejected.
    """
    code = bare_codes(raw)
    if not digits:
        # 805.1 may be 0805.10: only the three digits alone are reported to have lost a zero.
        split = raw.str.contains(rf"^(?:[0-9]{{3}}[.,][0-9]{{1,2}}|(?:{_LED})[.,][0-9]{{3}})$").fill_null(False)
        return raw.str.slice(0, 3).zip_with(split, code) if split.any() else code
    wanted = list(digits)
    pointed = raw.str.contains(POINTED).fill_null(False)
    if pointed.any():
        parts = raw.str.extract_groups(r"^([0-9]{3,4})[.,]([0-9]{1,8})$").struct.unnest()
        joined = _with_first_zero(parts["1"], parts["1"].str.len_bytes() == 3) + parts["2"]
        ends_short = (parts["2"].str.len_bytes() % 2 == 1) & ~joined.str.len_bytes().is_in(wanted)
        code = (joined + "0").zip_with(ends_short.fill_null(False), joined).zip_with(pointed, code)
    length = code.str.len_bytes()
    short = (length.is_in([d - 1 for d in wanted]) & ~length.is_in(wanted) & ~pointed).fill_null(False)
    return _with_first_zero(code, short) if short.any() else code


def _with_first_zero(code: pl.Series, where: pl.Series) -> pl.Series:
    """A zero in front of the codes ``where`` one is wanted, if a heading of the Harmonized System comes out."""
    padded = "0" + code
    return padded.zip_with((where & padded.str.slice(0, 4).is_in(list(HEADINGS))).fill_null(False), code)


def parse_currency(field: Field, raw: pl.Series, accept: tuple[str, ...]) -> tuple[pl.Series, list[Fault]]:
    """ISO 4217; a code in ``accept`` is kept as it is."""
    values = raw.str.to_uppercase()
    if ANY in accept:
        return values, []
    bad = ~values.is_in([*currency_codes(), *(fold_identifier(word).upper() for word in accept)]).fill_null(True)
    return values, [Fault(field.name, "unknown_currency", "a currency of ISO 4217", bad, raw)] if bad.any() else []
