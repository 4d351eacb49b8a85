"""The HTTP service: requests in, problems and answers out.

Enters: HTTP. Leaves: HTTP. Never here: a decision (`serving.decide.batch`), the opening of a store (`basira.app`).
"""
