"""The files that a command names: files, folders, patterns, zips.

Enters: paths as they were typed. Leaves: files in order, those of a zip unpacked for as long as the command runs. Never
here: a file left out without a word; a place outside the folder of the unpacked; more out of a zip than `bounds` allow.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from basira.ingest.readers.source import is_of_known_kind
from basira.ingest.readers.xlsx_errors import check_parts
from basira.schema.errors import Phrase, SourceError


@contextmanager
def named_files(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """The files, in the order of ``paths``, those of a folder, a pattern or a zip by name.

    Raises SourceError: nothing fits a pattern, a folder or zip holds other things, a zip is damaged or unpacks to more
    than any of its size.
    """
    with ExitStack() as stack:
        files: list[Path] = []
        for path in paths:
            if path.is_dir():
                found = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
                _require_known([entry.name for entry in found if not entry.is_file()], path, Phrase("folders in it"))
            elif not path.exists() and any(mark in str(path) for mark in "*?["):
                found = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
                if not found:
                    raise SourceError(
                        "Expected files that fit {path!r}, found none.",
                        hint="Check the path.",
                        path=str(path),
                    )
            else:
                found = [path]
            if path.is_dir():
                _require_known(
                    [entry.name for entry in found if not is_of_known_kind(entry.name)], path, Phrase("other files")
                )
            for entry in found:
                files += _unpacked(entry, stack) if _is_zip(entry) else [entry]
        yield files


def _require_known(others: Sequence[str], path: Path, what: Phrase) -> None:
    if others:
        raise SourceError(
            "Expected files of data only in {path!r}, found {what}: {others}.",
            hint="Take them out, or name the files by a pattern, in quotes: 'FOLDER/*.csv'.",
            path=str(path),
            what=what,
            others=", ".join(map(repr, others[:5])),
        )


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip" and path.is_file() and zipfile.is_zipfile(path)


def _unpacked(path: Path, stack: ExitStack) -> list[Path]:
    """The files of a zip, in a folder that ends with ``stack``. A member's own folder counts for nothing."""
    check_parts(path)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="basira-zip-")))
    files = []
    try:
        with zipfile.ZipFile(path) as archive:
            parts = [
                (PurePosixPath(part.filename.replace("\\", "/")).name, part)
                for part in archive.infolist()
                if not part.is_dir()
            ]
            # Systems leave files of their own in zips, all of a name that begins with a point.
            members = [(name, part) for name, part in parts if not name.startswith(".")]
            _require_known([name for name, _ in members if not is_of_known_kind(name)], path, Phrase("other files"))
            for number, (name, part) in enumerate(sorted(members, key=lambda member: member[1].filename)):
                place = folder / str(number)
                place.mkdir()
                with archive.open(part) as packed, (place / name).open("wb") as out:
                    shutil.copyfileobj(packed, out, 1 << 20)
                files.append(place / name)
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError) as error:  # also of an unknown way of packing
        raise SourceError(
            "Expected a whole zip without a password, {file} can't be unpacked ({error}). Nothing was stored.",
            hint="Copy it again, or unpack it and name the files.",
            file=path.name,
            error=error,
        ) from None
    if not files:
        raise SourceError(
            "Expected files in {file}, found none.",
            hint="Check the zip.",
            file=path.name,
        )
    return files
