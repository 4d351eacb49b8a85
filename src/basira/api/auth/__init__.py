"""Identify the caller and check the caller's rights.

Enters: a request's key, session or OpenID login. Leaves: a `Principal`, or the reason against it. Never here: a
route's own work.
"""
