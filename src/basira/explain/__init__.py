"""Explanation: why an item has its rank, in words an officer can check.

Enters: contributions, features with their figures, the declared values. Leaves: ranked reasons, what to
verify, reference values; their words in French, English and Arabic; the inspection list. Never here:
a claim of cause or guilt, or a reason without its figure.
"""
