"""Chapters and headings of the Harmonized System: the first four digits that a commodity code can begin with.

Enters: nothing. Leaves: `HEADINGS`. Never here: a subheading, a national code, a text.

Edition HS 2022, and the headings of the editions from 1988 to 2017 that a later one deleted: codes of years ago are
still in the files. Chapters 98 and 99 are every country's own and hold no heading here.
"""

from __future__ import annotations

# Chapter, then its headings as runs: "01:01-06" is 0101 to 0106.
_RUNS = """
    01:01-06 02:01-10 03:01-09 04:01-10 05:01-11 06:01-04 07:01-14 08:01-14 09:01-10 10:01-08 11:01-09 12:01-14
    13:01-02 14:01-04 15:01-22 16:01-05 17:01-04 18:01-06 19:01-05 20:01-09 21:01-06 22:01-09 23:01-09 24:01-04
    25:01-30 26:01-21 27:01-16 28:01-53 29:01-42 30:01-06 31:01-05 32:01-15 33:01-07 34:01-07 35:01-07 36:01-06
    37:01-07 38:01-27 39:01-26 40:01-17 41:01-15 42:01-06 43:01-04 44:01-21 45:01-04 46:01-02 47:01-07
    48:01-23 49:01-11 50:01-07 51:01-13 52:01-12 53:01-11 54:01-08 55:01-16 56:01-09 57:01-05 58:01-11 59:01-11
    60:01-06 61:01-17 62:01-17 63:01-10 64:01-06 65:01-07 66:01-03 67:01-04 68:01-15 69:01-14 70:01-20 71:01-18
    72:01-29 73:01-26 74:01-19 75:01-08 76:01-16 78:01-06 79:01-07 80:01-07 81:01-13 82:01-15 83:01-11
    84:01-87 85:01-49 86:01-09 87:01-16 88:01-07 89:01-08 90:01-33 91:01-14 92:01-09 93:01-07 94:01-06
    95:01-08 96:01-20 97:01-06
"""


def _headings() -> frozenset[str]:
    found: set[str] = set()
    for entry in _RUNS.split():
        chapter, runs = entry.split(":")
        for run in runs.split(","):
            first, _, last = run.partition("-")
            found.update(f"{chapter}{number:02d}" for number in range(int(first), int(last or first) + 1))
    return frozenset(found)


HEADINGS = _headings()


def is_heading(code: str) -> bool:
    """Whether a code begins with a heading.

    >>> is_heading("0805100000"), is_heading("8051000000"), is_heading("690721"), is_heading("0690721")
    (True, False, True, False)
    """
    return code[:4] in HEADINGS
