"""Message catalogs: gettext .po files, read at run time.

Enters: a folder of `<language>.po` files and a language. Leaves: a `Catalog` that says messages with
their values, in the right plural. Never here: a compile step, string pasting, the messages' figures.

A message that is missing says its own id at run time, so that an officer's page still comes out, and
raises when the catalog is strict, so that the tests find it first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

from basira.render.languages import check_language
from basira.schema.errors import NotFoundError


@dataclass(frozen=True)
class Catalog:
    """The messages of one folder in one language."""

    language: str
    ids: frozenset[str]
    translations: GNUTranslations
    strict: bool = False
    plurals: frozenset[str] = frozenset()

    def has(self, message: str) -> bool:
        return message in self.ids

    def say(self, message: str, /, **values: str) -> str:
        """The message with its ``{named}`` values, which are already formatted text.

        Raises
        ------
        NotFoundError : the catalog is strict and does not hold the message.
        """
        if not self._holds(message):
            return message
        return self.translations.gettext(message).format(**values)

    def say_count(self, message: str, count: int, /, **values: str) -> str:
        """The message in the plural form of ``count``."""
        if not self._holds(message):
            return message
        return self.translations.ngettext(message, message, count).format(**values)

    def template(self, message: str) -> str:
        """The message with its placeholders as they are."""
        return self.translations.gettext(message) if self._holds(message) else message

    def has_plural(self, message: str) -> bool:
        """Whether the message has plural forms."""
        return message in self.plurals

    def template_of_count(self, message: str, count: int) -> str:
        """The plural form of ``count``, with its placeholders as they are."""
        return self.translations.ngettext(message, message, count) if self._holds(message) else message

    def _holds(self, message: str) -> bool:
        if message in self.ids:
            return True
        if self.strict:
            raise NotFoundError(
                "Expected the message {value!r} in the {language} catalog, found none.",
                hint="Add it to the .po file of each language.",
                value=message,
                language=self.language,
            )
        return False


@cache
def load_catalog(folder: Path, language: str, *, strict: bool = False) -> Catalog:
    """Read ``folder/<language>.po``; kept for the life of the process.

    Untranslated and fuzzy messages count as missing.

    Raises
    ------
    UsageError : a language that Basira does not speak.
    NotFoundError : the file is not there.
    """
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    path = folder / f"{check_language(language)}.po"
    if not path.is_file():
        raise NotFoundError(
            "Expected a message catalog {file} in {folder!r}, found none.",
            hint="Reinstall Basira from its wheel.",
            file=path.name,
            folder=folder.name,
        )
    with path.open("rb") as file:
        messages = read_po(file, locale=language, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    ids, plurals = set(), set()
    for message in messages:
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.id and all(texts) and not message.fuzzy:
            ids.add(message.id if isinstance(message.id, str) else message.id[0])
            if not isinstance(message.id, str):
                plurals.add(message.id[0])
    return Catalog(language, frozenset(ids), GNUTranslations(compiled), strict, frozenset(plurals))
