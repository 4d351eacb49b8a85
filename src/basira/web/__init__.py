"""The pages that people use in a browser.

Enters: requests of a session, forms. Leaves: HTML pages in the person's language, and the files that they load. Never
here: a right of its own (`basira.api.auth`), a rule of what may be recorded (`basira.serving`), a value that the API
would not show the same person.
"""
