"""The history proved beside the record: its files, its manifests, and what the record names of them.

Enters: a record; a text of heads exported earlier. Leaves: what is whole and what is not; the head of the history as
part of the exported heads. Never here: the record's own proof (`workflows.records.audit`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import sqlalchemy as sa

from basira.schema.errors import BasiraError, UsageError
from basira.schema.json_values import JsonObject
from basira.storage.database.connection import Database
from basira.storage.database.tables import AUDIT_EVENT, CHAIN_HEAD, EVENT, TARGETING_RUN
from basira.storage.history.files import digest_file, replace_file, storage_errors
from basira.storage.history.manifest import manifest_path
from basira.storage.history.store import History
from basira.storage.history.verify import HistoryHead, Progress, VerifiedHistory, head_of, verify_history
from basira.storage.model_store import Models
from basira.storage.profiles.files import data_path
from basira.storage.record.chain import Head
from basira.storage.record.verify import heads_text, read_heads
from basira.workflows.engine import silent
from basira.workflows.profiles import profiles_of
from basira.workflows.records.audit import Record, heads_of
from basira.workflows.records.history_erasure import ERASED

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


def write_heads(record: Record, out: Path) -> list[Head]:
    """Write the heads of every chain and of the history to a file; those of the chains. Raises StoreError."""
    found = heads_of(record)
    with storage_errors(out.parent):
        replace_file(out, with_history(heads_text(found), record))
    return found


def load_heads(path: Path) -> list[Head]:
    """The heads of the chains in a file that `write_heads` wrote. Raises UsageError when it is unreadable, cut, edited
    or another file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "Expected a file of heads at '{path}', found: {error}.",
            hint="Correct --heads.",
            path=path,
            error=error,
        ) from None
    return read_heads(text, where=str(path))


def history_head(text: str, *, where: str) -> HistoryHead | None:
    """The history's head in an exported text; None in one of an earlier version. Raises UsageError."""
    try:
        found = json.loads(text).get(_KEY)
        return None if found is None else HistoryHead(int(found["snapshot"]), str(found["digest"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            "Expected the head of a history in {where!r}, found something else ({error}).",
            hint="Give a file written by `basira audit heads`.",
            where=where,
            error=error,
        ) from None


def prove_history(
    record: Record, *, kept: HistoryHead | None = None, progress: Progress = silent
) -> VerifiedHistory | None:
    """Prove the history, and compare it, the models and the profiles that are kept with what the record names of them:
    in every run, and in the first and the last decision of each day decided online. None: the history is not here."""
    if record.history is None:
        return None
    verified = verify_history(record.history, kept=kept, progress=progress)
    with Database(record.place, create=False) as database, database.read() as connection:
        named = dict(_read_digests(connection))
        audited = _audited_erasures(connection)
    faults = [
        f"the {kind} {name} is another than the record names, such as {where}"
        for (kind, name, digest), where in named.items()
        if (found := _digest_of(record.history, kind, name)) is not None and found != digest
    ]
    if verified.erased > audited:
        faults.append(f"{verified.erased} files of the history are marked as erased, and the audit names {audited}")
    return replace(verified, faults=(*verified.faults, *faults))


def _audited_erasures(connection: sa.Connection) -> int:
    """How many files the audited erasures of the history removed."""
    query = sa.select(AUDIT_EVENT.c.after).where(AUDIT_EVENT.c.action == ERASED)
    return sum(int(_read_object(after).get("removed", 0)) for after in connection.execute(query).scalars())


def _read_digests(connection: sa.Connection) -> Iterator[tuple[tuple[str, str, str], str]]:
    """What the record names by a digest: kind, name and digest; and where. Earlier versions recorded no digests."""
    for row in connection.execute(_RUNS).mappings():
        digests = _read_object(row["options"]).get("digests") or {}
        for kind, name in (("snapshot", row["snapshot"]), ("model", row["model_version"])):
            if digest := digests.get("history" if kind == "snapshot" else kind):
                yield (kind, str(name), str(digest)), f"run {row['run_id']}"
    days = sa.select(CHAIN_HEAD.c.day).where(CHAIN_HEAD.c.stream == "event").order_by(CHAIN_HEAD.c.day)
    for day in connection.execute(days).scalars().all():
        of_day = sa.select(EVENT.c.event_id, EVENT.c.payload).where(EVENT.c.kind == "decision", EVENT.c.day == day)
        for order in (EVENT.c.sequence, EVENT.c.sequence.desc()):
            for identity, payload in connection.execute(of_day.order_by(order).limit(1)):
                versions = _read_object(payload).get("versions") or {}
                for kind in ("model", "profiles"):
                    if (name := versions.get(kind)) and (digest := versions.get(f"{kind}_digest")):
                        yield (kind, str(name), str(digest)), f"decision {identity}"


def _read_object(text: str) -> JsonObject:
    try:
        found = json.loads(text)
    except ValueError:  # changed: its hash says so
        return {}
    return found if isinstance(found, dict) else {}


def _digest_of(history: History, kind: str, name: str) -> str | None:
    """SHA-256 of what has that name now; None when it is not kept: it may be removed."""
    if kind == "model":
        try:
            return Models(history.root).digest(name)
        except BasiraError:
            return None
    path = manifest_path(history.root, int(name)) if kind == "snapshot" else data_path(profiles_of(history.root), name)
    return digest_file(path) if path.is_file() else None
