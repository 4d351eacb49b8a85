"""Ways of choosing what to inspect, by name.

Enters: a view of the items. Leaves: those chosen. Never here: a result that the administration does not know.
"""
