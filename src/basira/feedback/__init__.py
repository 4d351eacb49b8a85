"""Inspection results: what they mean, and to which declaration they belong.

Enters: typed results. Leaves: outcomes with their own known date, and for rejected ones, the
reason. Never here: "compliant" made out of a blank, a declared value overwritten by a found one.
"""
