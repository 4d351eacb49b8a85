"""A table of entries added to a list: all of them, or none, and then each broken row with its cause.

Enters: a list's name, a form with a CSV or XLSX file. Leaves: the list with its new entries; the page of the list with
the faults. Never here: what an entry must be (`workflows.rules.lists`); half a table.
"""

from __future__ import annotations

import io
import zipfile
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from basira.api.http.dependencies import InService, Now
from basira.api.http.problems import ProblemException
from basira.schema.errors import RuleError
from basira.serving.rules import said_in
from basira.web.access import Visitor, read_sent_file, send_file
from basira.web.calls import Call
from basira.web.errors import PageRoute
from basira.web.forms import read_seen
from basira.web.routes.lists import PATH, Name, Said, list_page
from basira.web.uploads import Upload
from basira.workflows.rules.lists import import_list

router = APIRouter(route_class=PageRoute)
FAULTS_SHOWN = 50
# A workbook is a zip: some kilobytes of one can say gigabytes.
_MOST_UNPACKED = 64 << 20


@router.post(f"{PATH}/{{name}}/import")
async def post_import(
    request: Request,
    visitor: Annotated[Visitor, Depends(send_file("lists:write"))],
    name: Name,
    service: InService,
    now: Now,
) -> Response:
    """Add the entries of the form's file; the page again with each row that is wrong, and nothing added."""
    upload = await read_sent_file(request)
    return await run_in_threadpool(_import, Call(request, visitor, service, now), name, upload)


def _import(call: Call, name: str, upload: Upload) -> Response:
    seen = read_seen(upload.fields)
    _require_small(upload.content)
    motive = upload.fields.get("motive", "").strip()[:500] or None
    try:
        count, faults = import_list(
            call.service.database,
            name,
            upload.content,
            login=call.visitor.user.login or "",
            now=call.now,
            motive=motive,
            expected=seen,
        )
    except RuleError as error:
        count, faults = 0, (error,)
    if faults:
        said = [Said(*said_in(one, call.visitor.language)) for one in faults]
        return list_page(call, name, faults=said[:FAULTS_SHOWN], fault_count=len(said))
    return RedirectResponse(f"{PATH}/{name}?done={'imported' if count else 'import_empty'}", 303)


def _require_small(content: bytes) -> None:
    """Raise 422 for a workbook that says it unpacks to more than a table of entries can be."""
    if not content.startswith(b"PK\x03\x04"):
        return
    try:
        size = sum(one.file_size for one in zipfile.ZipFile(io.BytesIO(content)).infolist())
    except (zipfile.BadZipFile, ValueError, RuntimeError):
        return  # the reader says what is wrong with it
    if size > _MOST_UNPACKED:
        raise ProblemException(422, "invalid", "Expected a workbook of 64 MiB unpacked at most, found a larger one.")
