"""Selection of a whole day.

Enters: candidates, capacity. Leaves: one lane each, with its inclusion probability. Never here: a capacity that is
exceeded.
"""
