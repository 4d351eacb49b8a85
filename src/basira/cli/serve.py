"""`basira serve`: the HTTP service.

Enters: options. Leaves: a server until it is stopped. Never here: a request.
"""

from __future__ import annotations

import os
from datetime import date
from typing import Annotated

import typer

from basira.cli.db import DatabaseOption
from basira.cli.ingest import DEFAULT_STORE, StoreOption
from basira.cli.options import Language, LanguageOption, ModelOption, PolicyOption, open_history

_STOP_SECONDS = 30


def serve(
    policy: PolicyOption = "morocco",
    store: StoreOption = DEFAULT_STORE,
    host: Annotated[str, typer.Option(help="Address to listen on; behind a proxy, keep it local.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    database: DatabaseOption = "",
    model: ModelOption = "",
    language: LanguageOption = Language.fr,
    most_profile_days: Annotated[
        int, typer.Option(min=0, help="Profiles that lack more days than that are too old: the fallback answers.")
    ] = 1,
) -> None:
    """Answer declarations over HTTP, each with its lane and reasons, each on record, until stopped.

    Requests under way are finished first (30 seconds at most).
    """
    import uvicorn

    from basira.cli.target import policy_folder
    from basira.selection.load import load_policy
    from basira.storage.operations_database import Database
    from basira.workflows.record import operations_of
    from basira.workflows.serve_context import read_seed

    history, folder = open_history(store), policy_folder(policy).resolve()
    # What would end every worker is said here, once; and what is made once is made before they start.
    load_policy(folder, date.today())
    read_seed(history.root)
    Database(database or operations_of(history)).close()
    os.environ |= {
        "BASIRA_STORE": str(store.resolve()),
        "BASIRA_POLICY": str(folder),
        "BASIRA_DATABASE": database,
        "BASIRA_MODEL": model,
        "BASIRA_LANGUAGE": language.value,
        "BASIRA_MOST_PROFILE_DAYS": str(most_profile_days),
    }
    uvicorn.run(
        "basira.app:from_environment", factory=True, host=host, port=port, workers=workers, access_log=False,
        log_config=None, server_header=False, timeout_graceful_shutdown=_STOP_SECONDS,
    )  # fmt: skip
