"""How close two names of firms or persons are, in Latin and in Arabic letters.

Enters: names as they are written. Leaves: the closest of some, and how close: 0 to 1. Never here: a name in one script
compared with one in another (a list holds both spellings); which closeness is enough.

The distance is rapidfuzz's (indel). Ours is what is compared: words without case, accents, vowel signs and forms of
letters, in the order of the alphabet, without what says only which kind of firm it is. Numbers must be equal: "Depot 1"
is not "Depot 2", however close.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

# Kinds of firms, as `fold_firm` leaves them. rigour's own list knows neither the Moroccan nor the Arabic ones.
_LATIN_FORMS = (
    "sarl sarlau sa sas sasu snc scs sca gie sci ste societe ets etablissement etablissements cie compagnie groupe "
    "ltd limited co company inc incorporated corp corporation llc llp plc pte pvt gmbh kg ag bv nv spa srl sl slu ab oy"
)
_ARABIC_FORMS = "شركه شمم ذمم شم شذمم موسسه مقاوله مجموعه تعاونيه محدوده"
_FORMS = frozenset(f"{_LATIN_FORMS} {_ARABIC_FORMS}".split())
_LETTER_BY_LETTER = re.compile(r"\b(?:\w\.){2,}\w?\b\.?")
_WORDS = re.compile(r"[^\W_]+")
# Letters written in several ways: alef maksura, teh marbuta, alef wasla, Persian kaf and yeh; the tatweel goes.
_ARABIC = str.maketrans({0x649: 0x64A, 0x629: 0x647, 0x671: 0x627, 0x6A9: 0x643, 0x6CC: 0x64A, 0x640: None})
_CACHED = 50_000


@dataclass(frozen=True)
class Folded:
    """A name as it is compared. ``words``: in the order of the alphabet; ``squeezed``: the same in the order written,
    without spaces; ``numbers``: the words that hold a digit."""

    words: str
    squeezed: str
    numbers: tuple[str, ...]


def fold_firm(name: str) -> Folded:
    """What of a name is compared. A name of nothing but a kind of firm keeps it.

    >>> fold_firm("Sté ATLAS Import S.A.R.L. AU").words
    'atlas import'
    >>> fold_firm("شركة الأطلس ش.م.م").words == fold_firm("مؤسسة أطلس").words
    True
    """
    text = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    text = _LETTER_BY_LETTER.sub(lambda match: match[0].replace(".", "") + " ", text.translate(_ARABIC))
    found = _WORDS.findall(text)
    kept = [word for number, word in enumerate(found) if word not in _FORMS and not _is_au(found, number)]
    words = [_without_article(word) for word in kept or found]
    return Folded(" ".join(sorted(words)), "".join(words), tuple(sorted(w for w in words if any(map(str.isdigit, w)))))


def _is_au(words: Sequence[str], number: int) -> bool:
    """Of "SARL AU", the sole shareholder."""
    return number > 0 and words[number] == "au" and words[number - 1] in ("sarl", "sas", "sa")


def _without_article(word: str) -> str:
    return word[2:] if word.startswith("ال") and len(word) > 4 else word


def closeness(one: str, other: str) -> float:
    """How close two names are: 1.0 when they are compared as the same.

    >>> closeness("Atlas Import SARL", "STE ATLAS IMPORT"), closeness("Depot 1", "Depot 2")
    (1.0, 0.0)
    """
    return NameIndex((one,), 0.0).closeness_of(other)


@dataclass(frozen=True)
class NameIndex:
    """Names of a list, ready to be compared. ``least``: the closeness from which a name is one of them, 0 to 1."""

    names: tuple[str, ...]
    least: float
    _groups: dict[tuple[str, ...], tuple[list[str], list[str], list[int]]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    # What was asked before: the same names come again and again.
    _known: dict[str, tuple[str, float] | None] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Group the names by their numbers, which must be equal."""
        for number, name in enumerate(self.names):
            folded = fold_firm(name)
            if not folded.words:
                continue
            words, squeezed, numbers = self._groups.setdefault(folded.numbers, ([], [], []))
            words.append(folded.words)
            squeezed.append(folded.squeezed)
            numbers.append(number)

    def find(self, value: str) -> tuple[str, float] | None:
        """The closest of the names and how close, 0 to 1; of two that are as close the first. None below ``least``."""
        if value not in self._known:
            best = self._best(value, self.least)
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[value] = None if best is None or best[1] < self.least else best
        return self._known[value]

    def closeness_of(self, value: str) -> float:
        """How close the closest of the names is; 0 when none is at all."""
        best = self._best(value, 0.0)
        return 0.0 if best is None else best[1]

    def _best(self, value: str, least: float) -> tuple[str, float] | None:
        from rapidfuzz import fuzz, process

        folded = fold_firm(value)
        group = self._groups.get(folded.numbers)
        if group is None or not folded.words:
            return None
        best: tuple[float, int] | None = None
        for text, choices in ((folded.words, group[0]), (folded.squeezed, group[1])):
            # Just below the bound, so that rounding loses none: `find` compares with the bound itself.
            one = process.extractOne(text, choices, scorer=fuzz.ratio, score_cutoff=max(0.0, 100 * least - 1e-6))
            if one is not None and (best is None or (one[1] / 100, -group[2][one[2]]) > (best[0], -best[1])):
                best = (one[1] / 100, group[2][one[2]])
        return None if best is None else (self.names[best[1]], best[0])
