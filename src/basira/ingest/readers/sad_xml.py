"""ASYCUDA World's single administrative document (SAD) as XML, one or several in a file.

Enters: a path. Leaves: one row an item, the columns named by the elements' paths: the declaration's under
their own ("Identification/Office_segment/Customs_clearance_office_code"), the item's under "Item/...",
a tax line under its tax code ("Item/Taxation/Taxation_line[DI]/Duty_tax_amount"). Never here: a document
type declaration or an entity: a file that has one is rejected (an "XML bomb" is made of them).

Where an element is repeated, the first one that says something counts (containers, supplementary units).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast
from xml.etree.ElementTree import Element, ParseError  # types only: parsing is defusedxml's

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from basira.ingest.mapping.model import SourceFormat
from basira.ingest.readers.bounds import LONGEST_ROW_BYTES, too_long
from basira.ingest.readers.encoding import open_bytes
from basira.ingest.readers.source import Source, SourceBatch, batch_of_records
from basira.schema.errors import SourceError

POSITION_COLUMN = "Item/@position"
_ROOTS = frozenset({"ASYCUDA", "SAD"})
_ROWS = 5_000
_DEEPEST = 40
_LARGEST_DOCUMENT = 2_000_000  # elements of one declaration: 9,999 items of 200 elements


def open_sad_xml(path: Path, options: SourceFormat) -> Source:
    """Open a file of SADs; its columns are those of its first declaration, others may have more.

    Raises SourceError: not XML, entities or a DTD, no ASYCUDA element, no item.
    """
    del options  # XML says its own encoding; numbers are as the mapping says
    size = path.stat().st_size

    def batches() -> Iterator[SourceBatch]:
        records: list[dict[str, str | None]] = []
        position = 0
        for document, read in _documents(path):
            records += document_rows(document)
            if len(records) >= _ROWS:
                rows = list(range(position + 1, position + 1 + len(records)))
                position += len(records)
                yield batch_of_records(records, rows, [], min(read, size), ())
                records = []
        if records:
            rows = list(range(position + 1, position + 1 + len(records)))
            yield batch_of_records(records, rows, [], size, ())

    for document, _ in _documents(path):
        first = document_rows(document)
        if first:
            columns = dict.fromkeys(key for row in first for key in row)
            return Source(path, "sad-xml", tuple(columns), True, size, batches)
    raise SourceError(
        "Expected an ASYCUDA declaration with items in {file}, found no <ASYCUDA> element with an <Item>.",
        hint="Export the SAD as XML from ASYCUDA World; other XML needs a conversion to CSV or JSON lines.",
        file=path.name,
    )


def _documents(path: Path) -> Iterator[tuple[Element, int]]:
    try:
        with open_bytes(path) as file:
            depth = elements = 0
            pieces = _Pieces(file, path)
            inside: list[str] = []
            for event, element in iterparse(cast(BinaryIO, pieces), events=("start", "end"), forbid_dtd=True):
                pieces.since_event = 0
                name = _local(element.tag)
                if event == "start":
                    depth += 1
                    elements += 1
                    if depth > _DEEPEST or elements > _LARGEST_DOCUMENT:
                        raise SourceError(
                            "Expected declarations of ordinary size and depth in {file}, found more than "
                            "{deepest} levels or {largest_document:,} elements in one.",
                            hint="Check where the file comes from.",
                            file=path.name,
                            deepest=_DEEPEST,
                            largest_document=_LARGEST_DOCUMENT,
                        )
                    if name in _ROOTS:
                        inside.append(name)
                else:
                    depth -= 1
                    if name in _ROOTS:
                        inside.pop()
                        if not inside:
                            yield element, file.tell()
                            elements = 0
                    if not inside:
                        element.clear()
    except DefusedXmlException:
        raise SourceError(
            "Expected plain XML, {file} declares a document type or entities, by which a small file can fill the "
            "memory or read other files. It was not read.",
            hint="Have the sender export it without a DOCTYPE.",
            file=path.name,
        ) from None
    except (ParseError, LookupError, ValueError) as error:
        raise SourceError(
            "Expected well-formed XML, {file} is not: {error}.",
            hint="The file may be cut: copy it again.",
            file=path.name,
            error=error,
        ) from None
    except (OSError, EOFError) as error:
        raise SourceError(
            "Expected to read {file} to its end ({error}).",
            hint="Copy the file again.",
            file=path.name,
            error=error,
        ) from None


class _Pieces:
    """A file whose texts and attributes are bounded: the parser holds each as a whole, and looks at it from its
    beginning whenever more of it comes."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self.since_event = 0

    def read(self, count: int) -> bytes:
        """The next bytes. Raises SourceError when no element began or ended in more than a row may have."""
        if self.since_event > LONGEST_ROW_BYTES:
            raise too_long(self._path)
        self.since_event += count
        return self._file.read(count)


def document_rows(document: Any) -> list[dict[str, str | None]]:
    """One row an item of a declaration, the header repeated."""
    header: dict[str, str | None] = {}
    items: list[Any] = []
    for child in document:
        if _local(child.tag) == "Item":
            items.append(child)
        else:
            _flatten(child, _local(child.tag), header)
    rows = []
    for position, item in enumerate(items, start=1):
        row = dict(header)
        row[POSITION_COLUMN] = str(position)
        for child in item:
            _flatten(child, "Item/" + _local(child.tag), row)
        rows.append(row)
    return rows


def _flatten(element: Any, path: str, into: dict[str, str | None]) -> None:
    children = [child for child in element if _local(child.tag) != "null"]
    if not children:
        text = (element.text or "").strip() or None
        if into.get(path) is None:
            into[path] = text
        return
    for child in children:
        name = _local(child.tag)
        if name == "Taxation_line":
            code = next((grand.text for grand in child if _local(grand.tag) == "Duty_tax_code"), None)
            if code and code.strip():
                _flatten(child, f"{path}/{name}[{code.strip()}]", into)
        else:
            _flatten(child, f"{path}/{name}", into)


def _local(tag: object) -> str:
    return str(tag).rsplit("}", 1)[-1]
