"""What surrounds every route.

Enters: a request. Leaves: the same, bounded, counted and logged; problems as RFC 9457 has them. Never here: a
decision.
"""
