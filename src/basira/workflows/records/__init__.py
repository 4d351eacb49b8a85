"""The record proved, copied, erased in part, and read by auditors.

Enters: a record. Leaves: proofs, counts, activity. Never here: a row that is changed.
"""
