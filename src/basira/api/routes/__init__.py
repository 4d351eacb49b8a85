"""The routes under /api/v1.

Enters: a request of a recognised caller. Leaves: the answer of `serving` or of a workflow. Never here: SQL; a
decision.
"""
