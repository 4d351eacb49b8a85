"""Where things are kept.

Enters: tables and records of the schema. Leaves: files that survive a crash, and views over them.
Never here: what a declaration means.
"""
