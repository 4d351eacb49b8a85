"""The files that pages load.

Enters: a name. Leaves: the file, which browsers keep for ever under the address with its digest, and else ask
whether it changed. Never here: a path of
the disk; a check of who asks, for they are the same for every person.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from basira.api.http.problems import ProblemException
from basira.web.assets import Asset

router = APIRouter()
_FOR_EVER = "public, max-age=31536000, immutable"
_ASKED_FOR = "no-cache"  # kept, and asked for before each use: the font, whose address the style sheet has


@router.get("/static/{name:path}")
async def get_file(request: Request, name: str, v: str = "") -> Response:
    """A file; in gzip where the browser takes that. 404 for any other name."""
    assets: Mapping[str, Asset] = request.app.state.assets
    asset = assets.get(name)
    if asset is None:
        raise ProblemException(404, "not_found", "Expected a file of the pages, found another name.")
    kept = _FOR_EVER if v == asset.digest else _ASKED_FOR
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding", "ETag": f'"{asset.digest}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)
