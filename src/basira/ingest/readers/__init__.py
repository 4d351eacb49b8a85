"""One reader a format.

Enters: a file. Leaves: batches of text rows, numbered as in the file. Never here: the meaning of a column.
"""
