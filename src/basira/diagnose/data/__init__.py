"""Part A: the data.

Enters: counts of fields, levels of unit values, results beside what was declared. Leaves: a `Part`. Never here: how
declarations are chosen (`basira.diagnose.targeting`).
"""
