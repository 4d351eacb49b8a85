"""The append-only record.

Enters: runs, events and changes. Leaves: the same, hash-chained, and their proof. Never here: an update.
"""
