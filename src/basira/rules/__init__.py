"""Risk profiles: the rules that analysts write.

Enters: the text or the JSON of a rule, the names that it may use, declarations. Leaves: a typed rule, a verdict with
its reasons, faults with their place. Never here: a slot or a capacity; a store; a name that the schema or the feature
catalog does not have; a null that counts as false.
"""
