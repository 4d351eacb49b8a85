"""The pages, added to the application of the service.

Enters: the application that `basira.api` made. Leaves: the same with the pages' routes, and the files that they load in
memory. Never here: an environment, a store.
"""

from __future__ import annotations

from fastapi import FastAPI

from basira.web.assets import load_assets
from basira.web.render import load_templates
from basira.web.routes import account, declaration, entry, figures, files, queue, rules, search, trail


def add_pages(app: FastAPI) -> FastAPI:
    """Add the pages. Without the files of `make assets` each page says so with 503, and the API goes on."""
    app.state.assets = load_assets()
    load_templates()
    # Of declarations, routes with an ending come before the one without: a number may have slashes.
    for part in (files, entry, account, figures, trail, queue, search, rules, declaration):
        app.include_router(part.router, include_in_schema=False)
    return app
