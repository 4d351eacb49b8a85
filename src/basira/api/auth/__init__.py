"""Who is calling, and what they may do.

Enters: a request's key, session or OpenID login. Leaves: a `Principal`, or the reason against it. Never here: a
route's own work.
"""
