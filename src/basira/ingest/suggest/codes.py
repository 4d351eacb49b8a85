"""Which lengths a column's commodity codes have, and which end of them lost a zero.

Enters: distinct texts, each with its rows. Leaves: the lengths for the mapping's `digits`, and what stays open. Never
here: a zero that is put back without the column and the Harmonized System saying so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from basira.ingest.parse.codes import POINTED, SCIENTIFIC, bare_codes
from basira.ingest.parse.headings import is_heading

# A length that fewer rows have is a slip of the hand, and rejected; unless it is a country's own special code.
_RARE = 0.001
_SPECIAL = ("98", "99")
# An odd length that fewer rows have beside another one is no nomenclature's: a digit was lost, or typed twice.
_FEW = 0.2


@dataclass(frozen=True)
class CodeGuess:
    """``share``: of rows that hold 4 to 12 digits. ``lengths``: digits as written, to rows.

    ``digits``: the lengths to allow, empty when any even one is allowed. ``lost``: texts that get a zero back.
    ``damaged``: texts in scientific notation. ``question``: what is in doubt about the texts in ``contrary``, with the
    lengths of the other reading in ``other``.
    """

    share: float
    lengths: dict[int, int]
    digits: tuple[int, ...] = ()
    lost: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    question: str = ""
    contrary: tuple[str, ...] = ()
    other: tuple[int, ...] = ()


def guess_codes(words: Sequence[str], weights: Sequence[int] | None = None) -> CodeGuess:
    """Judge a column. ``weights``: rows of each word, one when not given.

    A code one digit shorter than others lost its first zero when every code of its length has a heading of the
    Harmonized System with a zero in front, and none without. Codes of one length are what they are.

    >>> guess_codes(["8703219000", "805100000"]).digits, guess_codes(["87032190140", "69072100000"]).digits
    ((10,), (11,))
    >>> guess_codes(["6109.1", "8703.21"]).digits, guess_codes(["805100000", "805200000"]).question[:21]
    ((6,), 'All codes have 9 digi')
    """
    raw = pl.Series("word", list(words), dtype=pl.String)
    weight = dict(zip(words, weights or [1] * len(raw), strict=True))
    total = sum(weight.values())
    damaged = raw.filter(raw.str.contains(SCIENTIFIC).fill_null(False)).to_list()
    bare = bare_codes(raw)
    is_code = bare.str.contains("^[0-9]{2,12}$").fill_null(False)
    pointed = raw.str.contains(POINTED).fill_null(False) & is_code
    lengths: Counter[int] = Counter()
    plain: dict[int, dict[str, str]] = defaultdict(dict)  # length to {text: code}
    points: dict[str, tuple[str, str]] = {}
    for text, code, has_point, fits in zip(raw, bare, pointed, is_code, strict=True):
        if not fits:
            continue
        lengths[len(code)] += weight[text]
        if has_point:
            head, _, tail = text.replace(",", ".").partition(".")
            points[text] = (head, tail)
        else:
            plain[len(code)][text] = code
    share = sum(rows for length, rows in lengths.items() if length >= 4) + sum(weight[text] for text in damaged)
    guess = CodeGuess(share / total if total else 0.0, dict(lengths), damaged=tuple(damaged))
    if not lengths or guess.share < 0.5:
        return guess
    kept, lost = _pointed_lengths(points)
    return _judge_lengths(guess, plain, kept, lost, weight, total)


def _pointed_lengths(points: dict[str, tuple[str, str]]) -> tuple[set[int], list[str]]:
    """The whole lengths of codes with one point, and the texts that lost a zero at one of their ends.

    Numbers lose the zeros behind the point: when no code ends in one, the longest length is the whole one. Else each is
    as long as it is written. Codes that all have one odd length are whole; one digit behind the point never is.
    """
    if not points:
        return set(), []
    tails = {len(tail) for _, tail in points.values()}
    heads = [text for text, (head, _) in points.items() if len(head) == 3]
    if len(tails) == 1 and min(tails) > 1:
        return {4 + min(tails)}, heads
    odd = [text for text, (_, tail) in points.items() if len(tail) % 2]
    if odd or not any(tail.endswith("0") for _, tail in points.values()):
        longest = max(tails)
        return {6 if longest == 1 else 4 + longest}, heads + [text for text in odd if len(points[text][1]) < longest]
    return {4 + tail for tail in tails}, heads


def _slips(plain: dict[int, dict[str, str]], kept: set[int], weight: dict[str, int], total: int) -> dict[str, str]:
    """Texts whose codes have an odd length that few rows have, beside others."""
    found: dict[str, str] = {}
    for length, codes in plain.items():
        rows = sum(weight[text] for text in codes)
        is_own = all(code.startswith(_SPECIAL) for code in codes.values())
        if length in kept and length % 2 and rows < _FEW * total and kept != {length} and not is_own:
            found |= codes
    return found


def _judge_lengths(
    guess: CodeGuess,
    plain: dict[int, dict[str, str]],
    kept: set[int],
    lost: list[str],
    weight: dict[str, int],
    total: int,
) -> CodeGuess:
    doubtful: list[str] = []
    question, other = "", set[int]()
    for length in sorted(plain, reverse=True):
        codes = plain[length]
        rows = sum(weight[text] for text in codes)
        padded = {text for text, code in codes.items() if is_heading(f"0{code}")}
        own = {text for text, code in codes.items() if is_heading(code) or code.startswith(_SPECIAL)}
        telling = padded - own
        # The System has codes of six digits and none of five: those are six, whatever heading they resemble.
        if length + 1 in kept and len(padded) == len(codes):
            led = any(code.startswith("0") for code in plain.get(length + 1, {}).values())
            if len(telling) == len(codes) or ((telling or length == 5) and not led):
                lost += codes
                continue
            question = (
                f"Codes of {length} digits beside codes of {length + 1} may have lost a zero in front, or be whole."
            )
            doubtful += codes
            other = kept | {length}
            continue
        if length < 4 or (rows <= _RARE * total and not all(code.startswith(_SPECIAL) for code in codes.values())):
            continue
        if length + 1 in kept and telling:
            question = (
                f"Codes of {length} digits stand beside codes of {length + 1}: some exist in the Harmonized System "
                "with a zero in front only, others without only."
            )
            doubtful += sorted(telling)
            other = set(kept)
        elif len(padded) == len(codes) and (length % 2 or telling):
            question = (
                (
                    f"All codes have {length} digits and exist in the Harmonized System with a zero in front: it was "
                    "lost, or they are of another nomenclature."
                )
                if len(plain) == 1
                else (
                    f"Codes of {length} digits exist in the Harmonized System with a zero in front only, and none of "
                    f"{length + 1} digits stands beside them."
                )
            )
            doubtful += codes
            other = kept | {length + 1}
        kept.add(length)
    if not question and (slips := _slips(plain, kept, weight, total)):
        lengths = " and ".join(str(length) for length in sorted({len(code) for code in slips.values()}))
        question = f"Few codes have {lengths} digits and the rest another number: a digit was lost, or they are whole."
        doubtful += slips
        other = kept - {len(code) for code in slips.values()}
    digits = tuple(sorted(kept))
    needed = len(digits) == 1 or bool(lost) or bool(question) or any(length % 2 for length in digits)
    return CodeGuess(
        guess.share,
        guess.lengths,
        digits if needed else (),
        tuple(lost),
        guess.damaged,
        question,
        tuple(doubtful),
        tuple(sorted(other)),
    )
