"""No text of a declaration commands a terminal, or turns a page round."""

from __future__ import annotations

import io
import json

import pytest
from rich.table import Table
from rich.text import Text

from basira.render.shown import echo, shown, terminal
from basira.render.spreadsheet import cell

HOSTILE = "pneus\x1b[2J\u202exls.\u200b\x9b31m\ue000"


def is_harmless(text: str) -> bool:
    return all(c.isprintable() or c in "\n\u00a0" for c in text)


@pytest.mark.parametrize("renderable", [HOSTILE, Text(HOSTILE), "table"])
def test_a_console_shows_codes_whatever_holds_the_text(renderable: str | Text) -> None:
    out = io.StringIO()
    made: str | Text | Table = renderable
    if renderable == "table":
        made = Table("a")
        made.add_row(HOSTILE)
    terminal(file=out, width=200, color_system=None, force_terminal=False).print(made, markup=False)
    assert is_harmless(out.getvalue())
    assert "\\u001b" in out.getvalue()


def test_json_on_the_terminal_says_the_same_text(capsys: pytest.CaptureFixture[str]) -> None:
    echo(json.dumps({"a": HOSTILE}, ensure_ascii=False))
    printed = capsys.readouterr().out
    assert is_harmless(printed)
    assert json.loads(printed) == {"a": HOSTILE}


def test_cells_and_pages_show_codes_and_keep_isolates() -> None:
    assert is_harmless(cell(HOSTILE))
    assert shown("\u20688517\u2069") == "\u20688517\u2069"
    assert cell("=1\u202e") == "'=1\\u202e"
