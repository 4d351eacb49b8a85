"""The routes under /api/v1: a request enters, the answer of `basira.serving` or of a workflow leaves."""
