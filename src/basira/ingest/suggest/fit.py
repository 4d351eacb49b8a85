"""Do a column's contents fit a field, and what must the mapping say for them to be read?

Enters: a field and a profile. Leaves: the share that fits, the options, what to check. Never here: the
column's name.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from basira.ingest.mapping.model import ITEM_SIDE, OUTCOME_SIDE
from basira.ingest.parse.flags import FLAG_WORDS
from basira.ingest.suggest.dates import DateGuess
from basira.ingest.suggest.doubts import Doubt
from basira.ingest.suggest.headers import tokens
from basira.ingest.suggest.profile import Profile

# What contents leave in doubt, and what something beside the contents decided, is never held for certain.
_OPEN, _DECIDED = 0.6, 0.9
_READ_AS = {
    "dmy": "03/04/2024 is 3 April",
    "mdy": "03/04/2024 is 4 March",
    "ymd": "the year comes first",
    "ydm": "year, day, month",
}
_MOST = 0.7  # below this share of fitting values, the column is something else

# Words of results that are no plain yes or no.
_RESULT_WORDS: dict[str, bool] = {
    "conforme": False,
    "compliant": False,
    "regulier": False,
    "regular": False,
    "ras": False,
    "neant": False,
    "ok": False,
    "none": False,
    "licit": False,
    "clean": False,
    "genuine": False,
    "bon": False,
    "rien signaler": False,
    "licite": False,
    "non conforme": True,
    "fraude": True,
    "fraud": True,
    "irregulier": True,
    "irregular": True,
    "infraction": True,
    "illicit": True,
    "illicite": True,
    "non compliant": True,
    "fraudulent": True,
    "contentieux": True,
    "redressement": True,
    "irregularite": True,
    "anomalie": True,
    "frauduleux": True,
    "irregularity": True,
    "sous evaluation": True,
    "fausse declaration": True,
    "fausse espece": True,
    "undervaluation": True,
    "misclassification": True,
    **dict.fromkeys(
        ("pass", "passed", "not irregular", "n irregularity", "n fraud", "uygun", "cumple", "مطابق", "سليم"), False
    ),
    **dict.fromkeys(("ko", "fail", "failed", "n conforme", "nao conforme", "pas conforme", "not compliant"), True),
    **dict.fromkeys(("uygun degil", "n cumple", "غير مطابق", "مخالف", "مخالفه"), True),
}
# Of who is an authorised economic operator: the word itself, or a cross.
_OEA_WORDS = dict.fromkeys(
    (
        "oea",
        "aeo",
        "oeac",
        "oeas",
        "oeaf",
        "aeo c",
        "aeo s",
        "aeo f",
        "aeo t1",
        "aeo t2",
        "aeo t3",
        "aeo lo",
        "x",
        "agree",
        "certifie",
        "authorised",
        "authorized",
        "autorizado",
        "yys",
        "مشغل اقتصادي معتمد",
        "معتمد",
    ),
    True,
) | dict.fromkeys(("non oea", "non aeo", "non agree", "none", "aucun", "neant"), False)
_UNKNOWN_COUNTRIES = frozenset({"ZZ", "XX", "QU", "QV", "QR", "QS", "QW", "QX", "XC", "XL"})


@dataclass(frozen=True)
class Fit:
    """``share``: how much of the column the field can take with ``options``; 0 means: not this field.
    ``doubts``: what the contents leave open; their subject is the field."""

    share: float
    options: dict[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_number: bool = False
    dates: DateGuess | None = None
    doubts: tuple[Doubt, ...] = ()


def fit(name: str, profile: Profile) -> Fit:
    """Judge a column for a field. An empty column fits anything that is not required, weakly."""
    described = ITEM_SIDE.get(name) or OUTCOME_SIDE[name]
    if profile.filled == 0:
        return Fit(0.0 if described.required else 0.3, notes=("the column is empty in the sample",))
    kind = described.type
    if kind == "timestamp":
        return _timestamp(name, profile)
    if kind == "commodity":
        return _commodity(name, profile)
    if kind == "country":
        return _country(profile)
    if kind == "currency":
        return Fit(profile.currency_share) if profile.currency_share >= _MOST else Fit(0.0)
    if kind == "flag":
        return _flag(name, profile)
    if kind == "rate":
        return _rate(name, profile)
    if kind in {"amount", "measure"}:
        return _amount(name, profile, has_currency=kind == "amount")
    if kind == "integer":
        return _integer(name, profile)
    if name == "declaration_id":
        return Fit(1.0 if (profile.unique_share > 0.02 and profile.distinct > 1) or profile.rows < 5 else 0.0)
    if kind == "code":
        return Fit(1.0 if profile.longest <= 60 and profile.distinct <= max(500, 0.2 * profile.filled) else 0.4)
    if profile.dates is not None and profile.dates.share > 0.9 and profile.dates.formats != ("excel",):
        return Fit(0.2)  # text, but it looks like dates
    return Fit(1.0)


def _timestamp(name: str, profile: Profile) -> Fit:
    dates = profile.dates
    if dates is None or dates.share < _MOST:
        return Fit(0.0)
    if dates.is_sure:
        share = min(dates.share, _DECIDED) if dates.note else dates.share
        return Fit(share, notes=(dates.note,) if dates.note else (), dates=dates)
    doubt = _doubt(
        name,
        profile,
        dates.question,
        dates.contrary,
        [f"formats = {json.dumps(dates.formats_of(order))}: {_READ_AS[order]}" for order in dates.orders],
    )
    return Fit(min(dates.share, _OPEN), notes=("in doubt: see [doubts]",), dates=dates, doubts=(doubt,))


def _commodity(name: str, profile: Profile) -> Fit:
    codes = profile.codes
    if codes.share < _MOST:
        return Fit(0.0)
    options: dict[str, object] = {}
    notes: list[str] = []
    if codes.digits:
        options["digits"] = codes.digits[0] if len(codes.digits) == 1 else list(codes.digits)
    if codes.lost:
        rows, _ = profile.rows_with(codes.lost)
        notes.append(f"{rows:,} codes lost a zero, which is put back")
    if codes.damaged:
        rows, _ = profile.rows_with(codes.damaged)
        notes.append(
            f"{rows:,} codes are in scientific notation and rejected: their digits are gone, export them as text"
        )
    if not codes.question:
        return Fit(codes.share, options, tuple(notes))
    doubt = _doubt(
        name,
        profile,
        codes.question,
        codes.contrary,
        [
            f"digits = {list(codes.digits)}",
            f"digits = {list(codes.other)}: a code one digit short gets a zero in front"
            if len(codes.other) <= len(codes.digits)
            else f"digits = {list(codes.other)}: codes are kept as they are",
        ],
    )
    return Fit(min(codes.share, _OPEN), options, (*notes, "in doubt: see [doubts]"), doubts=(doubt,))


def _amount(name: str, profile: Profile, *, has_currency: bool) -> Fit:
    """A number, with what its way of writing leaves open. ``has_currency``: marks of a currency may be beside it."""
    if profile.number_share < _MOST:
        return Fit(0.0)
    guess = profile.numbers
    if not has_currency and (guess.currencies or guess.mixed):
        return Fit(0.0)
    doubts: list[Doubt] = []
    options: dict[str, object] = {}
    if guess.other is not None:
        telling = [word for word in profile.words if any(mark in word for mark in ".,")]
        doubts.append(
            _doubt(
                name,
                profile,
                "Every mark has three figures behind it: decimals, or thousands.",
                telling,
                [f'decimal = "{mark}", thousands = "{group}"' for mark, group in (guess.style, guess.other)],
            )
        )
    elif guess.by_marks and has_currency != bool(guess.thousands):
        # Another column's marks prove nothing of this one where its own cells speak for the other reading: kilogrammes
        # have three decimals, amounts of most currencies have none or two.
        told = "thousands, as the file's other numbers are written" if guess.thousands else "three decimals"
        doubts.append(
            _doubt(
                name,
                profile,
                f"Every mark has three figures behind it. They would be {told}; the column may be written otherwise.",
                [word for word in profile.words if any(mark in word for mark in ".,")],
                [f'decimal = "{mark}", thousands = "{group}"' for mark, group in ((".", ","), (",", "."))],
            )
        )
    if guess.contrary:
        doubts.append(
            _doubt(
                name,
                profile,
                "Some cells may be written in another way than the rest: points and commas change.",
                guess.contrary,
                ["correct them at the source; those that can't be read are rejected"],
            )
        )
    if guess.mixed:
        marked = _texts_with_mark(profile)
        doubts.append(
            _doubt(
                name,
                profile,
                f"The cells name several currencies: {', '.join(guess.mixed)}.",
                marked,
                [
                    'currency = "each": each cell\'s own, converted by [rates]',
                    'currency = "MAD": cells that name another one are rejected',
                ],
                each=[next(word for word in marked if mark in word.lower()) for mark in guess.mixed],
            )
        )
    elif guess.currencies:
        options["currency"] = guess.currencies[0]
        if len(guess.currencies) > 1:
            marked = _texts_with_mark(profile)
            doubts.append(
                _doubt(
                    name,
                    profile,
                    "The mark beside the amounts may mean several currencies.",
                    marked,
                    [f'currency = "{code}"' for code in guess.currencies],
                )
            )
    if guess.unmarked and not guess.mixed:
        doubts.append(
            _doubt(
                name,
                profile,
                f"Only some amounts have the mark of a currency ({guess.currencies[0]}).",
                guess.unmarked,
                [
                    f'currency = "{guess.currencies[0]}": all are',
                    'currency = "each": those without a mark are MAD',
                ],
            )
        )
    share = profile.number_share
    if doubts:
        return Fit(min(share, _OPEN), options, ("in doubt: see [doubts]",), is_number=True, doubts=tuple(doubts))
    if guess.note:
        return Fit(min(share, _DECIDED), options, (guess.note,), is_number=True)
    return Fit(share, options, is_number=True)


def _texts_with_mark(profile: Profile) -> list[str]:
    """The texts with the mark of a currency."""
    return [word for word in profile.words if any(c.isalpha() or unicodedata.category(c) == "Sc" for c in word)]


def _doubt(
    name: str,
    profile: Profile,
    question: str,
    words: Sequence[str],
    choices: Sequence[str],
    *,
    each: Sequence[str] = (),
) -> Doubt:
    """``each``: texts of which one row each is shown, in the place of the first rows."""
    rows, examples = profile.rows_with(words)
    return Doubt(name, question, rows, profile.filled, profile.one_of_each(each) or examples, tuple(choices))


def _country(profile: Profile) -> Fit:
    unknown = sorted({word.upper() for word in profile.words if word.upper() in _UNKNOWN_COUNTRIES})
    options: dict[str, object] = {"accept": unknown} if unknown else {}
    if profile.country_share >= _MOST:
        return Fit(
            profile.country_share, options, (f"{', '.join(unknown)} kept as unknown country",) if unknown else ()
        )
    if profile.distinct <= 400 and 3 < profile.longest <= 12 and profile.number_share < 0.1:
        return Fit(0.5, {"accept": ["*"]}, ("no ISO codes: taken as they stand",))
    return Fit(0.0)


def _flag(name: str, profile: Profile) -> Fit:
    """Yes and no, in words of results or of the field's own. Levels above 1 are one of irregularity; of anything else
    they count, and a count is no flag."""
    own: Mapping[str, bool] = _OEA_WORDS if name == "is_oea" else {}
    if profile.flag_share >= 0.98:
        return Fit(1.0)
    if profile.distinct > 40:
        return Fit(0.0)
    if profile.integer_share >= 0.98 and profile.highest is not None and profile.highest <= 9:
        if not name.startswith("is_irregular"):
            return Fit(0.0)
        above = {word: "true" for word in profile.common if word not in {"0", "1", "0.0", "1.0"}}
        return Fit(0.8, {"values": above}, ("values above 1 are taken as irregular",))
    values: dict[str, object] = {}
    for word in profile.common:
        folded = " ".join(tokens(word))
        meaning = own.get(folded, FLAG_WORDS.get(word.lower()) if own else _RESULT_WORDS.get(folded))
        if meaning is not None:
            values[word] = meaning
    understood = len(values) / max(len(profile.common), 1)
    if understood < 0.5:
        return Fit(0.0)
    notes = () if understood == 1 else ("some words are not understood: add them to 'values'",)
    return Fit(understood, {"values": values}, notes)


def _rate(name: str, profile: Profile) -> Fit:
    written = _amount(name, profile, has_currency=False)
    if not written.share or (profile.highest or 0) > 2000:
        return Fit(0.0)
    if profile.numbers.has_percent_sign:
        bare = [word for word in profile.words if "%" not in word and re.search("[1-9]", word)]
        if not bare:
            return written
        question = "Only some rates have the sign for percent: the others are in percent too, or shares of 1."
        choices = ("percent = true: all are in percent", "percent = false: 0.175 without the sign is 17.5 %")
        doubt = _doubt(name, profile, question, bare, choices)
        return replace(
            written,
            share=min(written.share, _OPEN),
            notes=("in doubt: see [doubts]",),
            doubts=(*written.doubts, doubt),
        )
    if (profile.highest or 0) > 1:
        return replace(written, options={"percent": True}, notes=(*written.notes, "taken as percent"))
    return replace(written, notes=(*written.notes, "taken as a share (0.175 is 17.5 %)"))


def _integer(name: str, profile: Profile) -> Fit:
    described = ITEM_SIDE.get(name) or OUTCOME_SIDE[name]
    low, high = described.lowest or 0, described.highest or 0
    if profile.integer_share < _MOST or profile.highest is None or profile.lowest is None:
        return Fit(0.0)
    return Fit(profile.integer_share) if profile.lowest >= low and profile.highest <= high else Fit(0.0)
