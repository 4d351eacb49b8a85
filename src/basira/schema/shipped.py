"""Where the shipped mappings and policies lie, in a wheel and in a source tree alike."""

from __future__ import annotations

from pathlib import Path

import basira
from basira.schema.errors import NotFoundError


def shipped(folder: str) -> Path:
    """The folder "mappings" or "policies" that came with this installation.

    >>> shipped("mappings").is_dir()
    True
    """
    package = Path(basira.__file__).parent
    for place in (package / "_shipped" / folder, package.parents[1] / folder):
        if place.is_dir():
            return place
    raise NotFoundError(
        "Expected the folder {folder!r} beside the installed package, found none.",
        hint="Reinstall Basira from its wheel.",
        folder=folder,
    )
