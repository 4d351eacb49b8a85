"""Our own risk model: its columns, fit, calibration, predictions and files.

Enters: features of labelled items, to fit; features of any items, to predict; a model's files. Leaves: a `RiskModel`,
its predictions, its files. Never here: another method, the history.
"""
