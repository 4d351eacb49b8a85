"""The online profiles as files.

Enters: entity statistics of an evening. Leaves: look-ups. Never here: a query.
"""
