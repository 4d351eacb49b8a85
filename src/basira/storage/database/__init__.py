"""The operational database.

Enters: a path or a URL. Leaves: connections inside transactions. Never here: what a row means.
"""
