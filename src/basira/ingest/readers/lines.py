"""The physical lines of a CSV file, and which of them are rows.

Enters: a stream of bytes, its encoding, the separator. Leaves: blocks of whole lines in UTF-8, and what each line is.
Never here: more than a block in memory; a line that is lost: each is a row's, blank, or rejected.

A quote that is opened and never closed swallows what follows, to the end of the file. So no line counts as part of
another before that is proven. The quotes of a block are looked at all at once; only lines that are not whole by
themselves are read with care, one by one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basira.ingest.readers.bounds import LONGEST_ROW_BYTES

# A description has a few lines. A cell that is not closed after so many is one that was never closed.
MOST_LINES_A_ROW = 200
# What a line is. CONTINUED: one more line of the row above it, rejected or not.
ROW, CONTINUED, BLANK, REJECTED = range(4)

NOT_CLOSED = "every quoted cell to be closed"
NOT_OPENED = "quotes at both ends of a cell, written twice inside it, or none"
NOT_UTF_8 = "text in UTF-8, as the rest of the file; found bytes that are not"
SWALLOWED = "no cell that holds whole rows: its quote is closed in a later row"

UTF_8 = frozenset(("utf-8", "utf-8-sig"))

# A quoted cell up to the quote that closes it, and what a cell without quotes may hold of them: inches before a blank,
# a word between two, the formula by which spreadsheets keep zeros (="0805").
_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*')
_PLAIN = re.compile(
    r'="[^"]*"|[^"]*(?:(?:(?<=\d)"(?=[ xX×*/)-])|(?<=[\s(/])"[^"\s][^"]*"(?=[\s).,/]|$))[^"]*)*', re.DOTALL
)


class LineTooLongError(Exception):
    """A line, or what follows an open quote, is longer than any row."""


@dataclass(frozen=True)
class LineFault:
    """Lines ``first`` to ``last`` of a block, from 0, rejected as one row."""

    first: int
    last: int
    expected: str


@dataclass(frozen=True)
class Block:
    """Whole lines. ``starts``: where each begins in ``data``, and the end of the last. ``kinds``: what each is.

    ``first_line``: the first one's number in the file, from 1. ``is_last``: nothing follows.
    """

    data: bytes
    starts: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.uint8]
    faults: tuple[LineFault, ...]
    first_line: int
    is_last: bool

    def text(self, first: int, last: int) -> str:
        """Lines ``first`` to ``last``, without the end of the last."""
        return _text(self.data, self.starts, first, last)

    def rows_data(self) -> bytes:
        """The lines that are not rejected."""
        parts, at = [], int(self.starts[0])
        for fault in self.faults:
            parts.append(self.data[at : self.starts[fault.first]])
            at = int(self.starts[fault.last + 1])
        return b"".join([*parts, self.data[at : self.starts[-1]]])


class LineReader:
    """Reads a stream once. ``counted``: lines that have come, counted over the bytes, apart from all that cuts rows.

    ``read``: so many bytes of the stream at most, none at its end.
    """

    def __init__(self, read: Callable[[int], bytes], encoding: str, separator: str, *, block_bytes: int) -> None:
        self._read, self._block_bytes, self._separator = read, block_bytes, separator
        self._decoder = None if encoding in UTF_8 else codecs.getincrementaldecoder(encoding)("strict")
        self.counted = 0
        self._lines_of_text = self._lines_of_bytes = 0  # beyond ASCII: that are UTF-8, and that are not

    def blocks(self, skip: int, widths: frozenset[int]) -> Iterator[Block]:
        """The lines after the first ``skip``. ``widths``: how many cells a row may have.

        Raises LineTooLongError, UnicodeError, OSError.
        """
        held, line = b"", 1
        chunks = self._chunks()
        chunk = next(chunks, None)
        while chunk is not None:
            ahead = next(chunks, None)
            is_last = ahead is None
            data = held + chunk
            starts = _line_starts(data, is_last=is_last)
            leave = min(skip, len(starts) - 1)
            self._lines_of_text += not data[: starts[leave]].isascii()  # the header was read before
            starts, skip, line = starts[leave:], skip - leave, line + leave
            kinds, faults, whole = _judge(data, starts, self._separator, widths, is_last=is_last)
            if self._decoder is None:
                faults = self._reject_bytes(data, starts, kinds, faults, whole)
            held = data[starts[whole] :]
            if len(held) > max(self._block_bytes, LONGEST_ROW_BYTES):
                raise LineTooLongError
            yield Block(data, starts[: whole + 1], kinds[:whole], faults, line, is_last)
            line += whole
            chunk = ahead

    def _reject_bytes(
        self,
        data: bytes,
        starts: npt.NDArray[np.int64],
        kinds: npt.NDArray[np.uint8],
        faults: tuple[LineFault, ...],
        whole: int,
    ) -> tuple[LineFault, ...]:
        """Rows with bytes that are not UTF-8 are rejected, in ``kinds`` too, as long as more lines are UTF-8: else the
        file is of another encoding. Raises UnicodeError."""
        try:
            str(memoryview(data)[int(starts[0]) : int(starts[whole])], "utf-8")
        except UnicodeDecodeError:
            pass
        else:
            return faults
        found = list(faults)
        for line in range(whole):
            text = data[starts[line] : starts[line + 1]]
            if text.isascii():
                continue
            try:
                text.decode("utf-8")
                self._lines_of_text += 1
                continue
            except UnicodeDecodeError:
                self._lines_of_bytes += 1
            first = last = line
            while kinds[first] == CONTINUED:
                first -= 1
            while last + 1 < whole and kinds[last + 1] == CONTINUED:
                last += 1
            if kinds[first] != REJECTED:
                kinds[first] = REJECTED
                found.append(LineFault(first, last, NOT_UTF_8))
        if self._lines_of_bytes > self._lines_of_text:
            raise UnicodeError(f"in {self._lines_of_bytes:,} lines, and {self._lines_of_text:,} that are")
        return tuple(sorted(found, key=lambda fault: fault.first))

    def _chunks(self) -> Iterator[bytes]:
        """The stream in UTF-8, without a byte-order mark. No chunk ends between CR and LF."""
        held, is_first, ends_open = b"", True, False
        while raw := self._read(self._block_bytes):
            data = held + (raw if self._decoder is None else self._decoder.decode(raw).encode())
            if is_first and data:
                data, is_first = data.removeprefix(b"\xef\xbb\xbf"), False
            held = b"\r" if data.endswith(b"\r") else b""
            data = data.removesuffix(held)
            if data:
                self.counted += data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
                ends_open = not data.endswith(b"\n")
                yield data
        if self._decoder is not None:
            self._decoder.decode(b"", final=True)
        self.counted += bool(held) or ends_open
        if held:
            yield held


def cells_of(text: str, separator: str) -> tuple[int, str, int]:
    """How many cells a text has, what is wrong with its quotes (or ""), and the most separators that a cell over
    several lines holds.

    >>> cells_of('a;"b;c";', ";"), cells_of('a;"b', ";")[1] == NOT_CLOSED, cells_of('a;b"', ";")[1] == NOT_OPENED
    ((3, '', 0), True, True)
    """
    cells = held = at = 0
    while True:
        if at < len(text) and text[at] == '"':
            matched = _QUOTED.match(text, at)
            end = matched.end() if matched else len(text)
            if end == len(text):
                return cells, NOT_CLOSED, held
            inside = text[at + 1 : end]
            if "\n" in inside or "\r" in inside:
                held = max(held, inside.count(separator))
            at = end + 1
            if at < len(text) and text[at] != separator:
                return cells, NOT_OPENED, held
        else:
            end = text.find(separator, at)
            end = len(text) if end < 0 else end
            inside = text[at:end]
            if '"' in inside and not _PLAIN.fullmatch(inside):
                return cells, NOT_OPENED, held
            at = end
        cells += 1
        if at >= len(text):
            return cells, "", held
        at += 1


def _line_starts(data: bytes, *, is_last: bool) -> npt.NDArray[np.int64]:
    view = np.frombuffer(data, np.uint8)
    is_end = view == 10
    if b"\r" in data:
        alone = view == 13
        alone[:-1] &= ~is_end[1:]
        is_end |= alone
    ends = np.flatnonzero(is_end) + 1
    if is_last and len(data) and (not len(ends) or ends[-1] < len(data)):
        ends = np.append(ends, len(data))
    return np.concatenate([np.zeros(1, np.int64), ends])


def _text(data: bytes, starts: npt.NDArray[np.int64], first: int, last: int) -> str:
    return data[starts[first] : starts[last + 1]].decode("utf-8", "replace").rstrip("\r\n")


def _judge(
    data: bytes, starts: npt.NDArray[np.int64], separator: str, widths: frozenset[int], *, is_last: bool
) -> tuple[npt.NDArray[np.uint8], tuple[LineFault, ...], int]:
    """What each line is, and how many lines are settled; the others wait for what follows them."""
    count = len(starts) - 1
    kinds = np.zeros(count, np.uint8)
    if not count:
        return kinds, (), 0
    view = np.frombuffer(data, np.uint8)
    first_bytes = view[starts[:-1]]
    kinds[(first_bytes == 10) | (first_bytes == 13)] = BLANK
    if data.find(b'"', int(starts[0]), int(starts[-1])) < 0:
        return kinds, (), count
    open_lines, quoted_lines = _find_ambiguous(view, starts, ord(separator))
    faults: list[LineFault] = []
    least = max(min(widths) - 1, 1)  # separators of a row
    done = 0
    for at in map(int, open_lines):
        if at < done:
            continue
        text = _text(data, starts, at, at)
        _, fault, _ = cells_of(text, separator)
        if not fault:
            continue
        if at + MOST_LINES_A_ROW >= count and not is_last:
            return kinds, tuple(faults), at
        end, held = at, 0
        if fault == NOT_CLOSED:
            end, held = _find_row_end(data, starts, separator, widths, quoted_lines, at)
        if end == at:  # the line is faulty, and with it those that its cells went on to
            end = _find_fault_end(data, starts, separator, least, at)
            faults.append(LineFault(at, end, fault))
            kinds[at], kinds[at + 1 : end + 1] = REJECTED, CONTINUED
        elif held < least:
            kinds[at + 1 : end + 1] = CONTINUED
        else:
            inner = range(at + 1, end)
            whole = len(inner) > 1 and all(
                line not in quoted_lines and _text(data, starts, line, line).count(separator) + 1 in widths
                for line in inner
            )
            # Many whole rows between two quotes are rows. One may be anything.
            lines = (at, end) if whole else range(at, end + 1)
            faults += [LineFault(line, line, SWALLOWED) for line in lines]
            kinds[list(lines)] = REJECTED
        done = end + 1
    return kinds, tuple(faults), count


def _find_ambiguous(
    view: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], separator: int
) -> tuple[npt.NDArray[np.int64], set[int]]:
    """Lines whose quotes don't open and close cells within the line; and all lines that have quotes."""
    quotes = np.flatnonzero(view[starts[0] : starts[-1]] == 34) + starts[0]
    line = np.searchsorted(starts, quotes, side="right") - 1
    is_first = np.ones(len(quotes), bool)
    is_first[1:] = line[1:] != line[:-1]
    firsts = np.flatnonzero(is_first)
    counts = np.diff(np.append(firsts, len(quotes)))
    opens = (np.arange(len(quotes)) - np.repeat(firsts, counts)) % 2 == 0
    # A cell begins after these bytes and ends before them; a quote is written twice inside one.
    edge = np.zeros(256, bool)
    edge[[10, 13, 34, separator]] = True
    before = view[np.maximum(quotes - 1, 0)]
    begins = edge[before] | (quotes == starts[line])
    # The first quote of a line can't be the second of two.
    begins &= ~(is_first & (before == 34) & (quotes != starts[line]))
    after = np.minimum(quotes + 1, len(view) - 1)
    ends = edge[view[after]] | (quotes + 1 >= len(view))
    wrong = np.where(opens, ~begins, ~ends)
    odd = counts % 2 == 1
    faulty = np.union1d(line[wrong], line[firsts[odd]])
    return faulty, set(line[firsts].tolist()) if len(faulty) else set()


def _find_row_end(
    data: bytes,
    starts: npt.NDArray[np.int64],
    separator: str,
    widths: frozenset[int],
    quoted_lines: set[int],
    at: int,
) -> tuple[int, int]:
    """The line where the row of an open quote ends, and the separators in its longest cell; the same line if none."""
    for end in range(at + 1, min(at + MOST_LINES_A_ROW, len(starts) - 1)):
        if end not in quoted_lines:
            continue
        if starts[end + 1] - starts[at] > LONGEST_ROW_BYTES:
            break
        cells, fault, held = cells_of(_text(data, starts, at, end), separator)
        if fault != NOT_CLOSED:
            return (end, held) if not fault and cells in widths else (at, 0)
    return at, 0


def _find_fault_end(data: bytes, starts: npt.NDArray[np.int64], separator: str, least: int, at: int) -> int:
    """The last line of a faulty row: it goes on as long as its lines together have no more separators than a row."""
    total, end = _text(data, starts, at, at).count(separator), at
    while total < least and end + 1 < min(at + MOST_LINES_A_ROW, len(starts) - 1):
        total += _text(data, starts, end + 1, end + 1).count(separator)
        if total > least:
            break
        end += 1
    return end
