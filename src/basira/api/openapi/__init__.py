"""The OpenAPI document's examples and answers."""
