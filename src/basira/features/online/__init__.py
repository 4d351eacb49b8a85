"""Features of one declaration by look-up: the profiles of the previous midnight enter, the same numbers as the
batch's leave.
"""
