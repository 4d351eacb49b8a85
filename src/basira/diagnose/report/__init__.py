"""The report of a diagnosis: words and figures of one language, as a page, a document and a workbook.

Enters: a `Diagnosis`, a language. Leaves: HTML, DOCX and XLSX. Never here: a figure that the diagnosis does not hold.
"""
