"""The pages, added to the application of the service.

Enters: the application that `basira.api` made. Leaves: the same with the pages' routes, and the files that they load in
memory. Never here: an environment, a store.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI

from basira.web.assets import load_assets
from basira.web.past import make_desk
from basira.web.render import load_templates
from basira.web.routes import (
    account,
    administration,
    components,
    declaration,
    documents,
    entry,
    figures,
    files,
    glossary,
    goods,
    governance,
    hands,
    items,
    keys,
    list_import,
    lists,
    models,
    monitor,
    operators,
    people,
    queue,
    risks,
    rules,
    search,
    trail,
)
from basira.web.settings_shown import SettingShown

# Of declarations, routes with an ending come before the one without: a number may have slashes.
PARTS = (
    files,
    entry,
    account,
    figures,
    trail,
    queue,
    search,
    operators,
    goods,
    items,
    rules,
    people,
    keys,
    administration,
    models,
    list_import,
    monitor,
    governance,
    lists,
    risks,
    glossary,
    components,
    hands,
    documents,
    declaration,
)


def add_pages(app: FastAPI, settings: Sequence[SettingShown] = ()) -> FastAPI:
    """Add the pages. Without the files of `make assets` each page says so with 503, and the API goes on.

    ``settings``: in effect, for the administrator's page of them.
    """
    app.state.assets = load_assets()
    app.state.settings_shown = tuple(settings)
    app.state.past_desk = make_desk()
    load_templates()
    for part in PARTS:
        app.include_router(part.router, include_in_schema=False)
    return app
