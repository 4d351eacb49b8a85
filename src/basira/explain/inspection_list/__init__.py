"""The inspection list as people get it.

Enters: an `InspectionList`, a language. Leaves: lines for the screen, a page, CSV, a workbook. Never here: a lane
that is decided.
"""
