"""A day's declarations into lanes.

Enters: the history, a model, a policy. Leaves: decisions, recorded and replayable. Never here: a fact from the
future.
"""
