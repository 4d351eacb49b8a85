"""The HTTP service: requests in, problems and answers out.

Enters: HTTP. Leaves: HTTP. Never here: a decision (`workflows.serve`), the opening of a store (`basira.app`).
"""
