"""How well a header names a field, in French, Arabic, English, Spanish, Portuguese and Turkish.

Enters: a header. Leaves: how well it names each field, 0 to 1. Never here: the column's contents.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache

from basira.ingest.suggest.vocabulary import VOCABULARY
from basira.schema.codes import currency_codes

_SMALL_WORDS = frozenset(
    re.findall(
        r"\S+",
        "a au aux d de des du en et for from in l la le les of on par pour sur the to un une dh dhs "
        "da das del do dos e el em las los na o os por y ve من في على عن",
    )
)
# Words that say a column is an identifier, whatever of: they weigh less than what it identifies.
_LIGHT = {
    **dict.fromkeys(("code", "id", "n", "nb", "nom", "name", "statut", "status", "indicateur", "indicator"), 0.3),
    **dict.fromkeys(("flag", "etiquette", "label", "averee"), 0.3),
    **{"ref": 0.4, "kg": 0.15, "is": 0.3, "est": 0.3, "amount": 0.5, "montant": 0.5, "type": 0.8},
    **dict.fromkeys(("codigo", "kod", "kodu", "cod", "co", "رمز", "اسم", "nombre", "nome", "total", "adi"), 0.3),
    **dict.fromkeys(
        (
            "milliers",
            "thousands",
            "millions",
            "miles",
            "milhares",
            "milhoes",
            "millones",
            "bin",
            "kdh",
            "kmad",
            "kusd",
            "keur",
            "mdh",
            "mmad",
            "musd",
            "meur",
            "الاف",
            "ملايين",
            "1000",
            "000",
        ),
        0.1,
    ),
    **dict.fromkeys(("g", "lb", "qx"), 0.15),
    **dict.fromkeys(("euro", "euros", "dollar", "dollars", "dirham", "dirhams", "us", "درهم"), 0.2),
}
_SAME = {
    "md": "mode",
    "tp": "type",
    "ind": "indicateur",
    "no": "n",
    "num": "n",
    "numero": "n",
    "numarasi": "n",
    "nbr": "n",
    "رقم": "n",
    "number": "n",
    "nr": "n",
    "nbre": "nb",
    "identifiant": "id",
    "identifier": "id",
    "reference": "ref",
    "qte": "quantite",
    "qty": "quantity",
    "decl": "declaration",
    "wt": "weight",
    "kgs": "kg",
    "kilos": "kg",
    "كغ": "kg",
    "كلغ": "kg",
    "كجم": "kg",
    "kilogrammes": "kg",
    "dest": "destinataire",
    "fourn": "fournisseur",
    "imp": "importateur",
    "val": "valeur",
    "cd": "code",
    "dt": "dt",
    "dte": "date",
    "nomencl": "nomenclature",
    "pays": "pays",
    "orig": "origine",
    "prov": "provenance",
    "desc": "description",
    "desig": "designation",
    "libel": "libelle",
    "bur": "bureau",
    "mnt": "montant",
    "mt": "montant",
    "tx": "taux",
    "pds": "poids",
    "ctry": "country",
    "cntry": "country",
    "amt": "amount",
    "curr": "currency",
    "enreg": "enregistrement",
    "exp": "expediteur",
    "tonnes": "t",
    "tonne": "t",
    "tons": "t",
    "millier": "milliers",
    "thousand": "thousands",
    "million": "millions",
    "gr": "g",
    "grammes": "g",
    "gramme": "g",
    "grams": "g",
    "lbs": "lb",
    "pounds": "lb",
    "quintal": "qx",
    "quintaux": "qx",
}


# Words of a header by which its numbers are to be multiplied: to the unit of amounts, to kilogrammes.
_SCALES = {
    **dict.fromkeys(
        ("milliers", "thousands", "miles", "milhares", "bin", "kdh", "kmad", "kusd", "keur", "الاف", "1000", "000"), 1e3
    ),
    **dict.fromkeys(("millions", "millones", "milhoes", "mdh", "mmad", "musd", "meur", "ملايين"), 1e6),
}
_KILOGRAMMES = {"t": 1000.0, "g": 0.001, "lb": 0.45359237, "qx": 100.0}

# Words of a header whose column counts.
_COUNTED = frozenset(("n", "nb", "nombre", "count", "counts", "cantidad", "quantidade", "عدد", "adet"))

# Of a name of the source's own: with the number that distinguishes it, it is as long as the rule allows.
_LONGEST_STEM = 44

# Thousands and millions of a currency by its sign: K€, M$.
_SCALED_SIGN = re.compile(r"(?<![^\W_])([km])\s?([€$])", re.IGNORECASE)
_YES_NO = re.compile(r"\(\s*(?:o|y|oui|yes|0|1)\s*[/,-]\s*(?:n|non|no|0|1)\s*\)", re.IGNORECASE)


def tokens(header: str) -> tuple[str, ...]:
    """The words of a header: no accents, no case, no small words, no Arabic article; camel case and dots cut.

    >>> tokens("N° DUM"), tokens("Date d'enregistrement"), tokens("tariffCode"), tokens("gross.weight")
    (('n', 'dum'), ('date', 'enregistrement'), ('tariff', 'code'), ('gross', 'weight'))
    >>> tokens("İthalatçı"), tokens("País de origen"), tokens("بلد المنشأ") == tokens("بلد منشا")
    (('ithalatci',), ('pais', 'origen'), True)
    """
    text = (
        _SCALED_SIGN.sub(_scaled_word, _YES_NO.sub(" ", header))
        .replace("°", " ")
        .replace("º", " ")
        .replace("\u0130", "I")
    )
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    words = [_plain_word(word) for word in re.findall(r"[^\W_]+", text.casefold().translate(_LETTERS))]
    return tuple(_SAME.get(word, word) for word in words if word not in _SMALL_WORDS)


# One written form for letters that are written in several ways: Turkish's dotless i, ligatures, and in Arabic the alef
# and ya of the end, ta marbuta, and Persian's kaf and ya. The stretching mark is no letter.
_LETTERS = str.maketrans({"ı": "i", "œ": "oe", "æ": "ae", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ٱ": "ا", "ـ": None})


def _scaled_word(match: re.Match[str]) -> str:
    return f" {match[1].lower()}{'eur' if match[2] == '€' else 'usd'} "


def _plain_word(word: str) -> str:
    """The word without Arabic's article, also behind "and" and "for"."""
    for article in ("وال", "لل", "ال"):
        if word.startswith(article) and len(word) >= len(article) + 3:
            return word[len(article) :]
    return word


# Arabic letters as Latin ones, for names of columns.
_LATIN = str.maketrans(
    {
        **dict(zip("ابتجحدرزسصضطظعفقكلمنهويءئؤ", "abtjhdrzssdtzafqklmnhwyayw", strict=True)),
        **{"ث": "th", "خ": "kh", "ذ": "dh", "ش": "sh", "غ": "gh"},
    }
)


def own_name(header: str) -> str:
    """A name that the schema allows for a column of the source's own, from its header; "column" when no letter of it
    has a Latin one.

    >>> own_name("Taux d'occupation (%)"), own_name("ملاحظات"), own_name("2024")
    ('taux_occupation', 'mlahzat', 'column')
    """
    words = [re.sub(r"[^a-z0-9]", "", word.translate(_LATIN)) for word in tokens(header)]
    name = re.sub(r"^[^a-z]+", "", "_".join(word for word in words if word))
    return name[:_LONGEST_STEM].rstrip("_") or "column"


_PHRASES = {
    field: tuple(dict.fromkeys(tokens(phrase) for phrase in (field.replace("_", " "), *phrases)))
    for field, phrases in VOCABULARY.items()
}


def scale_of(header: str, field: str) -> float:
    """By what a column's numbers are multiplied, as its header says; 1 when it says nothing.

    >>> scale_of("Valeur (en milliers de DH)", "customs_value_amount"), scale_of("Poids net (t)", "net_mass_kg")
    (1000.0, 1000.0)
    >>> scale_of("Value x1000", "customs_value_amount"), scale_of("Code 1000", "office")
    (1000.0, 1.0)
    """
    words = [word.removeprefix("x") for word in tokens(header)[1:]]
    known = _SCALES if field.endswith("_amount") else _KILOGRAMMES if field.endswith("_mass_kg") else {}
    return next((known[word] for word in words if word in known), 1.0)


# A column is scored for each field, and once more when it was not chosen for one.
@lru_cache(maxsize=1 << 14)
def name_score(header: str, field: str) -> float:
    """How well a header names a field: 1 for a known phrase, less for a part of one, 0 for nothing in common.

    >>> name_score("Pays d'origine", "origin_country"), name_score("Courier ID", "origin_country")
    (1.0, 0.0)
    """
    words = tokens(header)
    if field.startswith("is_") and not _COUNTED.isdisjoint(words):
        return 0.0  # "Nb visites" counts them
    best = max((_overlap(words, phrase) for phrase in _PHRASES[field]), default=0.0)
    if "%" in header:  # "Droit de douane (%)" is the rate, not the amount
        if field.endswith("_rate") and "taux" not in words:
            best = max(best, *(_overlap(("taux", *words), phrase) for phrase in _PHRASES[field]))
        elif field.endswith("_amount"):
            best *= 0.5
    return round(best, 3)


def _overlap(words: tuple[str, ...], phrase: tuple[str, ...]) -> float:
    if words == phrase:
        return 1.0
    if not words or not phrase:
        return 0.0
    free = list(phrase)
    common = 0.0
    for word in words:
        match = max(free, key=lambda other, word=word: _alike(word, other), default=None)  # type: ignore[misc]
        if match is not None and (alike := _alike(word, match)) > 0:
            common += alike * min(_weight(word), _weight(match))
            free.remove(match)
    total = sum(_weight(word) for word in words) + sum(_weight(word) for word in phrase) - common
    return 0.97 * common / total


def _weight(word: str) -> float:
    """Of a currency's code little: it accompanies the kind of value ("CIF_USD")."""
    return _LIGHT.get(word, 0.2 if word.upper() in currency_codes() else 1.0)


def _alike(word: str, other: str) -> float:
    if word == other:
        return 1.0
    shorter, longer = sorted((word, other), key=len)
    if len(shorter) >= 4 and longer.startswith(shorter):
        return 0.9  # an abbreviation, a plural
    if len(shorter) >= 5 and word[:4] == other[:4] and SequenceMatcher(None, word, other).ratio() >= 0.86:
        return 0.85  # a misspelling, the other language
    return 0.0
