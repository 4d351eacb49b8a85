"""The past as an analyst looks at it: one operator, one product or origin, declarations by what is in them.

Enters: a store, what to look for, days, the last day whose results count. Leaves: counts, sums and quantiles of the
declarations as they stand now. Never here: a decision; a rate (readers of the counts make it, with its interval).
"""
