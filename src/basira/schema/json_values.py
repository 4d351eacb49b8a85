"""JSON whose fields the code that passes it on does not know.

Enters: nothing. Leaves: one name. Never here: an object of known fields; those are records, or rows of `schema.rows`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

# A document of a schema, the payload of an event, a sender's body, an identity provider's claims: read with care.
JsonObject: TypeAlias = dict[str, Any]
