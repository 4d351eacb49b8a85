"""The features once more, in plain loops.

Enters: items and results. Leaves: the numbers that the quick ways are tested against. Never here: speed.
"""
