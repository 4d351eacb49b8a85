"""Models: from features to the probability of an irregularity, its kind and the revenue at stake.

Enters: features of labelled items, to fit; features of any items, to predict. Leaves: calibrated
probabilities, revenue if irregular, contributions, and a card that says what the model is. Never
here: storage, the history, or a feature list other than the one the model was fitted on.
"""
