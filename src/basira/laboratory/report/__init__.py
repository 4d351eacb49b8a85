"""The page of a comparison.

Enters: the results of runs. Leaves: figures, charts, a page. Never here: a strategy.
"""
