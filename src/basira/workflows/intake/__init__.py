"""Files into the history.

Enters: files and a mapping. Leaves: a commit, a report in which every row is accounted for. Never here: a row that
disappears.
"""
