"""Where strategies play.

Enters: a choice. Leaves: its results, on the day they are known. Never here: the truth of what was not inspected.
"""
