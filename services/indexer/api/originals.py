"""`GET /documents/{document_id}/original` and the same under `/quarantine`: the bytes, as they were in the inbox.

They come from strangers, and our page is on the same port: a browser saves them, and never shows or runs them.
"""

import re
import unicodedata
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from services.indexer.api.dependencies import DocumentId, Needs
from services.indexer.domain.documents import DocumentRecord
from shared.errors import TransientError

router = APIRouter(tags=["documents"])

#: Characters of a name that are kept; file systems take 255 bytes.
LONGEST_NAME = 150
#: What no file system takes in a name, or some give a meaning to.
UNSAFE = re.compile(r'[\\/:*?"<>|]')
#: What RFC 8187 lets stand as it is (`attr-char`), beside letters and digits.
PLAIN = "!#$&+-.^_`|~"

ORIGINAL_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The bytes."},
    404: {"description": "No such document, or its file was never read."},
    410: {"description": "The bytes were kept once, and are gone."},
}


@router.get("/documents/{document_id}/original", response_class=FileResponse, responses=RESPONSES)
@router.get("/quarantine/{document_id}/original", response_class=FileResponse, responses=RESPONSES)
async def get_original(document_id: DocumentId, needs: Needs) -> FileResponse:
    """Download the document's original; parts of it, too (`Range`)."""
    record = await needs.read(lambda: needs.store.get(document_id))
    if record is None:
        raise HTTPException(404, f"There is no document {document_id}, or it is still on its way: see /status.")
    if record.content is None:
        raise HTTPException(404, _why_none(record))
    path = needs.blobs.path(record.content)
    try:
        there = await needs.read(path.is_file)
    except OSError as error:
        raise TransientError(f"The original cannot be read for now: {error.strerror}.") from error
    if not there:
        raise HTTPException(
            410, "The original was kept and is gone from the blob store. The file in the inbox may still have it."
        )
    disposition = content_disposition(record.source.path if record.source else "", fallback=document_id)
    return FileResponse(
        path,
        media_type="application/octet-stream",
        headers={**ORIGINAL_HEADERS, "Content-Disposition": disposition},
    )


def _why_none(record: DocumentRecord) -> str:
    if record.state == "removed":
        return "The file was removed from the inbox, and the document with it."
    return "There is no original: the file could not be read. Look at it in the inbox."


def content_disposition(path: str, fallback: str) -> str:
    """Return the header for the file at this path, whatever is in its name (RFC 6266, with RFC 8187 for the rest).

    What a terminal or a file manager could take for more than a letter (control characters, marks that turn the
    direction of text) is left out; `fallback` is the name where nothing is left.
    """
    name = unicodedata.normalize("NFC", path.rstrip("/").rpartition("/")[2])
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
    name = UNSAFE.sub("_", name).strip(" .")
    if len(name) > LONGEST_NAME:
        stem, dot, ending = name.rpartition(".")
        ending = f".{ending}" if dot and len(ending) <= 10 else ""
        name = (stem if ending else name)[: LONGEST_NAME - len(ending)] + ending
    name = name or fallback
    plain = "".join(c if c.isascii() and c != "%" else "_" for c in name)
    header = f'attachment; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe=PLAIN)}"
