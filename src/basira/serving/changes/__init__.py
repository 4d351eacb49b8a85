"""What officers and the clearance system change of a decision.

Enters: a request with a motive. Leaves: a new event, and the slots of the office's day. Never here: an update of what
was recorded.
"""
