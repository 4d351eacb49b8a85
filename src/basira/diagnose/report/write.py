"""The report on disk: page, document, annex, each whole or not at all.

Enters: a `Diagnosis`, a folder, a language. Leaves: the paths written. Never here: a word, a figure.
"""

from __future__ import annotations

from pathlib import Path

from basira.diagnose.findings import Diagnosis
from basira.diagnose.report.annex import annex_bytes
from basira.diagnose.report.document import docx_bytes
from basira.diagnose.report.html import html_bytes
from basira.diagnose.report.words import write_words
from basira.render.writing import write_whole

PAGE, DOCUMENT, ANNEX = "diagnosis.html", "diagnosis.docx", "annex.xlsx"
# Folder of the files to start from.
START = "start"


def write_report(
    diagnosis: Diagnosis, folder: Path, *, language: str, software: str = "", strict: bool = False
) -> tuple[Path, ...]:
    """Write the three files, and those to start from. ``strict``: raise on a message missing from the catalogs (tests).

    Raises UsageError for a language that Basira does not speak, StoreError when the folder can't be written.
    """
    words = write_words(diagnosis, language, strict=strict)
    made = {
        PAGE: html_bytes(words, software=software),
        DOCUMENT: docx_bytes(words, software=software),
        ANNEX: annex_bytes(diagnosis, language=language),
    }
    made |= {f"{START}/{name}": text.encode() for name, text in diagnosis.starting}
    return tuple(write_whole(folder / name, content) for name, content in made.items())
