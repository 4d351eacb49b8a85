"""A report of the monitor on the screen: its sentences, its tables, the files that were written.

Enters: words and tables in the reader's language. Leaves: text on the screen. Never here: a file, a figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from basira.cli.messages import messages
from basira.cli.options import open_console

if TYPE_CHECKING:
    from basira.monitor.report import Table as Written


def show_report(
    sentences: Iterable[str], tables: Iterable[Written], out: Sequence[Path], language: str, *, is_simulated: bool
) -> None:
    """Simulated data is called so first; a table without rows is left out; ``out``: the files that were written."""
    from basira.monitor.report import LOCALE
    from basira.render.catalogs import load_catalog

    console = open_console()
    if is_simulated:
        console.print(load_catalog(LOCALE, language).say("simulated"), style="bold yellow")
    for line in sentences:
        console.print(line, markup=False, soft_wrap=True, highlight=False)
    for one in tables:
        if not one.rows:
            continue
        table = Table(title=one.title, title_justify="left", caption=one.note or None, caption_justify="left")
        for n, name in enumerate(one.header):
            table.add_column(name, justify="left" if n < one.words else "right")
        for row in one.rows:
            table.add_row(*row)
        console.print(table)
    for path in out:
        console.print(messages(language).say("written", path=str(path)), markup=False, soft_wrap=True)
