"""The inspection list as people get it: on the screen, as a page, as CSV and as a workbook."""
