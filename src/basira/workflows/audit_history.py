"""The history proved beside the record: its files, its manifests, and what the record names of them.

Enters: a record; a text of heads exported earlier. Leaves: what is whole and what is not; the head of the history as
part of the exported heads. Never here: the record's own proof (`workflows.audit`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa

from basira.schema.errors import BasiraError, UsageError
from basira.storage.history import History
from basira.storage.history_files import digest_file
from basira.storage.history_manifest import manifest_path
from basira.storage.history_verify import HistoryHead, Progress, VerifiedHistory, head_of, verify_history
from basira.storage.models import Models
from basira.storage.operations_database import Database
from basira.storage.operations_tables import TARGETING_RUN
from basira.workflows.audit import Record
from basira.workflows.learn import silent

_KEY = "history"
_RUNS = sa.select(*(TARGETING_RUN.c[name] for name in ("run_id", "snapshot", "model_version", "options"))).order_by(
    TARGETING_RUN.c.sequence
)


def with_history(text: str, record: Record) -> str:
    """Exported heads with the head of the history, when it is on this machine."""
    if record.history is None:
        return text
    body = json.loads(text) | {_KEY: asdict(head_of(record.history))}
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def history_head(text: str, *, where: str) -> HistoryHead | None:
    """The history's head in an exported text; None in one of an earlier version. Raises UsageError."""
    try:
        found = json.loads(text).get(_KEY)
        return None if found is None else HistoryHead(int(found["snapshot"]), str(found["digest"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"Expected the head of a history in {where!r}, found something else ({error}).",
            hint="Give a file written by `basira audit heads`.",
        ) from None


def prove_history(
    record: Record, *, kept: HistoryHead | None = None, progress: Progress = silent
) -> VerifiedHistory | None:
    """Prove the history, and compare it and the models with what the runs of the record name. None: it is not here."""
    if record.history is None:
        return None
    verified = verify_history(record.history, kept=kept, progress=progress)
    with Database(record.place, create=False) as database, database.read() as connection:
        rows = [dict(row) for row in connection.execute(_RUNS).mappings()]
    faults = dict.fromkeys(fault for row in rows for fault in _run_faults(record.history, row))
    return replace(verified, faults=(*verified.faults, *faults))


def _run_faults(history: History, row: Mapping[str, Any]) -> Iterator[str]:
    """What a run was made with, against what stands there now. Runs of earlier versions name no digests."""
    try:
        named = json.loads(row["options"]).get("digests", {})
        snapshot, model = named.get("history"), named.get("model")
    except (ValueError, AttributeError):  # changed: its hash says so
        return
    path = manifest_path(history.root, row["snapshot"])
    if snapshot and path.is_file() and digest_file(path) != snapshot:
        yield f"snapshot {row['snapshot']} of the history is another than runs were made on, such as {row['run_id']}"
    if model:
        try:
            found = Models(history.root).digest(row["model_version"])
        except BasiraError:
            return  # a model may be removed: its runs can't be made again then
        if found != model:
            yield f"the model {row['model_version']} is another than runs were made with, such as {row['run_id']}"
