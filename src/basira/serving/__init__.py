"""The online service without HTTP.

Enters: messages of recognised callers. Leaves: recorded decisions, views of the record. Never here: HTTP; a clock of
its own.
"""
