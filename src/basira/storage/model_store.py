"""Where fitted models are kept: one folder a version, in the store, written whole or not at all.

Enters: a writer of files, a version. Leaves: folders. Never here: what the files mean.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from basira.schema.errors import NotFoundError, Phrase, StoreError
from basira.schema.json_values import JsonObject
from basira.storage.history.files import digest_file, storage_errors, sync_file, sync_folder
from basira.storage.private_files import make_private_folder

CARD = "card.json"
_MOST_CARD_BYTES = 2**20  # a card has some 20 kB


class Models:
    """The models of a store.

    Versions name their content, so writing one that is there already changes nothing.
    """

    def __init__(self, store: Path) -> None:
        self.store = store
        self._folder = store / "models"

    def save(self, version: str, write: Callable[[Path], None]) -> Path:
        """Let ``write`` fill a folder, then give it its name all at once."""
        final = self._folder / version
        if final.is_dir():
            return final
        with storage_errors(self._folder.parent):
            make_private_folder(self._folder)
            aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=self._folder))
            try:
                write(aside)
                for path in aside.iterdir():
                    path.chmod(0o600)  # in a folder that only this user may enter yet
                    sync_file(path)
                aside.rename(final)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
            sync_folder(self._folder)
        return final

    def folder(self, version: str) -> Path:
        """The folder of a version; NotFoundError names those that exist."""
        found = self._folder / version
        if "/" in version or "\\" in version or not (found / CARD).is_file():
            known = ", ".join(str(card["version"]) for card in self.cards()) or Phrase("none")
            raise NotFoundError(
                "Expected a model {version!r} in this store, found {known}.",
                hint="Choose one that `basira models list` shows.",
                version=version,
                known=known,
            )
        return found

    def digest(self, version: str) -> str:
        """SHA-256 of a version's card, which holds that of each of its files: it stands for the whole model. Raises
        NotFoundError."""
        return digest_file(self.folder(version) / CARD)

    def cards(self) -> list[JsonObject]:
        """The cards of all versions, the latest knowledge first, then the latest made."""
        if not self._folder.is_dir():
            return []
        cards = [
            _read(place / CARD)
            for place in self._folder.iterdir()
            if not place.name.startswith(".") and (place / CARD).is_file()
        ]
        return sorted(cards, key=lambda c: (c["as_of"], c["created_at"], c["version"]), reverse=True)

    def find_latest(self, *, as_of: str) -> str | None:
        """The version that knows most without knowing anything later than ``as_of`` (YYYY-MM-DD)."""
        return next((str(card["version"]) for card in self.cards() if card["as_of"] <= as_of), None)


def _read(path: Path) -> JsonObject:
    try:
        if path.stat().st_size > _MOST_CARD_BYTES:
            raise ValueError(f"more than {_MOST_CARD_BYTES:,} bytes")
        card = json.loads(path.read_text(encoding="utf-8"))
        # What models are listed and chosen by.
        {name: str(card[name]) for name in ("version", "as_of", "created_at")}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(
            "Expected a model's card in {parent}/{file}, found none that can be read ({error}).",
            hint="Restore this model's folder from backup, or remove it and train again.",
            parent=path.parent.name,
            file=path.name,
            error=error,
        ) from error
    return dict(card)
