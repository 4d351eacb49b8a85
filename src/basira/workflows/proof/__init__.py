"""The proof: what was really found in a period, what was missed, and what each source of inspections was worth.

Enters: a store, the record of decisions, two days, the last day whose results count. Leaves: estimates with intervals.
Never here: a decision; a result that became known later.
"""
