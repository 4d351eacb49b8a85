"""Declarations decided together.

Enters: parsed messages. Leaves: lanes, committed to the record in one transaction. Never here: an acknowledgement
before the commit.
"""
