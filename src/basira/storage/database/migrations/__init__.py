"""The revisions of the operational database, one file each, run by Alembic.

Enters: a database of any earlier revision, or an empty one. Leaves: the tables, indexes and triggers of the newest.
Never here: the live tables of `database.tables`: a revision says what was true on its day, and is never edited.
"""
