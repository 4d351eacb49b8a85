"""The Python interface; `basira` names what is public of it.

Enters: paths, dates, mappings, estimators. Leaves: frames, models, lists, figures. Never here: work of its own.
"""
