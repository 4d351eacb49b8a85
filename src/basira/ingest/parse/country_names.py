"""The names of countries, gathered from CLDR and ISO 3166: the table that `countries` looks names up in.

    python -m basira.ingest.parse.country_names    # writes country_names.txt anew, after an upgrade of Babel

Enters: a name. Leaves: its key, and the table of keys. Never here: a name that means two countries.

Gathering takes seconds (of all languages and their regional forms), so the table is a file of the package: one line a
country, its code and its keys.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import cache
from pathlib import Path

from basira.schema.codes import country_codes

_FILE = Path(__file__).with_suffix(".txt")
# Languages whose name counts where a rarer language calls another country so ("Toga" is Togo and Tonga).
_FIRST = ("en", "fr", "ar", "es", "pt", "tr", "de", "it", "nl", "ru", "zh")
_DROPPED = frozenset(
    ("the", "of", "and", "et", "y", "e", "de", "du", "des", "d", "la", "le", "les", "l", "del", "da", "do")
)
_LONG = {
    "rep": "republic",
    "dem": "democratic",
    "st": "saint",
    "ste": "sainte",
    "is": "islands",
    "isl": "islands",
    "fed": "federation",
    "peoples": "people s",
    "utd": "united",
}
# Said of two countries at least; ISO's short name of one does not tell them apart for who writes it.
_AMBIGUOUS = (
    "Congo",
    "Kongo",
    "Конго",
    "Korea",
    "Corée",
    "Corea",
    "Virgin Islands",
    "Saint Martin",
    "Guiana",
    "Guyane",
)
# What people write, that neither CLDR nor ISO has.
_USUAL = {
    "AE": "UAE|EAU|U.A.E|Emirates|Emirats|Émirats arabes|الإمارات",
    "AG": "Antigua",
    "BA": "Bosnia|Bosnie|Bosnia Herz|Bosnia Herzegovina",
    "BF": "Burkina|Upper Volta|Haute Volta",
    "BJ": "Dahomey",
    "BN": "Brunei",
    "BO": "Bolivia|Bolivie",
    "BS": "Bahamas|The Bahamas",
    "BY": "Byelorussia|Biélorussie",
    "CD": ("RDC|DRC|DR Congo|RD Congo|Congo Kinshasa|Congo RDC|Zaire|Zaïre|République démocratique Congo"),
    "CF": "RCA|CAR|Centrafrique",
    "CG": "Congo Brazzaville|Republic Congo|République Congo",
    "CI": "Ivory Coast|Cote Ivoire|Cote divoire|RCI|ساحل العاج",
    "CN": "PRC|P.R. China|PR China|P.R.C|RPC|Mainland China|Chine populaire|الصين الشعبية",
    "CV": "Cape Verde|Cap Vert",
    "CZ": "Czech Republic|Czechia|République tchèque|Rép tchèque",
    "DE": (
        "RFA|FRG|West Germany|Allemagne fédérale|Allemagne RFA|RDA|GDR|DDR|East Germany|German Democratic Republic|"
        "République démocratique allemande"
    ),
    "DO": "Dominican Rep|Rép dominicaine",
    "FM": "Micronesia",
    "GB": (
        "UK|U.K|Great Britain|England|Scotland|Wales|Northern Ireland|Grande Bretagne|"
        "Angleterre|Gran Bretaña|Inglaterra|Reino Unido|بريطانيا|إنجلترا|İngiltere|"
        "Birleşik Krallık|Royaume Uni"
    ),
    "GM": "Gambia|The Gambia",
    "GR": "EL|Hellas",
    "HK": "Hongkong|Hong Kong|HKSAR",
    "IR": "Iran",
    "KG": "Kirghizistan|Kirghizia",
    "KH": "Kampuchea",
    "KN": "St Kitts|Saint Kitts",
    "KP": "DPRK|Korea North|North Korea|N Korea|Corée Nord",
    "KR": "ROK|Korea South|South Korea|Korea Republic|Rep Korea|S Korea|Corée Sud|كوريا الجنوبية",
    "LA": "Laos|Lao PDR|Lao|Laos Peoples Democratic Republic",
    "LK": "Ceylon|Ceylan",
    "LY": "Libyan Arab Jamahiriya|Jamahiriya arabe libyenne",
    "MA": "Morocco|Maroc|المغرب",
    "MD": "Moldova|Moldavia|Moldavie",
    "MK": (
        "Macedonia|Macédoine|FYROM|FYR Macedonia|Macedonia FYR|Macedonia Former Yugoslav Republic|"
        "Former Yugoslav Republic Macedonia"
    ),
    "MM": "Burma|Birmanie|Birmania",
    "MO": "Macau|Macao",
    "NL": "Holland|Hollande|Holanda|هولندا|The Netherlands|Pays Bas",
    "PS": "Palestine|West Bank Gaza",
    "RU": "Russia|Russie",
    "SA": "KSA|K.S.A|Saudi|Arabie Saoudite|السعودية|المملكة العربية السعودية",
    "SY": "Syria|Syrie",
    "SZ": "Swaziland",
    "TH": "Siam",
    "TL": "East Timor|Timor oriental",
    "TR": "Turkey|Turkiye|Turquie",
    "TT": "Trinidad",
    "TW": "Taiwan|Chinese Taipei|Formosa",
    "TZ": "Tanzania|Tanzanie",
    "US": (
        "USA|U.S|U.S.A|EUA|EEUU|EE UU|ABD|E.U.A|United States America|Etats Unis Amérique|أمريكا|"
        "الولايات المتحدة الأمريكية"
    ),
    "VA": "Vatican|Holy See|Saint Siège",
    "VC": "St Vincent",
    "VE": "Venezuela",
    "VN": "Vietnam|Viet Nam",
    "VU": "New Hebrides|Nouvelles Hébrides",
    "WS": "Western Samoa",
    "ZA": "RSA|South Africa",
    "ZW": "Rhodesia|Southern Rhodesia|Rhodésie",
}


def key_of(name: str) -> str:
    """A name without case, accents, marks, spaces and small words; usual abbreviations written out.

    >>> key_of("KOREA, REPUBLIC OF"), key_of("Korea, Rep."), key_of("CÔTE D'IVOIRE"), key_of("Cote divoire")
    ('korearepublic', 'korearepublic', 'coteivoire', 'cotedivoire')
    >>> key_of("U.A.E."), key_of("U A E"), key_of("E.U.A.")
    ('uae', 'uae', 'eua')
    """
    text = "".join(
        " " if not (c.isalnum() or unicodedata.category(c)[0] == "M") else c
        for c in unicodedata.normalize("NFKD", name).casefold().replace("ı", "i")
        if not ("\u0300" <= c <= "\u036f" or "\u064b" <= c <= "\u0655" or c == "\u0640")
    )
    # Initials are one word: of U.A.E. and E.U.A. neither loses its E.
    text = _INITIALS.sub(lambda run: run[0].replace(" ", ""), " ".join(text.translate(_ARABIC).split()))
    words = [_LONG.get(word, word) for word in text.split() if word not in _DROPPED]
    return "".join("".join(words).split())


def exact_key_of(name: str) -> str:
    """A short name with its marks, which alone distinguish it from a code.

    >>> exact_key_of("Áo"), exact_key_of("BỈ")
    ('áo', 'bỉ')
    """
    return unicodedata.normalize("NFC", name.strip().casefold())


_INITIALS = re.compile(r"(?<![^ ])[^\W\d_](?: [^\W\d_](?![^ ]))+")
_ARABIC = str.maketrans({"ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه"})


@cache
def country_keys() -> dict[str, str]:
    """Key to alpha-2 code, of every name that means one country. Read once, when the first name is met."""
    keys: dict[str, str] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        code, *names = line.split("|")
        keys.update(dict.fromkeys(names, code))
    return keys


def gather() -> dict[str, list[str]]:
    """Code to its keys, from CLDR in every language that Babel has, from ISO in English, French, Arabic, Spanish,
    Portuguese and others, and from what people write. A key of two countries is left out."""
    import gettext

    import pycountry
    from babel import Locale
    from babel.localedata import locale_identifiers

    first: defaultdict[str, set[str]] = defaultdict(set)
    others: defaultdict[str, set[str]] = defaultdict(set)
    for language in locale_identifiers():
        for code, name in Locale.parse(language).territories.items():
            if code not in country_codes():
                continue
            key = key_of(name)
            # A rare language's short word is more often another system's code, unless it is written with marks.
            if language not in _FIRST and len(key) <= 3 and key.isascii():
                key = "" if name.isascii() else exact_key_of(name)
            (first if language in _FIRST else others)[key].add(code)
    for language in (*_FIRST, "pt_BR", "zh_CN"):
        translate = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True).gettext
        for country in pycountry.countries:
            for kind in ("name", "official_name", "common_name"):
                if own := getattr(country, kind, None):
                    for name in {own, translate(own)}:
                        for form in _forms(name):
                            first[key_of(form)].add(country.alpha_2)
    for code, names in _USUAL.items():
        for name in names.split("|"):
            first[key_of(name)] = {code}
    for name in _AMBIGUOUS:
        first[key_of(name)] = set()
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key in sorted({*first, *others}):
        codes = first[key] if key in first else others[key]
        if len(codes) == 1 and len(key) > 1:
            found[next(iter(codes))].append(key)
    return dict(sorted(found.items()))


def _forms(name: str) -> list[str]:
    """A name, turned about where a comma or an "of" allows it: "Korea, Republic of", "Republic of Korea"."""
    forms = [name]
    if name.count(",") == 1:
        head, tail = name.split(",")
        forms.append(f"{tail} {head}")
    if turned := re.fullmatch(
        r"(.*(?:Republic|Kingdom|State|Principality|Federation|Jamahiriya)) of (?:the )?(.+)", name
    ):
        forms.append(f"{turned[2]}, {turned[1]}")
    return forms


if __name__ == "__main__":
    _FILE.write_text("".join(f"{'|'.join([code, *keys])}\n" for code, keys in gather().items()), encoding="utf-8")
