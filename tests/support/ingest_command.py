"""A stand-in for the basira command with ingest's own commands only, run as a process of its own by the tests."""

from __future__ import annotations

import sys

import typer

from basira.cli import feedback, ingest, mapping, quarantine, schema
from basira.schema.errors import BasiraError

app = typer.Typer()
app.command()(ingest.ingest)
app.command()(feedback.feedback)
app.command()(schema.schema)
app.add_typer(mapping.app, name="mapping")
app.add_typer(quarantine.app, name="quarantine")

if __name__ == "__main__":
    try:
        app()
    except BasiraError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n")
        sys.exit(error.exit_code)
