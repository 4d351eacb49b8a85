"""Strategies that need the extra `deep`.

Enters: a view of the items. Leaves: scores. Never here: an import of PyTorch before it is needed.
"""
