"""What a careful practitioner would run instead: the baselines beside our model.

Enters: labelled items and items without a label. Leaves: one score for each item. Never here: our features or model.
"""
