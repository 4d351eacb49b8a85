"""Which encoding a text file is in.

Enters: the bytes of a file. Leaves: a codec name. Never here: a character replaced or lost: a file that
does not decode is rejected.
"""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path
from typing import BinaryIO, cast

from basira.ingest.readers.bounds import check_unpacked
from basira.schema.errors import SourceError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK = 1 << 20
_LINES_TRIED = 20_000  # beyond ASCII


def open_bytes(path: Path) -> BinaryIO:
    """The file's bytes, unpacked when it is gzip (by content, not by name)."""
    with path.open("rb") as probe:
        packed = probe.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")


def marked_encoding(path: Path) -> str | None:
    """The codec that a byte-order mark says, None without one. A mark is never wrong: it goes before the mapping."""
    try:
        with open_bytes(path) as file:
            head = file.read(4)
    except (OSError, EOFError):
        return None
    return next((name for bom, name in _BOMS if head.startswith(bom)), None)


def detect_encoding(path: Path) -> str:
    """The codec of a text file.

    A byte-order mark decides; else UTF-8 when the *whole* file is valid UTF-8 (a check on its first
    megabyte would let one late accent through), or most of its lines beyond ASCII are; else what
    charset-normalizer makes of the lines that are not ASCII, Windows-1252 when it is unsure.
    """
    marked = marked_encoding(path)
    if marked:
        return marked
    decoder, size = codecs.getincrementaldecoder("utf-8")(), path.stat().st_size
    try:
        with open_bytes(path) as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
                check_unpacked(path, size, file.tell())
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _legacy_encoding(path)
    except (OSError, EOFError) as error:
        raise SourceError(
            "Expected a readable file, found that {file} ends or breaks half-way ({error}).",
            hint="Copy or export the file again.",
            file=path.name,
            error=error,
        ) from None
    return "utf-8"


def _legacy_encoding(path: Path) -> str:
    from charset_normalizer import from_bytes

    sample = bytearray()
    with open_bytes(path) as file:
        head = file.read(4096)
        if head[1::2].count(0) > len(head) // 8:
            return "utf-16-le"
        if head[0::2].count(0) > len(head) // 8:
            return "utf-16-be"
        file.seek(0)
        if _is_damaged_utf8(file):
            return "utf-8"
        file.seek(0)
        size = path.stat().st_size
        # At most so much of a line at a time: one can be as long as the file.
        while len(sample) <= 1 << 16 and (line := file.readline(_CHUNK)):
            if not line[:10_000].isascii():
                sample += line[:10_000]
            check_unpacked(path, size, file.tell())
    candidates = ["cp1252", "cp1256", "iso8859_15", "cp850", "mac_roman", "cp1250", "cp1254"]
    best = from_bytes(bytes(sample), cp_isolation=candidates).best()
    if best is None or best.encoding in {"latin_1", "iso8859_15"}:
        return "cp1252"
    # Western text decodes under several of them; Windows-1252 is by far the likeliest in this trade.
    western = {"cp1250", "cp1254", "mac_roman", "cp850"}
    if best.encoding in western and _reads_as_french(bytes(sample), "cp1252"):
        return "cp1252"
    return str(best.encoding)


def _is_damaged_utf8(file: BinaryIO) -> bool:
    """Of the lines beyond ASCII as many are UTF-8 as are not. No text of another encoding has such lines by chance, and
    read in one they would all be wrong; read as UTF-8 only the damaged ones are rejected."""
    text = damaged = 0
    while text + damaged < _LINES_TRIED and (line := file.readline(_CHUNK)):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            text += 1
        except UnicodeDecodeError:
            damaged += 1
    return 0 < damaged <= text


def _reads_as_french(sample: bytes, encoding: str) -> bool:
    text = sample.decode(encoding, errors="replace")
    accents = sum(character in "éèàçêîôûëïùâÉÈÀÇ°«»\u2019œ€" for character in text)
    foreign = sum(ord(character) > 0x7F for character in text) - accents
    return accents > foreign


def is_text_encoding(name: str) -> bool:
    """Python knows a text codec of this name."""
    try:
        return codecs.lookup(name)._is_text_encoding
    except LookupError:
        return False
