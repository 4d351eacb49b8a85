"""The names of operators and offices, from the administration's register: kept apart, so that they can be erased.

Enters: the folder of a store, names by identifier. Leaves: the same later; how many entries name a value; a register
without them. Never here: a name in a decision, in the history or in what a model learns from.

One file, its owner's alone. It is read when a list is shown and is part of no record, so an erasure leaves nothing of
a name behind (docs/decisions/0016-texts-and-history-erased.md).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from basira.schema.errors import StoreError
from basira.storage.naming import pattern_of

FILE = "register.json"


@dataclass(frozen=True)
class Register:
    """``operators``: names of importers, declarants and exporters by identifier; ``offices``: by code."""

    operators: Mapping[str, str] = field(default_factory=dict)
    offices: Mapping[str, str] = field(default_factory=dict)


def read_register(root: Path) -> Register:
    """The register of a store, empty where it has none; StoreError when its file can't be read."""
    path = root / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Register(_texts(content["operators"]), _texts(content["offices"]))
    except FileNotFoundError:
        return Register()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            "Expected the names of a register in {path!r}, found something else: {error}.",
            hint="Take the register in again with `basira register ingest`, after you moved this file away.",
            path=str(path),
            error=error,
        ) from None


def write_register(root: Path, register: Register) -> None:
    """Write the register whole, or not at all; StoreError when the disk does not take it."""
    text = json.dumps({"operators": dict(register.operators), "offices": dict(register.offices)}, ensure_ascii=False)
    try:
        handle, name = tempfile.mkstemp(dir=root, prefix=f".{FILE}.")  # its owner's alone
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(root / FILE)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(
            "Expected to write {file} in {root!r}, found: {error}.",
            hint="Free room, or give the user of this command the right to write there. The old register is unchanged.",
            file=FILE,
            root=str(root),
            error=error.strerror,
        ) from None


def count_entries_naming(root: Path, value: str) -> int:
    """How many entries have the value in their identifier or their name, as whole words."""
    register = read_register(root)
    return sum(_names(value, pair) for part in (register.operators, register.offices) for pair in part.items())


def erase_entries_naming(root: Path, value: str) -> int:
    """Remove those entries; how many there were. Without one the file stays as it is."""
    register = read_register(root)
    kept = [
        {identifier: name for identifier, name in part.items() if not _names(value, (identifier, name))}
        for part in (register.operators, register.offices)
    ]
    removed = len(register.operators) + len(register.offices) - sum(len(part) for part in kept)
    if removed:
        write_register(root, Register(*kept))
    return removed


def _names(value: str, pair: tuple[str, str]) -> bool:
    pattern = pattern_of(value)
    return any(pattern.search(text) for text in pair)


def _texts(values: Mapping[str, str]) -> dict[str, str]:
    return {str(key): str(value) for key, value in values.items()}
