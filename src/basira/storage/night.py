"""What the night's monitoring found, kept beside the history: a folder an evening, a file a report.

Enters: an evening, a name, a report as JSON. Leaves: the same, and what each step of the night came to. Never here: a
report whose SHA-256 is not the one that was written down; what a report means.

    store/night/<evening>/steps.json     what became of each step, what it rested on, the SHA-256 of its report
                          <name>.json    a report

Reports name inspectors and operators: only their owner may read them. They can be computed again at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from basira.schema.errors import StoreError
from basira.storage.history.files import storage_errors
from basira.storage.private_files import make_private_folder

FOLDER = "night"
_STEPS = "steps.json"


@dataclass(frozen=True)
class KeptStep:
    """``state``: "done", "nothing" (there was nothing to look at) or "failed". ``rests_on``: digest of everything that
    the step read. ``ended_at``: ISO 8601, local. ``seconds``: it took. ``sha256``: of the report; "" without one.
    ``code``: of the error; "" none."""

    state: str
    rests_on: str
    ended_at: str
    seconds: float
    sha256: str = ""
    code: str = ""


def keep_step(root: Path, evening: date, name: str, step: KeptStep, report: bytes | None = None) -> KeptStep:
    """Keep what a step came to, and its report when it has one, in the place of what was kept of it that evening.

    The report is written first, and whole: a step that is "done" has one. Raises StoreError.
    """
    folder = root / FOLDER / evening.isoformat()
    with storage_errors(root):
        make_private_folder(folder)
        if report is not None:
            _write(folder / f"{name}.json", report)
            step = KeptStep(**{**asdict(step), "sha256": hashlib.sha256(report).hexdigest()})
        steps = {**find_steps(root, evening), name: step}
        body = {one: asdict(kept) for one, kept in steps.items()}
        _write(folder / _STEPS, json.dumps(body, indent=1).encode())
    return step


def find_steps(root: Path, evening: date) -> Mapping[str, KeptStep]:
    """What each step of an evening came to, by name; nothing where none was kept. Raises StoreError for a file that
    holds something else."""
    path = root / FOLDER / evening.isoformat() / _STEPS
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): KeptStep(**values) for name, values in body.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise StoreError(
            "Expected the steps of the night {evening}, found {error}.",
            hint="Remove that folder of 'night' in the store, and run `basira night` again.",
            evening=evening,
            error=error,
        ) from None


def read_report(root: Path, evening: date, name: str) -> bytes | None:
    """A report as it was written; None where none was kept. Raises StoreError where its content is another."""
    step = find_steps(root, evening).get(name)
    if step is None or not step.sha256:
        return None
    try:
        body = (root / FOLDER / evening.isoformat() / f"{name}.json").read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            "Expected to read the report {name} of the night {evening}: {error}.",
            hint="Give the user of the service the right to read the store.",
            name=name,
            evening=evening,
            error=error,
        ) from None
    if hashlib.sha256(body).hexdigest() != step.sha256:
        raise StoreError(
            "Expected the report {name} of the night {evening} as it was written, found another content.",
            hint="Remove that folder of 'night' in the store, and run `basira night` again.",
            name=name,
            evening=evening,
        )
    return body


def find_evenings(root: Path) -> list[date]:
    """The evenings of which something is kept, the latest first."""
    found = []
    for place in (root / FOLDER).glob("????-??-??"):
        try:
            found.append(date.fromisoformat(place.name))
        except ValueError:
            continue  # a folder of another origin
    return sorted(found, reverse=True)


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.touch(0o600)
    partial.write_bytes(content)
    partial.replace(path)
