"""The files that pages load: style, script, font. Read once, and served from memory.

Enters: the package's folder `static`, and in it `vendor`, which `make assets` fills. Leaves: bytes, their digest for
the address, and which are missing. Never here: an address of another machine.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
# What the templates name, besides the package's own files.
VENDOR: tuple[str, ...] = (
    "vendor/bootstrap.min.css",
    "vendor/bootstrap.rtl.min.css",
    "vendor/htmx.min.js",
    "vendor/noto-sans-arabic.woff2",
)
HINT = "Run `make assets` (it needs Node.js with npm), or install Basira from its wheel, which has them."
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_DIGITS = 12


@dataclass(frozen=True)
class Asset:
    """A file. ``digest``: the beginning of its SHA-256, which its address names, so that browsers keep it for ever.
    ``packed``: the same with gzip; None where that saves nothing."""

    content: bytes
    media_type: str
    digest: str
    packed: bytes | None


def load_assets(folder: Path = FOLDER) -> dict[str, Asset]:
    """Every file of the folder whose type pages load, by its path in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in _TYPES and path.is_file():
            content = path.read_bytes()
            packed = gzip.compress(content, 9, mtime=0)
            found[path.relative_to(folder).as_posix()] = Asset(
                content,
                _TYPES[path.suffix],
                hashlib.sha256(content).hexdigest()[:_DIGITS],
                packed if len(packed) < len(content) else None,
            )
    return found


def find_missing(present: Iterable[str]) -> list[str]:
    """The files of other projects that are not among these."""
    known = set(present)
    return [name for name in VENDOR if name not in known]


def missing_assets() -> list[str]:
    """The files of other projects that the package lacks: without them no page is served, and the API goes on."""
    return find_missing(name for name in VENDOR if (FOLDER / name).is_file())
