"""The routes of the pages.

Enters: requests, forms. Leaves: pages, redirects. Never here: a right, or a rule of what may be recorded.
"""
