"""The currency of a file's amounts: from headers, cells, a column, the words around the table.

Enters: the columns chosen for amounts, their profiles, the texts of lines that are no rows. Leaves: a currency, where
it is from, and what is in doubt about it. Never here: the country's own currency in silence where the file says
another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from basira.ingest.suggest.doubts import Doubt
from basira.ingest.suggest.profile import Profile
from basira.schema.codes import DEFAULT_CURRENCY, currency_codes

_VALUES = ("customs_value_amount", "total_tax_amount", "duty_amount")
# Marks of one currency, and of several.
_CURRENCY_MARKS = {
    "€": "EUR",
    "₹": "INR",
    "₺": "TRY",
    "₩": "KRW",
    "r$": "BRL",
    "us$": "USD",
    "euro": "EUR",
    "euros": "EUR",
    "dh": "MAD",
    "dhs": "MAD",
    "dirham": "MAD",
    "dirhams": "MAD",
    "درهم": "MAD",
    "vacid": "USD",
    "vacip": "COP",
}
_SEVERAL = {
    "$": "USD",
    "dollar": "USD",
    "dollars": "USD",
    "us": "USD",
    "£": "GBP",
    "¥": "JPY",
    "peso": "COP",
    "pesos": "COP",
}


def named_currencies(text: str) -> tuple[set[str], set[str]]:
    """The currencies that a header or a cell names, and those that it names with a mark of several."""
    sure, several = set(), set()
    for word in re.findall(r"us\$|r\$|[€₹₺₩$£¥]|[^\W\d_]+", text.lower()):
        if word[:1] in {"k", "m"} and (word[1:].upper() in currency_codes() or word[1:] in _CURRENCY_MARKS):
            word = word[1:]  # thousands or millions of it
        if word.upper() in currency_codes() and word not in _CURRENCY_WORDS:
            sure.add(word.upper())
        elif word in _CURRENCY_MARKS:
            sure.add(_CURRENCY_MARKS[word])
        elif word in _SEVERAL:
            several.add(_SEVERAL[word])
    return sure, several - sure


# Codes of currencies that headers hold as words.
_CURRENCY_WORDS = frozenset(("all", "top", "try", "cup", "pen", "gel", "sos", "mop", "bam", "cou", "ang"))


def currency_of(
    columns: Mapping[str, str], profiles: Mapping[str, Profile], around: Sequence[tuple[int, str]]
) -> tuple[dict[str, str], str, tuple[Doubt, ...]]:
    """The currency of the values as a constant, where it is from, and what is in doubt about it.

    From the header of a value ("CIF_USD", "Valeur (KRW)"), from its cells ("1 000 €"); the schema's when neither says
    one. Doubtful: several, a mark of several ("$"), a column of currencies beside one amount, and titles or notes that
    name one where nothing else does. ``around``: those, each with its line.
    """
    for name in _VALUES:
        if name not in columns:
            continue
        column = columns[name]
        profile = profiles[column]
        in_header, shared = named_currencies(column)
        marked = [word for word in profile.words if re.search(r"[^\W\d_]|[€₹₺₩$£¥]", word)]
        guess = profile.numbers
        in_cells = set(guess.currencies) if marked and len(guess.currencies) == 1 else set()
        # A mark of several means the one that the header says.
        shared |= set(guess.currencies) if marked and not set(guess.currencies) & in_header else set()
        named = in_header | in_cells
        if guess.mixed:  # the doubt about the amounts asks for it
            return {"value_currency": DEFAULT_CURRENCY}, "Of cells that name none; see [doubts].", ()
        if len(named) == 1 and shared <= named:
            code = next(iter(named))
            return {"value_currency": code}, f"{code}: from {'the header' if in_header else 'cells'} of {column!r}.", ()
        if named or shared:
            likely = [code for code in guess.currencies if code in named | shared]
            codes = [*likely, *sorted((named | shared) - {*likely})]
            question = f"The currency of {column!r} is written in more than one way, or with a mark of several."
            return (
                {"value_currency": codes[0]},
                "In doubt: see [doubts].",
                (
                    Doubt(
                        "value_currency",
                        question,
                        *_shown_rows(profile, marked),
                        tuple(f'[constants] value_currency = "{code}"' for code in codes),
                    ),
                ),
            )
    devise = columns.get("invoice_currency")
    alone = "customs_value_amount" in columns and not {"invoice_amount", "exchange_rate", "freight_amount"} & set(
        columns
    )
    if devise is not None and alone and set(profiles[devise].words) != {DEFAULT_CURRENCY}:
        profile = profiles[devise]
        question = f"{devise!r} holds currencies and the file has one amount, which may be in them or in the country's."
        return (
            {"value_currency": DEFAULT_CURRENCY},
            "In doubt: see [doubts].",
            (
                Doubt(
                    "value_currency",
                    question,
                    *_shown_rows(profile, profile.words),
                    (
                        f"[fields] value_currency = {devise!r} in the place of invoice_currency: each row's own",
                        f'[constants] value_currency = "{DEFAULT_CURRENCY}": all amounts are in the country\'s',
                    ),
                ),
            ),
        )
    said = [(line, text, named_in_prose(text) - {DEFAULT_CURRENCY}) for line, text in around]
    codes = sorted({code for _, _, found in said for code in found})
    if codes and any(name in columns for name in _VALUES):
        lines = tuple((line, text) for line, text, found in said if found)
        question = f"A line beside the table names a currency ({', '.join(codes)}), and no header or cell does."
        choices = tuple(f'[constants] value_currency = "{code}"' for code in (*codes, DEFAULT_CURRENCY))
        return (
            {"value_currency": codes[0]},
            "In doubt: see [doubts].",
            (Doubt("value_currency", question, len(lines), len(around), lines, choices),),
        )
    return {"value_currency": DEFAULT_CURRENCY}, "Not in the file: check it.", ()


def named_in_prose(text: str) -> set[str]:
    """The currencies that a title or a note names: by a sign or a word, by a code in capitals only.

    >>> sorted(named_in_prose("Montants en euros")), named_in_prose("Les top 10 pen drives"), named_in_prose("en USD")
    (['EUR'], set(), {'USD'})
    """
    sure, several = named_currencies(" ".join(word for word in text.split() if not _is_small_code(word)))
    return sure | several


def _is_small_code(word: str) -> bool:
    bare = word.strip("().,;:")
    return bare.upper() in currency_codes() and not bare.isupper()


def other_currencies(
    columns: Mapping[str, str], constants: Mapping[str, str], profiles: Mapping[str, Profile]
) -> tuple[str, ...]:
    """Currencies beside the schema's own that the amounts may be in: a table of rates would convert them."""
    named = {constants["value_currency"]} if "value_currency" not in columns else set()
    for field in ("value_currency", "invoice_currency"):
        if field in columns and (field == "value_currency" or "customs_value_amount" in columns):
            named |= {word.upper() for word in profiles[columns[field]].words}
    for field in _VALUES:
        if field in columns:
            for text in (columns[field], *profiles[columns[field]].words):
                named |= named_currencies(text)[0] if not text.isascii() or any(c.isalpha() for c in text) else set()
    return tuple(sorted((named & currency_codes()) - {DEFAULT_CURRENCY}))


def _shown_rows(profile: Profile, words: Sequence[str]) -> tuple[int, int, tuple[tuple[int, str], ...]]:
    """How many rows hold one of the texts, of how many, and one row of each. The first of all rows without."""
    count, rows = profile.rows_with(words or profile.words)
    return count, profile.filled, profile.one_of_each(words) or rows
