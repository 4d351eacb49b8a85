"""The only place that knows the order in which rooms work.

Enters: a store, files, dates, a policy. Leaves: what the rooms made of them, recorded. Never here: a
rule of customs, a computation.
"""
