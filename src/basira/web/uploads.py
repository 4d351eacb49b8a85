"""A form with a file, as a browser sends it.

Enters: a body of the kind multipart/form-data. Leaves: its fields, and its file with the name that it had. Never here:
a body that is not exactly such a form; a file on the disk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from basira.api.http.problems import ProblemException

MOST_PARTS = 20
_KIND = re.compile(r'multipart/form-data\s*;\s*boundary="?([A-Za-z0-9\'()+_,./:=? -]{1,70})"?\s*', re.IGNORECASE)
_NAMED = re.compile(r'content-disposition:\s*form-data;\s*name="([^"]*)"(?:;\s*filename="([^"]*)")?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class Upload:
    """``fields``: the first of each name. ``name``: of the file, "" where none was chosen; ``content``: its bytes."""

    fields: dict[str, str]
    name: str
    content: bytes


def read_upload(body: bytes, content_type: str) -> Upload:
    """The form of a body. Raises 415 for another kind of body, 400 for one that is no such form, or has two files."""
    kind = _KIND.fullmatch(content_type.strip())
    if kind is None:
        raise ProblemException(415, "unsupported_media_type", "Expected a form with a file, found another body.")
    first, *parts = (b"\r\n" + body).split(b"\r\n--" + kind[1].encode())
    if first or not 2 <= len(parts) <= MOST_PARTS or parts[-1].rstrip(b"\r\n") != b"--":
        raise _no_form()
    fields: dict[str, str] = {}
    files: list[tuple[str, bytes]] = []
    for part in parts[:-1]:
        head, joint, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        try:
            lines = head.decode("utf-8").split("\r\n")
            named = next(found for line in lines if (found := _NAMED.fullmatch(line)))
            if not joint or not part.startswith(b"\r\n"):
                raise ValueError
            if named[2] is None:
                fields.setdefault(named[1], content.decode("utf-8").replace("\r\n", "\n"))
            else:
                files.append((unquote(named[2]), content))
        except (StopIteration, ValueError):
            raise _no_form() from None
    if len(files) != 1 or any("\x00" in value for value in fields.values()):
        raise _no_form()
    return Upload(fields, *files[0])


def _no_form() -> ProblemException:
    return ProblemException(400, "bad_request", "Expected a form with one file, found something else.")
