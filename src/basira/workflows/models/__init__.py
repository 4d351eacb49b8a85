"""The models of a store through their lives: which one decides, which ones are tried beside it.

Enters: a store, the database of the record, a step wanted by a person. Leaves: stages, the model that decides. Never
here: training; a step that `basira.monitor.stages` does not allow.
"""
