"""Text in its one written form, and the characters that an identifier may hold.

Enters: text. Leaves: the same text folded, by its kind, and the first character that has no place in it. Never here: a
field, a file, a guess what a look-alike means.

Lists and queues compare text bit by bit, so two ways of writing one code must be one text, or a list is evaded by the
other way. What can be folded without a doubt is folded: digits of every script, compatibility forms (NFKC), dashes,
quotes, spaces, the letter forms of Persian and Urdu keyboards. What can't be seen, or looks like another letter, is
rejected: an "A" of the Cyrillic script may be a mistake for the Latin one.

An identifier holds Latin and Arabic letters, the scripts of the papers of Morocco, each word in one of them. No other
script can be added by a mapping or a policy: a name in Cyrillic letters alone ("АВС") can't be told from a Latin one,
whatever it is beside (docs/decisions/0014-text-in-one-form.md).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from basira.schema.errors import Phrase

ALLOWED_SIGNS = Phrase("Latin or Arabic letters (one script in a word), digits and the signs of ASCII")
ALLOWED = str(ALLOWED_SIGNS)

_DIGIT = re.compile(r"\d")
# A line end or a tab in a cell of a workbook is a space as people see it.
_SPACES = re.compile(r"[ \t\r\n]{2,}|[\t\r\n]")
_WORD = re.compile(r"[\w.\-]+")
_LATIN_LETTER = re.compile(r"[^\W\d_\u0600-\u06ff]")
_ARABIC_LETTER = re.compile(r"[\u0600-\u06ff]")

# The ASCII signs, as East Asian keyboards write them.
_FULL_WIDTH = {code + 0xFEE0: code for code in range(0x21, 0x7F)} | {0x3000: " "}
# Arabic text carries them so that figures are in order; a date or a number means the same without.
_DIRECTION_MARKS = dict.fromkeys((0x200E, 0x200F, 0x061C))
_FIGURE_SIGNS = _FULL_WIDTH | _DIRECTION_MARKS | {"٪": "%", "−": "-", "،": ","}
_FIGURES = str.maketrans({chr(k) if isinstance(k, int) else k: v for k, v in _FIGURE_SIGNS.items()})
DECIMAL_SEPARATOR, THOUSANDS_SEPARATOR = "٫", "٬"

_ALIKE = str.maketrans(
    # Dashes, quotes and strokes that differ from the ASCII ones by their length alone.
    dict.fromkeys("‐‑‒–—―−⁃", "-") | dict.fromkeys("‘’‛′ʹʻʼ´", "'") | dict.fromkeys("“”‟″«»", '"')
    | {"⁄": "/", "∕": "/", "∗": "*", "∶": ":", "،": ",", "؛": ";", "؟": "?", "٪": "%", "٫": ".", "٬": ",", "۔": "."}
    | {"\u1680": " "}
    # Letters of Persian and Urdu keyboards, drawn as the Arabic ones are.
    | {"ک": "ك", "ی": "ي", "ہ": "ه", "ھ": "ه", "ە": "ه", "ۃ": "ة", "ٱ": "ا"}
    # The stroke that makes a word longer, and vowel signs: the same word without.
    | dict.fromkeys("\u0640\u0670" + "".join(map(chr, range(0x064B, 0x0653))))
)  # fmt: skip
# Letters of European and Berber languages that are no ASCII letter with marks.
_LATIN = frozenset("ÆæŒœßẞØøÐðÞþĐđĦħıŁłŊŋŦŧƏəƐɛƔɣ")
_ARABIC = frozenset([chr(code) for code in (*range(0x0621, 0x063B), *range(0x0641, 0x064B))] + list("پچژگڤڭڨڥ"))
_SIGNS = frozenset("°©®§€£")


@dataclass(frozen=True)
class OddCharacter:
    """A character that has no place in an identifier. ``position``: from 1, in the text as it was given."""

    position: int
    character: str

    @property
    def place(self) -> str:
        """Where it is and what it is called, in characters that every terminal shows.

        >>> OddCharacter(4, "\\u200b").place
        'U+200B ZERO WIDTH SPACE at character 4'
        """
        return f"{character_name(self.character)} at character {self.position}"


def character_name(character: str) -> str:
    """Code point and name.

    >>> character_name("А"), character_name("\\x1b"), character_name("\\ue000")
    ('U+0410 CYRILLIC CAPITAL LETTER A', 'U+001B control character', 'U+E000 private use character')
    """
    kinds = {"Cc": "control character", "Co": "private use character", "Cs": "half a character", "Cn": "unassigned"}
    name = unicodedata.name(character, "") or kinds.get(unicodedata.category(character), "")
    return f"U+{ord(character):04X} {name}".rstrip()


def fold_digits(text: str) -> str:
    """Decimal digits of every script, and full-width signs, as ASCII; nothing else changes. For commodity codes.

    Superscripts and circled figures are no digits: "8517²" must not become a code of five.

    >>> fold_digits("٩٣٠٢"), fold_digits("۹۳۰۲"), fold_digits("９３．０２"), fold_digits("९३०२"), fold_digits("93²")
    ('9302', '9302', '93.02', '9302', '93²')
    """
    if text.isascii():
        return text
    return _DIGIT.sub(_ascii_digit, text).translate(_FULL_WIDTH)


def fold_figure(text: str, *, decimal: str = ".", thousands: str = "") -> str:
    """A number or a date with ASCII digits and signs; marks of direction go, they say nothing of a figure.

    ``decimal``, ``thousands``: what the Arabic separators become. They are never ambiguous; without a thousands mark
    they become the space that is always understood between groups of three.

    >>> fold_figure("١٬٠٠٠٫٥"), fold_figure("١‏/٢‏/٢٠٢٤"), fold_figure("−١٠٪"), fold_figure("١٫٥", decimal=",")
    ('1 000.5', '1/2/2024', '-10%', '1,5')
    """
    if text.isascii():
        return text
    folded = _DIGIT.sub(_ascii_digit, text).translate(_FIGURES)
    return folded.replace(DECIMAL_SEPARATOR, decimal).replace(THOUSANDS_SEPARATOR, thousands or " ").strip(" ")


def fold_identifier(text: str) -> str:
    """An identifier, a code, an office or a name in its one written form; folding it again changes nothing.

    What has no place in an identifier stays, for `find_odd` to find.

    >>> fold_identifier("ＳＩＭ–１"), fold_identifier("SIM \\n١"), fold_identifier("شرکـة"), fold_identifier("e\\u0301")
    ('SIM-1', 'SIM 1', 'شركة', 'é')
    """
    folded = text
    if not text.isascii():
        # The accent alone becomes a space and a mark in NFKC, so the signs are looked at on both sides of it.
        folded = unicodedata.normalize("NFKC", text.translate(_ALIKE))
        folded = unicodedata.normalize("NFC", _DIGIT.sub(_ascii_digit, folded).translate(_ALIKE))
    return _SPACES.sub(" ", folded).strip(" ")


def find_odd(text: str) -> OddCharacter | None:
    """The first character that has no place in an identifier, with its place in ``text`` as it was given; or None.

    >>> find_odd("Société Générale 12/B"), find_odd("شركة النقل SARL"), find_odd("AB\\u200bC").place
    (None, None, 'U+200B ZERO WIDTH SPACE at character 3')
    >>> find_odd("SIM-А1").place, find_odd("SIM-ا1").place
    ('U+0410 CYRILLIC CAPITAL LETTER A at character 5', 'U+0627 ARABIC LETTER ALEF at character 5')
    """
    if text.isascii() and text.isprintable():
        return None
    folded = fold_identifier(text)
    for position, character in enumerate(folded):
        if not _is_allowed(character):
            return _locate(text, character, position)
    for word in _WORD.findall(folded):
        if (arabic := _ARABIC_LETTER.search(word)) and (latin := _LATIN_LETTER.search(word)):
            # The rarer of the two is the intruder; of as many, the Arabic one in a word that a Latin one begins.
            several = len(_ARABIC_LETTER.findall(word)) > len(_LATIN_LETTER.findall(word))
            odd = latin if several else arabic
            return _locate(text, odd[0], folded.index(word) + odd.start())
    return None


def escape(text: str) -> str:
    """Text in which a terminal finds no command and a reader nothing unseen: what has no shape of its own is written
    as its code, as JSON writes it. Line ends stay, and the spaces of languages.

    >>> escape("a\\u202eb\\x1b[31m\\ud800"), escape("1\\u00a0000\\n")
    ('a\\\\u202eb\\\\u001b[31m\\\\ud800', '1\\xa0000\\n')
    """
    if text.isprintable():
        return text
    return "".join(c if _is_shown(c) else _as_code(c) for c in text)


def _is_shown(character: str) -> bool:
    return character.isprintable() or character == "\n" or unicodedata.category(character) == "Zs"


def _as_code(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _ascii_digit(found: re.Match[str]) -> str:
    return str(unicodedata.decimal(found[0]))


def _is_allowed(character: str) -> bool:
    if character.isascii():
        return character.isprintable()
    if character in _LATIN or character in _ARABIC or character in _SIGNS:
        return True
    letter = unicodedata.normalize("NFD", character)
    return (
        letter[0].isascii() and letter[0].isalpha() and all(unicodedata.category(mark) == "Mn" for mark in letter[1:])
    )


def _locate(text: str, character: str, position: int) -> OddCharacter:
    """The position in the original text of the character at ``position`` of the folded one."""
    for given, one in enumerate(text, 1):
        if one == character or character in fold_identifier(one):
            return OddCharacter(given, one)
    return OddCharacter(position + 1, character)
