"""Criteria of another system's selectivity, carried over to rules.

Enters: criteria as text (`If … Then … Lane IS … %`) or as a table. Leaves: rules, and every criterion that could not be
carried over with its place and cause. Never here: a criterion of which a part is passed over; a draft recorded.
"""
