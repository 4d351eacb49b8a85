"""`basira quarantine`: the refused rows, listed, taken out, sent again.

Enters: options. Leaves: tables, a CSV file, reports. Never here: a row deleted.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption, WaitOption, reading_progress, show_reports

app = typer.Typer(no_args_is_help=True, help="Rows that were refused: list them, correct them, send them again.")

CodeOption = Annotated[str | None, typer.Option("--code", help="Only rows refused for this reason.")]
FileOption = Annotated[str | None, typer.Option("--file", help="Only rows of this file.")]


@app.command("list")
def list_rows(
    code: CodeOption = None,
    file_name: FileOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many rows.")] = 50,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Show refused rows with the reason, the value found and what was expected."""
    from basira.storage.history import History
    from basira.workflows.quarantine import count_quarantine, list_quarantine

    history = History.open(store)
    rows = list_quarantine(history, code=code, file_name=file_name, limit=limit)
    counts = count_quarantine(history)
    if as_json:
        body = {
            "total": sum(counts.values()),
            "counts": [{"file_name": name, "code": reason, "rows": count} for (name, reason), count in counts.items()],
            "rows": [asdict(row) for row in rows],
        }
        typer.echo(json.dumps(body, ensure_ascii=False, indent=1, default=str))
        return
    console = Console()
    if not rows:
        console.print("No such row in quarantine.")
        return
    table = Table("id", "file", "row", "field", "reason", "found", "expected")
    for row in rows:
        cells = (row.quarantine_id, row.file_name, str(row.source_row), row.field, row.code, row.value, row.expected)
        table.add_row(*(_shown(cell) for cell in cells))
    console.print(table)
    for (name, reason), count in counts.items():
        console.print(f"{name}: {count:,} {reason}", markup=False)
    console.print(f"{len(rows):,} of {sum(counts.values()):,} rows shown.")


def _shown(cell: str | None) -> str:
    from rich.markup import escape

    return escape((cell or "")[:80])


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV file to write.")],
    code: CodeOption = None,
    file_name: FileOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Write refused rows to a CSV file: correct the source's columns in it, then `quarantine retry --corrected`."""
    from basira.storage.history import History
    from basira.workflows.quarantine import export_quarantine

    count = export_quarantine(History.open(store), out, code=code, file_name=file_name)
    if as_json:
        typer.echo(json.dumps({"rows": count, "file": str(out)}))
    else:
        typer.echo(f"{count:,} rows written to {out}. Correct them, then: basira quarantine retry --corrected {out}")


@app.command()
def retry(
    corrected: Annotated[
        Path | None,
        typer.Option("--corrected", help="A corrected file of 'quarantine export'; only its rows are sent."),
    ] = None,
    mapping: Annotated[
        str | None, typer.Option("--mapping", "-m", help="A better mapping than the one the rows were read by.")
    ] = None,
    ids: Annotated[list[str] | None, typer.Option("--id", help="Only this row; may be repeated.")] = None,
    store: StoreOption = DEFAULT_STORE,
    wait: WaitOption = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Send refused rows again: as they are (a declaration came in meanwhile), corrected, or with a better mapping."""
    from basira.ingest.mapping import load_mapping
    from basira.storage.history import History
    from basira.workflows.quarantine import retry_quarantine

    chosen = None if mapping is None else load_mapping(mapping)
    history = History.open(store)
    with reading_progress(quiet=as_json) as progress:
        report = retry_quarantine(
            history,
            received_at=datetime.now().replace(microsecond=0),
            corrections=corrected,
            mapping=chosen,
            ids=ids or None,
            progress=progress,
            wait_seconds=wait,
        )
    show_reports(report.files, snapshot=report.snapshot, store=store, as_json=as_json, left=report.left)
    if not as_json:
        typer.echo(f"{report.left:,} rows left in quarantine.")
