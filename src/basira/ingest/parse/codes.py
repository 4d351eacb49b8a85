"""Commodity codes and currencies.

Enters: trimmed text. Leaves: the code in its one written form, and faults. Never here: a code repaired
without the mapping saying how.
"""

from __future__ import annotations

import polars as pl

from basira.ingest.rows.faults import Fault
from basira.schema.codes import currency_codes
from basira.schema.fields import Field
from basira.schema.text import fold_identifier

# In `accept`: any code is taken as it stands (anonymised countries).
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


def parse_commodity(field: Field, raw: pl.Series, digits: tuple[int, ...]) -> tuple[pl.Series, list[Fault]]:
    """Commodity codes: digits only, of a length in ``digits`` when given.

    Points, spaces and hyphens go. "392690.0" is a code a spreadsheet made a number of. A code one digit
    short of a length in ``digits`` gets its leading zero back; without ``digits`` it is refused, because
    nothing tells a lost zero from a lost last digit.
    """
    code = raw.str.replace(r"^([0-9]{5,12})\.0+$", "$1").str.replace_all(r"[.\s\u00a0\u202f-]", "")
    faults: list[Fault] = []
    length = code.str.len_bytes()
    numeric = code.str.contains(r"^[0-9]{1,12}$")
    if digits:
        short = length.is_in([d - 1 for d in digits]) & ~length.is_in(list(digits)) & numeric
        code = ("0" + code).zip_with(short.fill_null(False), code)
        numeric = numeric & code.str.len_bytes().is_in(list(digits))
        expected = "a code of " + " or ".join(map(str, digits)) + " digits"
    else:
        odd = ((length % 2 == 1) & (length >= 3) & numeric).fill_null(False)
        faults.append(Fault(field.name, "lost_leading_zero", f"an even number of digits{DIGITS_HINT}", odd, raw))
        numeric = (numeric & (length % 2 == 0)) | odd
        expected = "2 to 12 digits, an even number of them"
    bad = ~(numeric & ~code.str.starts_with("00")).fill_null(True)
    faults.append(Fault(field.name, "bad_commodity_code", expected, bad, raw))
    return code, [fault for fault in faults if fault.mask.any()]


def parse_currency(field: Field, raw: pl.Series, accept: tuple[str, ...]) -> tuple[pl.Series, list[Fault]]:
    """ISO 4217; a code in ``accept`` is kept as it is."""
    values = raw.str.to_uppercase()
    if ANY in accept:
        return values, []
    bad = ~values.is_in([*currency_codes(), *(fold_identifier(word).upper() for word in accept)]).fill_null(True)
    return values, [Fault(field.name, "unknown_currency", "a currency of ISO 4217", bad, raw)] if bad.any() else []
