"""Documents of a declaration: attached by its inspector, downloaded by those who may.

Enters: a number, a form with a file; a document's id. Leaves: the declaration's page; the file, for download alone.
Never here: a file that the browser opens in the name of this service.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from basira.api.http.dependencies import DECLARATION_PATH, InService, Now, Number
from basira.api.http.problems import ProblemException
from basira.serving.documents import NotTaken, attach_document, read_document
from basira.web.access import Visitor, read_sent_file, send_file, visit
from basira.web.calls import Call
from basira.web.errors import PageRoute
from basira.web.routes.declaration import Sent, Shown, declaration_page, find_shown
from basira.web.routes.queue import declaration_address
from basira.web.uploads import Upload

router = APIRouter(route_class=PageRoute)
_TYPES = {"pdf": "application/pdf", "jpeg": "image/jpeg", "png": "image/png"}
_ENDINGS = {"pdf": (".pdf",), "jpeg": (".jpg", ".jpeg"), "png": (".png",)}


@router.post(f"{DECLARATION_PATH}/documents")
async def post_document(
    request: Request,
    visitor: Annotated[Visitor, Depends(send_file("outcomes:write"))],
    declaration_id: Number,
    service: InService,
    now: Now,
) -> Response:
    """Attach the file of the form; back to the page, or the page with why it was not taken."""
    try:
        upload = await read_sent_file(request)
    except ProblemException as problem:
        if problem.status_code != 403:  # who may not see the declaration is shown nothing of the form
            await run_in_threadpool(find_shown, service, declaration_id, visitor)
        raise
    return await run_in_threadpool(_attach, Call(request, visitor, service, now), declaration_id, upload)


def _attach(call: Call, declaration_id: str, upload: Upload) -> Response:
    person = call.visitor.principal
    answer = attach_document(
        call.service,
        declaration_id,
        upload.name,
        upload.content,
        by=person.id,
        sees=person.sees_office,
        now=call.now,
    )
    if isinstance(answer, NotTaken):
        shown = Shown(documents=Sent(message=f"fault.document.{answer.obstacle}"), status=422)
        return declaration_page(call, declaration_id, find_shown(call.service, declaration_id, call.visitor), shown)
    return RedirectResponse(f"{declaration_address(declaration_id)}?done=document#documents", 303)


@router.get(f"{DECLARATION_PATH}/documents/{{document_id}}")
def get_document(
    visitor: Annotated[Visitor, Depends(visit("documents:read"))],
    declaration_id: Number,
    document_id: Annotated[str, Path(max_length=40)],
    service: InService,
) -> Response:
    """The file, to be saved: no browser shows it as a page of this service, whatever is in it."""
    found, content = read_document(service, declaration_id, document_id, sees=visitor.principal.sees_office)
    name = found.name
    if not name.lower().endswith(_ENDINGS[found.kind]):
        name += _ENDINGS[found.kind][0]
    named = f"attachment; filename=\"{found.document_id}{_ENDINGS[found.kind][0]}\"; filename*=UTF-8''{quote(name)}"
    headers = {"Content-Disposition": named, "Content-Security-Policy": "sandbox; default-src 'none'"}
    return Response(content, media_type=_TYPES[found.kind], headers=headers)
