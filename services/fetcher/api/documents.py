"""`POST /documents`: files by HTTP."""

import hashlib
from email.message import Message
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from services.fetcher.api.dependencies import Needs
from services.fetcher.api.upload_body import MOST_FILES, PATIENCE, BadUpload, UploadBody
from services.fetcher.uploads import KeyUsedOtherwise, Upload
from shared.errors import TransientError

router = APIRouter(tags=["documents"])

#: Uploads at the same time: each holds a connection and a file open.
MOST_UPLOADS = 16
#: Bytes of a header that is parsed: the longest name there is, percent-encoded, has 3,060. 60 kB took 0.1 s.
LONGEST_HEADER = 4_096


class AcceptedDocument(BaseModel):
    """A file that was taken. `duplicate_of`: the document that has the same bytes already."""

    model_config = ConfigDict(frozen=True)

    document_id: str
    name: str
    size: int = Field(description="Bytes.")
    sha256: str
    duplicate_of: str | None


class AcceptedDocuments(BaseModel):
    """What was taken: on the disk, and searchable soon under these ids."""

    model_config = ConfigDict(frozen=True)

    documents: list[AcceptedDocument]


ANSWERS: dict[int | str, dict[str, object]] = {
    400: {"description": "The form cannot be read."},
    408: {"description": f"The body came at less than {PATIENCE.bytes_per_second:,} bytes a second."},
    409: {"description": "An upload with this idempotency key is under way."},
    413: {"description": f"A file is too large, or there are more than {MOST_FILES:,}: none was taken."},
    422: {"description": "No file, or an idempotency key that came with other files before."},
    431: {"description": f"A header is longer than {LONGEST_HEADER:,} bytes."},
    503: {"description": "Too many uploads at the same time; try again."},
    507: {"description": "The disk is full; try again when there is room."},
}


@router.post("/documents", status_code=202, responses=ANSWERS)
async def upload(
    request: Request,
    needs: Needs,
    name: Annotated[str | None, Query(max_length=1_024, description="File name of a raw body.")] = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> AcceptedDocuments:
    """Take files: a form with up to 1,000 (`multipart/form-data`), or a body that is one file.

    The answer comes when the bytes are on the disk, and that they were accepted is. With an `Idempotency-Key` the same
    request may be sent again, and is answered as before.
    """
    if needs.uploading >= MOST_UPLOADS:
        raise HTTPException(503, "Too many uploads at the same time; try again.", {"Retry-After": "1"})
    key = hashlib.sha256(idempotency_key.encode()).hexdigest() if idempotency_key else None
    if key and key in needs.keys:
        raise HTTPException(409, "An upload with this idempotency key is under way.", {"Retry-After": "1"})
    with needs.under_way(key):
        try:
            uploads = await _receive(request, name, UploadBody(needs.blobs, needs.max_file_bytes))
            accepted = needs.uploads.accept(uploads, key)
        except BadUpload as error:
            raise HTTPException(error.status, str(error)) from error
        except KeyUsedOtherwise as error:
            raise HTTPException(422, "This idempotency key came with other files before; use a new one.") from error
        except TransientError as error:
            raise HTTPException(507, str(error), {"Retry-After": "30"}) from error
    return AcceptedDocuments(documents=[AcceptedDocument.model_validate(one) for one in accepted])


async def _receive(request: Request, name: str | None, body: UploadBody) -> list[Upload]:
    for header in ("content-type", "content-disposition"):
        if len(request.headers.get(header, "")) > LONGEST_HEADER:
            raise BadUpload(431, f"The header {header} is longer than {LONGEST_HEADER:,} bytes.")
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() == "multipart/form-data":
        return await body.multipart(request.stream(), content_type)
    uploads = await body.raw(request.stream(), name or _disposition(request))
    if not uploads[0].content.size:
        raise BadUpload(422, "The body is empty. Send a file: `--data-binary @NAME`, or as a form `-F file=@NAME`.")
    return uploads


def _disposition(request: Request) -> str | None:
    message = Message()
    message["Content-Disposition"] = request.headers.get("content-disposition", "")
    return message.get_filename()
