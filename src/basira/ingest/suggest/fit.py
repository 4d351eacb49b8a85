"""Do a column's contents fit a field, and what must the mapping say for them to be read?

Enters: a field and a profile. Leaves: the share that fits, the options, what to check. Never here: the
column's name.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from basira.ingest.mapping.model import ITEM_SIDE, OUTCOME_SIDE
from basira.ingest.suggest.dates import DateGuess
from basira.ingest.suggest.doubts import Doubt
from basira.ingest.suggest.headers import tokens
from basira.ingest.suggest.profile import Profile

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
}
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
        return _timestamp(profile)
    if kind == "commodity":
        return _commodity(profile)
    if kind == "country":
        return _country(profile)
    if kind == "currency":
        return Fit(profile.currency_share) if profile.currency_share >= _MOST else Fit(0.0)
    if kind == "flag":
        return _flag(profile)
    if kind == "rate":
        return _rate(profile)
    if kind in {"amount", "measure"}:
        return Fit(profile.number_share, is_number=True) if profile.number_share >= _MOST else Fit(0.0)
    if kind == "integer":
        return _integer(name, profile)
    if name == "declaration_id":
        return Fit(1.0 if (profile.unique_share > 0.02 and profile.distinct > 1) or profile.rows < 5 else 0.0)
    if kind == "code":
        return Fit(1.0 if profile.longest <= 60 and profile.distinct <= max(500, 0.2 * profile.filled) else 0.4)
    if profile.dates is not None and profile.dates.share > 0.9 and profile.dates.formats != ("excel",):
        return Fit(0.2)  # text, but it looks like dates
    return Fit(1.0)


def _timestamp(profile: Profile) -> Fit:
    dates = profile.dates
    if dates is None or dates.share < _MOST:
        return Fit(0.0)
    notes = () if dates.is_sure else ("day and month may be swapped",)
    return Fit(dates.share, notes=notes, dates=dates)


def _commodity(profile: Profile) -> Fit:
    if profile.commodity_share < _MOST:
        return Fit(0.0)
    lengths = {length: count for length, count in profile.code_lengths.items() if count > 0.001 * profile.filled}
    whole = sorted({length + length % 2 for length in lengths if length >= 3})
    odd = [length for length in lengths if length % 2]
    options: dict[str, object] = {}
    notes: tuple[str, ...] = ()
    if len(whole) == 1 or odd:
        options["digits"] = whole[0] if len(whole) == 1 else whole
    if odd:
        notes = ("some codes lost their leading zero, which is put back",)
    return Fit(profile.commodity_share, options, notes)


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


def _flag(profile: Profile) -> Fit:
    if profile.flag_share >= 0.98:
        return Fit(1.0)
    if profile.distinct > 40:
        return Fit(0.0)
    if profile.integer_share >= 0.98 and profile.highest is not None and profile.highest <= 9:
        above = {word: "true" for word in profile.common if word not in {"0", "1", "0.0", "1.0"}}
        return Fit(0.8, {"values": above}, ("values above 1 are taken as irregular",))
    values: dict[str, object] = {}
    for word in profile.common:
        meaning = _RESULT_WORDS.get(" ".join(tokens(word)))
        if meaning is not None:
            values[word] = meaning
    understood = len(values) / max(len(profile.common), 1)
    if understood < 0.5:
        return Fit(0.0)
    notes = () if understood == 1 else ("some words are not understood: add them to 'values'",)
    return Fit(understood, {"values": values}, notes)


def _rate(profile: Profile) -> Fit:
    if profile.number_share < _MOST or (profile.highest or 0) > 2000:
        return Fit(0.0)
    if profile.numbers.has_percent_sign:
        return Fit(profile.number_share, is_number=True)
    if (profile.highest or 0) > 1:
        return Fit(profile.number_share, {"percent": True}, ("taken as percent",), is_number=True)
    return Fit(profile.number_share, {}, ("taken as a share (0.175 is 17.5 %)",), is_number=True)


def _integer(name: str, profile: Profile) -> Fit:
    described = ITEM_SIDE.get(name) or OUTCOME_SIDE[name]
    low, high = described.lowest or 0, described.highest or 0
    if profile.integer_share < _MOST or profile.highest is None or profile.lowest is None:
        return Fit(0.0)
    return Fit(profile.integer_share) if profile.lowest >= low and profile.highest <= high else Fit(0.0)
