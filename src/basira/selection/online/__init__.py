"""Selection one by one, paced over an office's day.

Enters: a candidate, the state of the day. Leaves: a lane, the next state. Never here: a look at the rest of the day.
"""
