"""The diagnostic: what an administration has, what it is worth, what to do first.

Enters: frames of a period's declarations and results, counts of fields. Leaves: a `Diagnosis`: tables, findings, what
could not be judged, a plan; and its report in three languages. Never here: a store, a clock, a figure without its
denominator; a verdict where a field is missing (that is said instead).
"""
