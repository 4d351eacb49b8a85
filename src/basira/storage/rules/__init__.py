"""Risk profiles, kept beside the record.

Enters: the JSON of a version, a step of its life, in a transaction. Leaves: every version and step
there was. Never here: what a rule means, which step may follow (`basira.rules`); a change of what is recorded.
"""
