"""Evaluation: what a ranking is worth, with intervals, beside the baselines.

Enters: truths, scores, probabilities and revenue per row, and the frames they came from. Leaves:
metrics, curves and a report. Never here: fitting, storage, the truth of rows that were not inspected.
"""
