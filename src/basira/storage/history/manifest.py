"""The manifest: which files make up the history, at one moment, for ever.

Enters: descriptions of files and of the sources they came from. Leaves: one immutable JSON file a
commit, `manifests/00000001.json`. Never here: the rows themselves, or a clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from basira.schema.errors import StoreError
from basira.schema.json_values import JsonObject

TableName = Literal["items", "outcomes", "quarantine"]
TABLE_NAMES: tuple[TableName, ...] = ("items", "outcomes", "quarantine")

# Raised when a reader of this version could misread the files of the next.
FORMAT_VERSION = 1

# The number of the commit that is being written: a manifest of this number that CURRENT does not name is a draft.
DRAFT_NOTE = "writing.draft"

# Where a commit puts its files. No other path of a manifest is followed: it could lead out of the store.
_PATH = re.compile(r"data/[a-z]+(/[a-z]+_month=[0-9-]+)?/\d{8}-[a-z]+\d*\.parquet", re.ASCII)


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of the history.

    ``path``: relative to the store, with forward slashes. ``first_day``/``last_day``: the smallest and
    largest `declared_day` or `known_day` in it (None for quarantine).
    """

    path: str
    rows: int
    size_bytes: int
    sha256: str
    first_day: int | None = None
    last_day: int | None = None


def manifest_path(root: Path, number: int) -> Path:
    """Where a store keeps the manifest of a commit."""
    return root / "manifests" / f"{number:08d}.json"


def _written(entry: object) -> dict[str, object]:
    """A record's values. A source without rates is written as by versions before, which can then read it."""
    values = vars(entry)
    return {name: value for name, value in values.items() if name != "rates_digest" or value}


def _data_file(entry: JsonObject) -> DataFile:
    found = DataFile(**entry)
    if not _PATH.fullmatch(found.path):
        raise ValueError(f"a data file at {found.path[:80]!r}")
    return found


@dataclass(frozen=True)
class SourceEntry:
    """One source taken in by one commit, and what became of its rows.

    ``commit``: number of that commit. ``digest``: SHA-256 of the file. ``mapping_digest``: SHA-256 of the mapping's
    canonical text, kept in the store under `mappings/`.
    ``rows`` = ``accepted`` + ``already_known`` + ``quarantined``.
    """

    digest: str
    file_name: str
    mapping_digest: str
    mapping_name: str
    action: str  # "ingest", "feedback" or "retry"
    received_at: str
    rows: int
    accepted: int
    already_known: int
    quarantined: int
    commit: int = 0
    is_simulated: bool = False  # the file says that it comes from the simulated country
    rates_digest: str = ""  # SHA-256 of the table of rates by which it was converted, kept like the mapping


@dataclass(frozen=True)
class Manifest:
    """The state of the history after one commit. ``parent`` is the commit before it, 0 for none.

    ``parent_digest``: SHA-256 of the parent's manifest file, "" without one; None in a manifest of the older kind,
    which named its parent by number alone. ``adopted``: SHA-256 of every manifest of the older kind, by number, in the
    first manifest that follows them. They prove that nothing was changed since this commit, not before it.
    """

    number: int
    parent: int
    tables: Mapping[TableName, tuple[DataFile, ...]] = field(default_factory=lambda: dict.fromkeys(TABLE_NAMES, ()))
    sources: tuple[SourceEntry, ...] = ()  # of this commit and all before it, oldest first
    parent_digest: str | None = None
    adopted: Mapping[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        return json.dumps(self, default=_written, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, *, where: str) -> Manifest:
        """Read a manifest. Raises StoreError when it is not one, or of a later format."""
        try:
            raw: JsonObject = json.loads(text)
            version = int(raw["format_version"])
            if version > FORMAT_VERSION:
                raise StoreError(
                    "Expected a store of format {format_version} or earlier, found format {version} in {where}.",
                    hint="Upgrade Basira to the version that wrote this store.",
                    format_version=FORMAT_VERSION,
                    version=version,
                    where=where,
                )
            return cls(
                number=int(raw["number"]),
                parent=int(raw["parent"]),
                tables={name: tuple(_data_file(entry) for entry in raw["tables"][name]) for name in TABLE_NAMES},
                sources=tuple(SourceEntry(**entry) for entry in raw["sources"]),
                parent_digest=raw.get("parent_digest"),
                adopted={str(number): str(digest) for number, digest in raw.get("adopted", {}).items()},
                format_version=version,
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise StoreError(
                "Expected a manifest of a Basira store, found something else in {where} ({error}).",
                hint="Restore the manifests folder from a backup; the data files are unharmed.",
                where=where,
                error=error,
            ) from None
