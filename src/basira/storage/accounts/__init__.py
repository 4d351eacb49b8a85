"""Users, keys of systems, sessions.

Enters: names, roles, secrets. Leaves: who is recognised. Never here: a secret in clear.
"""
