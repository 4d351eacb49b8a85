"""Text of declarations, files and messages on its way to people: nothing in it commands a terminal or hides.

Enters: any text. Leaves: the same, with control, direction, invisible and private characters written as their codes
(`\\u202e`), which JSON reads back as the same text. Never here: identifiers, which hold no such character
(`schema/text.py`); descriptions, motives and names of files may.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from basira.schema.text import escape

if TYPE_CHECKING:
    from rich.console import Console

# Isolates are set by Basira itself around figures in a right-to-left sentence (`languages.isolated`); they end with
# their line and turn no text round. In a cell or a page a tab or a line end commands nothing.
_KEPT = frozenset("\u2068\u2069\t\r")
# Many terminals draw them as boxes, and a pipe would show their codes: no line for people has them.
_NO_ISOLATES = str.maketrans(dict.fromkeys("\u2068\u2069"))


def shown(text: str) -> str:
    """The text for a page or a cell; isolates stay, as Basira's own sentences have them.

    >>> shown("pneus \\u202ezqx"), shown("\\u20688517\\u2069")
    ('pneus \\\\u202ezqx', '\\u20688517\\u2069')
    """
    if text.isprintable():
        return text
    return "".join(part if part in _KEPT else escape(part) for part in text)


def echo(text: str, *, err: bool = False) -> None:
    """Print a line for people or for programs, with everything unseen as its code."""
    print(escape(text), file=sys.stderr if err else sys.stdout)


def say_line(text: str, *, err: bool = False) -> None:
    """Print a sentence for people: without isolates, and everything else unseen as its code."""
    echo(text.translate(_NO_ISOLATES), err=err)


def terminal(*, stderr: bool = False, **options: Any) -> Console:
    """A Rich console on which text of any origin stays text, whichever renderable holds it."""
    from rich.console import Console
    from rich.segment import Segment

    class Terminal(Console):
        def render(self, *args: Any, **kwargs: Any) -> Iterable[Segment]:
            for segment in super().render(*args, **kwargs):
                is_plain = segment.control or segment.text.isprintable() or segment.text == "\n"
                yield segment if is_plain else Segment(escape(segment.text.translate(_NO_ISOLATES)), segment.style)

    return Terminal(stderr=stderr, **options)
