"""`POST /urls`: web pages to fetch."""

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.fetcher.adapters.pages import Again, place_of
from services.fetcher.api.dependencies import Needs
from services.fetcher.domain.identity import document_id_of
from services.fetcher.domain.web_address import sort_out
from shared.errors import TransientError

router = APIRouter(tags=["urls"])

#: Addresses in one request, and bytes of it, at most.
MOST_URLS, MOST_BYTES = 10_000, 4 * 2**20


class Urls(BaseModel):
    """What to fetch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    urls: Annotated[list[str], Field(min_length=1, max_length=MOST_URLS)]


class AcceptedPage(BaseModel):
    """A page that will be fetched, and the id it will be found by."""

    model_config = ConfigDict(frozen=True)

    url: str
    document_id: str


class RefusedPage(BaseModel):
    """An address that cannot be fetched."""

    model_config = ConfigDict(frozen=True)

    url: str
    reason: str


class AcceptedPages(BaseModel):
    """What was taken, on the disk, and what was not."""

    model_config = ConfigDict(frozen=True)

    pages: list[AcceptedPage]
    refused: list[RefusedPage]


@router.post(
    "/urls",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": Urls.model_json_schema()},
                "text/plain": {"schema": {"type": "string", "description": "One address a line."}},
            },
        }
    },
    responses={
        413: {"description": "Too many addresses at once."},
        422: {"description": "No address that could be fetched."},
        503: {"description": "Too many pages wait already, or the disk is full; try again."},
    },
)
async def ask(request: Request, needs: Needs) -> AcceptedPages:
    """Let pages be fetched: JSON `{"urls": […]}`, or one address a line. A page known already is fetched anew."""
    urls = _urls(request, await _body(request))
    good, bad = await asyncio.to_thread(sort_out, urls)
    refused = [RefusedPage(url=url[:1_000], reason=reason) for url, reason in bad]
    if not good:
        raise HTTPException(422, refused[0].reason if refused else 'Send {"urls": ["https://…"]}, or one a line.')
    try:
        with needs.pages.durably():
            needs.pages.ask(good, Again.ALWAYS)
    except TransientError as error:
        raise HTTPException(503, str(error), {"Retry-After": "30"}) from error
    needs.asked()
    pages = [AcceptedPage(url=url, document_id=document_id_of(place_of(url))) for url in good]
    return AcceptedPages(pages=pages, refused=refused)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"More than {MOST_BYTES:,} bytes of addresses; send them in parts.")
    return bytes(body)


def _urls(request: Request, body: bytes) -> tuple[str, ...]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        try:
            return tuple(Urls.model_validate_json(body).urls)
        except ValidationError as error:
            said = error.errors()[0]
            where = ".".join(map(str, said["loc"])) or "the body"
            raise HTTPException(422, f'{where}: {said["msg"]}. Send {{"urls": ["https://…"]}}.') from error
    lines = re.split(r"[\r\n]+", body.decode("utf-8", "replace"))
    urls = tuple(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
    if len(urls) > MOST_URLS:
        raise HTTPException(413, f"More than {MOST_URLS:,} addresses; send them in parts.")
    return urls
