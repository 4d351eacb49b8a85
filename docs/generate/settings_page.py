"""docs/reference/settings.md, from the service's own table.

Enters: `SETTINGS`. Leaves: Markdown. Never here: a setting of its own.
"""

from __future__ import annotations

from basira.app import SETTINGS


def settings_page() -> str:
    """docs/reference/settings.md: every variable of the environment, from the service's own table."""
    rows = [f"| `{s.name}` | {f'`{s.default}`' if s.default else ''} | {s.meaning} |" for s in SETTINGS]
    return _SETTINGS_PAGE.replace("ROWS", "\n".join(rows))


_SETTINGS_PAGE = """# Settings of the service

Made from the program by `make docs`. `basira serve` reads them from its environment; an option given on the command
line goes first. Any ASGI server can start `basira.app:from_environment` with them. A value that can't be used ends
the start with one sentence: the setting, what was expected, what was found. So does a variable `BASIRA_...` that is
nearly one of these, with the nearest name; what resembles none, and those of `deploy/basira-nightly`, are left alone.
`basira serve --check` says so without serving, and makes nothing.

| variable | default | meaning |
|---|---|---|
ROWS

Of the libraries below: `PROMETHEUS_MULTIPROC_DIR` names a folder in which several processes keep their figures, so that
`/metrics` speaks for all. `basira serve` makes one by itself, in memory (systemd's `RuntimeDirectory`, else
`/dev/shm`); give one, empty at each start, to another server. On a disk that is full, workers end. `OMP_WAIT_POLICY`
is set to `PASSIVE` when it is not set.

The seed of the draws is no setting: it is in the store, in `online-seed`, made at the first start, readable by its
owner alone. Keep it secret; it is in no answer and no event.
"""
