"""What must be watched of a system that decides: which model may, what was really found, what changed.

Enters: steps of models' lives; recorded decisions and results as arrays. Leaves: stages, estimates with intervals,
alarms. Never here: a store, a clock, a decision.
"""
