"""Values.

Enters: a column of text, how it is written. Leaves: typed values, and the reasons against the others. Never here: a
guess.
"""
