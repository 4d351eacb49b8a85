"""`basira rules`: the commands of analysts' rules.

Enters: arguments. Leaves: text, JSON, files of drafts, steps on record. Never here: a verdict, or a rule's life; those
are `basira.rules` and `basira.workflows.rules`.
"""
