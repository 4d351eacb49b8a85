"""A mapping proposed from a file.

Enters: headers and contents. Leaves: a mapping, with what is in doubt. Never here: a doubt that is decided.
"""
