"""`basira audit`: the record proved, its heads exported, personal data erased.

Enters: a store or a database's URL. Leaves: what is whole and what is not; exit code 5 when anything is not. Never
here: the proof itself (`storage.operations_verify`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption

if TYPE_CHECKING:
    from basira.storage.operations_chain import Head

app = typer.Typer(no_args_is_help=True, help="The audit: prove the record, export its heads, erase personal data.")


@app.command("verify")
def verify(
    heads: Annotated[
        Path | None, typer.Option("--heads", help="Heads exported earlier: finds a tail that was cut off since.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Make every hash again, and name each row that was changed, removed, inserted or moved."""
    from basira.workflows.audit import prove

    kept = [] if heads is None else _read(heads)
    verified = prove(record_of(store, database), kept=kept)
    if as_json:
        typer.echo(json.dumps({"is_whole": verified.is_whole, **asdict(verified)}, ensure_ascii=False, indent=1))
    else:
        for fault in verified.faults:
            typer.echo(f"FAULT: {fault}")
    verified.require_whole()
    if not as_json:
        typer.echo(
            f"Whole: {verified.runs:,} runs, {verified.decisions:,} decisions, {verified.events:,} events, "
            f"{verified.audit_events:,} audit events, {verified.personal_values:,} personal values "
            f"({verified.erased:,} erased)."
        )
        compared = f"{verified.heads_compared:,} heads exported earlier still stand."
        typer.echo(compared if kept else "Compared with no exported heads: a tail cut off with its heads goes unseen.")


@app.command("heads")
def heads(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write; keep it where this machine can't change it.")
    ],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write down where every chain stands, for a later `audit verify --heads`."""
    from basira.storage.history_files import replace_file, storage_errors
    from basira.storage.operations_verify import heads_text
    from basira.workflows.audit import heads_of

    found = heads_of(record_of(store, database))
    with storage_errors(out.parent):
        replace_file(out, heads_text(found))
    if as_json:
        typer.echo(json.dumps({"file": str(out), "heads": [asdict(head) for head in found]}, indent=1))
    else:
        typer.echo(f"{len(found):,} heads written to {out}.")


@app.command("erase")
def erase(
    motive: Annotated[str, typer.Option("--motive", help="Who asked for it, or which rule; it is audited.")],
    by: Annotated[str, typer.Option("--by", help="Who erases, as the audit will name them.")],
    person: Annotated[str, typer.Option("--person", help="The value to erase wherever it stands.")] = "",
    before: Annotated[str, typer.Option("--before", help="Erase what was recorded before this day, YYYY-MM-DD.")] = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Erase personal values of the online record, for good; the chains stay whole.

    The history (Parquet) and the backups are not touched.
    """
    from basira.schema.days import parse_day
    from basira.workflows.audit import erase as erase_values

    count = erase_values(
        record_of(store, database),
        actor=by,
        motive=motive,
        now=datetime.now(),
        person=person or None,
        before=parse_day(before, name="--before") if before else None,
    )
    told = f"{count:,} personal values erased, refused declarations counted with them."
    typer.echo(json.dumps({"erased": count}) if as_json else told)


def _read(path: Path) -> list[Head]:
    from basira.schema.errors import UsageError
    from basira.storage.operations_verify import read_heads

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Expected a file of heads at '{path}', found: {error}.", hint="Correct --heads.") from None
    return read_heads(text, where=str(path))
