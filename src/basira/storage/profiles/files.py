"""The folder of online profiles: which files are there, and what each must be.

Enters: a folder. Leaves: `Manifest`s, the file that is current. Never here: a profile's record, or a change
to a file that was published.

    profiles/
      CURRENT                      name of the profiles in force, replaced atomically
      2020-12-31-1f0c....lmdb      one build: the records, read-only for ever
      2020-12-31-1f0c....json      its manifest: what it holds, its size and SHA-256, and a check of itself
      building.lock                held by the one builder
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from basira.schema.days import date_of
from basira.schema.errors import StoreError
from basira.storage.history.files import digest_file

CURRENT = "CURRENT"
LOCK = "building.lock"
BUILDING = ".building-"
FORMAT = 1

# In the LMDB file, after every record's key (records begin with a small tag byte).
METADATA_KEY = b"\xffmetadata"
SENTINEL_KEY = b"\xff\xffend"

_NAME = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{16}")


@dataclass(frozen=True)
class Metadata:
    """What a build holds.

    ``as_of_day``: last day of history counted. ``snapshot``: number of the history's snapshot. ``catalog``: digest
    of the feature catalog it serves. ``extras``: the history's ``x_`` columns. ``software``: names and versions.
    ``built_at``: ISO timestamp. ``counts``: records per relation. ``content``: SHA-256 of all keys and records.
    ``currencies``: of the history's values; empty when there are none, or when an older version built it.
    """

    as_of_day: int
    snapshot: int
    catalog: str
    extras: tuple[str, ...]
    is_simulated: bool
    software: Mapping[str, str]
    built_at: str
    counts: Mapping[str, int]
    content: str
    currencies: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``<as_of>-<digest>``: two builds of the same content for the same catalog have one name."""
        build = (self.snapshot, self.catalog, self.extras, self.is_simulated, self.content)
        digest = hashlib.sha256(json.dumps((FORMAT, self.as_of_day, *build)).encode()).hexdigest()
        return f"{date_of(self.as_of_day)}-{digest[:16]}"

    def to_json(self) -> str:
        """One line of JSON, always the same for the same metadata."""
        values = asdict(self)
        if not self.currencies:  # as older versions wrote it
            del values["currencies"]
        return json.dumps(values, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True)
class Manifest:
    """What one published file must be. ``size`` in bytes; ``digest``: SHA-256 of the file."""

    metadata: Metadata
    size: int
    digest: str

    @property
    def name(self) -> str:
        return self.metadata.name

    def to_json(self) -> str:
        body = {"format": FORMAT, "metadata": asdict(self.metadata), "size": self.size, "digest": self.digest}
        return json.dumps(body | {"check": _check(body)}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _check(body: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def data_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.lmdb"


def manifest_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def read_manifest(folder: Path, name: str) -> Manifest:
    """Raises StoreError when it is absent, damaged, or of another name or format."""
    try:
        body = json.loads(manifest_path(folder, name).read_text(encoding="utf-8"))
        if body.pop("check") != _check(body) or body["format"] != FORMAT:
            raise ValueError("its check does not hold")
        values = body["metadata"]
        lists = {"extras": tuple(values["extras"]), "currencies": tuple(values.get("currencies", ()))}
        metadata = Metadata(**{**values, **lists})
        manifest = Manifest(metadata, body["size"], body["digest"])
        if manifest.name != name:
            raise ValueError(f"it speaks of {manifest.name}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damage_error(name, f"the manifest can't be read ({error})") from error
    return manifest


def verify_file(folder: Path, manifest: Manifest) -> None:
    """Compare the whole file with its manifest. Raises StoreError when a byte differs or is missing.

    The size comes first: reading beyond the end of a truncated LMDB file would kill the process.
    """
    path = data_path(folder, manifest.name)
    try:
        size = path.stat().st_size
        if size != manifest.size:
            raise _damage_error(manifest.name, f"expected {manifest.size} bytes, found {size}")
        if digest_file(path) != manifest.digest:
            raise _damage_error(manifest.name, "its SHA-256 is not the one of its manifest")
    except OSError as error:
        raise _damage_error(manifest.name, f"it can't be read ({error.strerror or error})") from error


def read_pointer(folder: Path) -> str | None:
    """The name in CURRENT; None when there is no such file or it holds no name."""
    try:
        name = (folder / CURRENT).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if _NAME.fullmatch(name) else None


def list_names(folder: Path) -> list[str]:
    """The published names, the latest `as_of` first."""
    if not folder.is_dir():
        return []
    return sorted((p.stem for p in folder.glob("*.json") if _NAME.fullmatch(p.stem)), reverse=True)


def _damage_error(name: str, what: str) -> StoreError:
    return StoreError(
        "The profiles {name} are damaged: {what}.",
        hint="Build the profiles anew.",
        name=name,
        what=what,
    )
