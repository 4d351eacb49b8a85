"""The report as a word processor's document, to be commented and signed.

Enters: a `WrittenReport`. Leaves: the bytes of a DOCX file. Never here: a word of its own.

Arabic needs its direction on every paragraph, run and table: word processors do not take it from the language.
"""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING, Any

from basira.diagnose.report.words import WrittenFinding, WrittenPart, WrittenReport, WrittenTable
from basira.render.catalogs import load_catalog
from basira.render.languages import direction
from basira.render.page import SHELL_LOCALE
from basira.render.shown import shown

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# A file says no time of its own: the same diagnosis gives the same properties.
_NO_TIME = datetime(2000, 1, 1)
_SMALL = 8


def docx_bytes(report: WrittenReport, *, software: str = "") -> bytes:
    """The document."""
    import docx

    made = _Writer(docx.Document(), is_right_to_left=direction(report.catalog.language) == "rtl")
    core = made.document.core_properties
    core.title, core.author, core.comments = report.title, software, ""
    core.created = core.modified = _NO_TIME
    core.last_modified_by, core.language = "", report.catalog.language
    say = report.catalog.say
    made.heading(report.title, 0)
    if report.is_simulated:
        shell = load_catalog(SHELL_LOCALE, report.catalog.language)
        made.text(f"{shell.say('shell.simulated')} {shell.say('shell.simulated_detail')}", is_bold=True)
    made.text(report.period)
    made.heading(say("summary"), 1)
    for name, figure in report.facts:
        made.text(f"{name} : {figure}")
    if not report.summary:
        made.text(report.none_found)
    for one in report.summary:
        made.finding(one)
    made.text(say("how_to_read"), is_small=True)
    for part in report.parts:
        made.part(part, no_row=say("no_row"), unjudged=say("unjudged"))
    out = io.BytesIO()
    made.document.save(out)
    return _without_times(out.getvalue())


def _without_times(content: bytes) -> bytes:
    """The archive with the same time on every member: the library writes the clock's."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as read, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as written:
        for name in read.namelist():
            member = zipfile.ZipInfo(name, (*_NO_TIME.timetuple()[:6],))
            member.compress_type = zipfile.ZIP_DEFLATED
            written.writestr(member, read.read(name))
    return out.getvalue()


class _Writer:
    def __init__(self, document: Document, *, is_right_to_left: bool) -> None:
        from docx.shared import Cm

        self.document, self._is_rtl = document, is_right_to_left
        for section in document.sections:
            section.left_margin = section.right_margin = Cm(1.6)

    def heading(self, text: str, level: int) -> None:
        self._turn(self.document.add_heading(shown(text), level))

    def text(self, text: str, *, is_bold: bool = False, is_small: bool = False, style: str | None = None) -> Paragraph:
        from docx.shared import Pt

        made = self.document.add_paragraph(style=style)
        run = made.add_run(shown(text))
        run.bold = is_bold
        if is_small:
            run.font.size = Pt(_SMALL)
        self._turn(made)
        return made

    def finding(self, one: WrittenFinding) -> None:
        made = self.document.add_paragraph(style="List Bullet")
        made.add_run(f"{one.severity_word} – ").bold = True
        made.add_run(shown(one.text))
        self._turn(made)

    def part(self, part: WrittenPart, *, no_row: str, unjudged: str) -> None:
        self.heading(part.title, 1)
        self.text(part.lead)
        for one in part.findings:
            self.finding(one)
        for table in part.tables:
            self.table(table, no_row=no_row)
        if part.unjudged:
            self.heading(unjudged, 2)
            for sentence in part.unjudged:
                self.text(sentence, style="List Bullet")

    def table(self, table: WrittenTable, *, no_row: str) -> None:
        self.heading(table.title, 2)
        self.text(f"{table.definition} {table.denominator}", is_small=True)
        if table.rows:
            lines = (table.header, *table.rows)
            made = self.document.add_table(len(lines), len(table.header), style="Light Grid Accent 1")
            if self._is_rtl:
                _add(made._tbl.tblPr, "w:bidiVisual")
            # All cells at once: asked for row by row the library counts them anew each time.
            for cell, value in zip(made._cells, (value for line in lines for value in line), strict=True):
                self._cell(cell, value)
        elif not table.left_out:
            self.text(no_row)
        if table.left_out:
            self.text(table.left_out, is_small=True)
        # A command is read from left to right in every language.
        self.document.add_paragraph().add_run(table.command).font.size = self._small()

    def _cell(self, cell: Any, text: str) -> None:
        made = cell.paragraphs[0]
        made.add_run(shown(text)).font.size = self._small()
        self._turn(made)

    def _small(self) -> Any:
        from docx.shared import Pt

        return Pt(_SMALL)

    def _turn(self, paragraph: Paragraph) -> None:
        if not self._is_rtl:
            return
        _add(paragraph._p.get_or_add_pPr(), "w:bidi")
        for run in paragraph.runs:
            _add(run._r.get_or_add_rPr(), "w:rtl")


def _add(properties: Any, name: str) -> None:
    from docx.oxml.parser import OxmlElement

    properties.append(OxmlElement(name))
