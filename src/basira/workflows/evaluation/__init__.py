"""How good the choice is.

Enters: items with their results. Leaves: figures with intervals, beside the baselines. Never here: a result that
training saw.
"""
