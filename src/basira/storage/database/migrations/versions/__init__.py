"""One module a revision.

Enters: the revision before. Leaves: the next one. Never here: a way back: an upgrade is undone by restoring the
backup made before it, since the rows of a later revision have no place in an earlier one.
"""
