"""Risk profiles from the first draft to the last day: written, tried, tested, submitted, approved, retired.

Enters: texts and files of rules, a store, a person. Leaves: versions and steps on record, verdicts with reasons. Never
here: the meaning of a rule (`basira.rules`), an approval by its author.
"""
