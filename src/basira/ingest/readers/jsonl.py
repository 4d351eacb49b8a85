"""JSON lines: one object a line.

Enters: a path. Leaves: batches of text; an object inside an object becomes "outer.inner". Never here: a
list, which no column can hold (it is kept as its JSON text).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from basira.ingest.mapping.model import SourceFormat
from basira.ingest.readers.bounds import LONGEST_ROW_BYTES, PIECE_BYTES, too_long
from basira.ingest.readers.encoding import open_bytes
from basira.ingest.readers.source import BrokenRow, Source, SourceBatch, batch_of_records
from basira.schema.errors import SourceError
from basira.schema.json_values import JsonObject

_ROWS = 20_000
_SHOWN = 500


def open_jsonl(path: Path, options: SourceFormat) -> Source:
    """Open a file of JSON lines; its columns are those of its first 1,000 rows, others may come later.

    Raises SourceError: not one JSON object among them, a line over 1 MB.
    """
    size = path.stat().st_size

    def batches() -> Iterator[SourceBatch]:
        records: list[dict[str, str | None]] = []
        rows: list[int] = []
        broken: list[BrokenRow] = []
        position = read = handed_on = 0
        with open_bytes(path) as file:
            for line in _lines(file, path):
                read += len(line)
                if not line.strip():
                    continue
                position += 1
                record = _parse(line, options.decimal)
                if record is None:
                    text = line[:_SHOWN].decode("utf-8", errors="replace").strip()
                    broken.append(BrokenRow(position, "bad_json", "one JSON object on the line, in UTF-8", text))
                else:
                    records.append(record)
                    rows.append(position)
                if len(records) + len(broken) >= _ROWS or read - handed_on > PIECE_BYTES:
                    yield batch_of_records(records, rows, broken, min(read, size), ())
                    records, rows, broken, handed_on = [], [], [], read
        if records or broken:
            yield batch_of_records(records, rows, broken, size, ())

    columns: dict[str, None] = {}
    with open_bytes(path) as file:
        for number, line in enumerate(_lines(file, path)):
            if number >= 1000:
                break
            columns.update(dict.fromkeys(_parse(line, options.decimal) or {}))
    if not columns:
        raise SourceError(
            "Expected a JSON object on each line of {file}, found none in its first lines.",
            hint="A JSON array of objects is another format: write one object a line.",
            file=path.name,
        )
    return Source(path, "jsonl", tuple(columns), True, size, batches)


def _lines(file: BinaryIO, path: Path) -> Iterator[bytes]:
    try:
        while line := file.readline(LONGEST_ROW_BYTES + 1):
            if len(line) > LONGEST_ROW_BYTES:
                raise too_long(path)
            yield line
    except (OSError, EOFError) as error:
        raise SourceError(
            "Expected to read {file} to its end ({error}).",
            hint="Copy the file again.",
            file=path.name,
            error=error,
        ) from None


def _parse(line: bytes, decimal: str) -> dict[str, str | None] | None:
    try:
        raw = json.loads(
            line.decode("utf-8-sig"),
            parse_float=lambda text: text.replace(".", decimal),
            parse_int=str,
            parse_constant=str,
        )
        record = _flatten(raw) if isinstance(raw, dict) else None
        if record is not None and b"\\u" in line:  # a half of a character can be written that way, and is no text
            "".join(part for entry in record.items() for part in entry if part).encode()
    except (ValueError, RecursionError):
        return None
    return record


def _flatten(raw: JsonObject, prefix: str = "") -> dict[str, str | None]:
    """
    >>> _flatten({"a": {"b": "1", "c": None}, "d": True, "e": ["x"]})
    {'a.b': '1', 'a.c': None, 'd': 'true', 'e': '["x"]'}
    """
    flat: dict[str, str | None] = {}
    for key, value in raw.items():
        name = prefix + key
        if isinstance(value, dict):
            flat.update(_flatten(value, name + "."))
        elif isinstance(value, bool):
            flat[name] = "true" if value else "false"
        elif value is None or isinstance(value, str):
            flat[name] = value
        else:
            flat[name] = json.dumps(value, ensure_ascii=False)
    return flat
