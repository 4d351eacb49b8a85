"""Selection one by one, paced over an office's day: a candidate and the day's state enter, a lane and the next state
leave.
"""
