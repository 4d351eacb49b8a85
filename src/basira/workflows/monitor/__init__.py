"""The night's look at what changed, at who inspected what, and at what the record says of the system.

Enters: a store, the record of decisions, the last day that counts. Leaves: reports. Never here: a decision; a result
that became known later.
"""
