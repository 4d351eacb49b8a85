"""The Python interface, as `basira` offers it: a store, and a comparison in the laboratory.

Enters: paths, dates, mappings, estimators. Leaves: frames, models, lists, figures. Never here: work of its own.
"""
