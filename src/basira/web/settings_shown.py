"""A setting as pages show it.

Enters: the names and texts of settings, from the composition root. Leaves: the same without what is secret. Never here:
the environment; a password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PASSWORD = re.compile(r"(?<=://)([^:/@]*):[^@]*@")


@dataclass(frozen=True)
class SettingShown:
    """``value``: in effect, "" where it is empty. ``is_default``: as it comes without being set. ``meaning``: in
    English, for one that the pages have no words for."""

    name: str
    value: str
    is_default: bool
    meaning: str


def setting_shown(name: str, value: str, *, default: str, meaning: str) -> SettingShown:
    """A setting, without the password that an address may hold.

    >>> setting_shown("BASIRA_DATABASE", "postgresql://basira:secret@db/basira", default="", meaning="").value
    'postgresql://basira:•••@db/basira'
    """
    return SettingShown(name, _PASSWORD.sub(r"\1:•••@", value), value == default, meaning)
