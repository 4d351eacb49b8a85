"""What a source of controls is called on pages.

Enters: a source as the record has it, the words of the pages. Leaves: its name. Never here: which source it was.
"""

from __future__ import annotations

from basira.render.catalogs import Catalog


def source_name(name: str, words: Catalog) -> str:
    """A source in the person's language; a name that this version does not know as it is."""
    message = f"source.{name}"
    return words.say(message) if words.has(message) else name
