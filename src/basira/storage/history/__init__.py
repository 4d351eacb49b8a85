"""The history in partitioned Parquet.

Enters: commits. Leaves: immutable snapshots, proven by their hashes. Never here: a file changed in place.
"""
