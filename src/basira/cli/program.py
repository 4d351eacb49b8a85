"""All commands under one name.

Enters: nothing. Leaves: `app`. Never here: a command's own work.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

import basira
from basira.cli import (
    audit,
    country,
    db,
    demo,
    diagnose,
    evaluate,
    explain,
    feedback,
    history,
    ingest,
    keys,
    lab,
    lists,
    mapping,
    models,
    monitor,
    night,
    policy,
    profiles,
    proof,
    quarantine,
    register,
    replay,
    risks,
    schema,
    score,
    serve,
    sessions,
    show,
    target,
    train,
    users,
)
from basira.cli.examples import add_examples
from basira.cli.messages import language_defaults, system_language
from basira.cli.rules import commands as rules
from basira.cli.rules.learn import prepare, prune_live, suggest_rules
from basira.cli.rules.migrate import migrate

app = typer.Typer(
    name="basira",
    help="Customs risk analysis: from declarations and inspection results to an ordered, explained inspection list.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"basira {basira.__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Every command has --help, and --json for programs."""
    del version  # it has stopped the program where it was wanted
    context.default_map = language_defaults(context.command, system_language(os.environ))


app.command("ingest")(ingest.ingest)
app.add_typer(mapping.app, name="mapping")
app.add_typer(quarantine.app, name="quarantine")
app.command("feedback")(feedback.feedback)
app.add_typer(register.app, name="register")
app.add_typer(history.app, name="history")
app.command("train")(train.train)
app.command("score")(score.score)
app.command("target")(target.target)
app.add_typer(policy.app, name="policy")
app.command("evaluate", cls=evaluate.ManyFiles)(evaluate.evaluate)
app.command("explain")(explain.explain)
app.command("show")(show.show)
app.command("replay")(replay.replay)
app.add_typer(models.app, name="models")
app.command("proof")(proof.proof)
app.command("diagnose")(diagnose.diagnose)
app.add_typer(monitor.app, name="monitor")
app.command("night")(night.night)
rules.app.command("migrate")(migrate)
rules.app.command("prepare")(prepare)
rules.app.command("suggest")(suggest_rules)
rules.app.command("prune")(prune_live)
app.add_typer(rules.app, name="rules")
app.add_typer(lists.app, name="lists")
app.add_typer(risks.app, name="risks")
app.command("demo")(demo.demo)
app.command("schema")(schema.schema)
app.add_typer(db.app, name="db")
app.add_typer(audit.app, name="audit")
app.add_typer(lab.app, name="lab")
app.add_typer(country.app, name="country")
app.add_typer(profiles.app, name="profiles")
app.command("serve")(serve.serve)
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")
app.add_typer(sessions.app, name="sessions")
add_examples(app)
