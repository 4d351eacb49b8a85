"""Rows by a mapping.

Enters: text rows. Leaves: typed rows of the schema, and rejections. Never here: a row that disappears.
"""
