"""The record as people and systems read it.

Enters: events, a language. Leaves: JSON values. Never here: a change.
"""
