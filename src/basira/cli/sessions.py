"""`basira sessions`: log a person out.

Enters: a login. Leaves: no session of that person. Never here: a token.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from basira.cli.db import DatabaseOption
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.keys import ByOption, open_database
from basira.cli.messages import messages, say_number
from basira.cli.options import Language, LanguageOption, show_json
from basira.cli.users import user_of
from basira.render.shown import say_line

app = typer.Typer(no_args_is_help=True, help="Sessions: ended.")


@app.callback()
def group() -> None:
    """Keep `revoke` a command of its own name."""


@app.command("revoke")
def revoke(
    user: Annotated[str, typer.Option("--user", help="The login whose sessions end.")],
    by: ByOption,
    motive: Annotated[str, typer.Option("--motive", help="Why; it is audited.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """End every session of a person at once. The account stays as it is."""
    from basira.storage.accounts.sessions import revoke_sessions

    with open_database(store, database) as opened, opened.write() as connection:
        person = user_of(connection, user)
        ended = revoke_sessions(connection, person.user_id, actor=by, motive=motive, now=datetime.now())
    if as_json:
        show_json({"login": user, "ended": ended})
        return
    number = say_number(ended, language.value)
    say_line(messages(language.value).say_count("sessions.ended", ended, n=number, user=user))
