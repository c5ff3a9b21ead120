"""`GET /ignored`: what lies in an inbox and is not read, and the rule that says so."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import Field

from services.indexer.api.dependencies import Answer, Needs, Parameters
from shared.contracts import MOST_IGNORED, IgnoredFile

router = APIRouter(tags=["status"])


class IgnoredParameters(Parameters):
    """Which part of the list."""

    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=MOST_IGNORED)


class IgnoredList(Answer):
    """Those seen last first; `total` counts all, and the last 1,000 can be listed."""

    total: int
    listed: int = Field(description="How many of them can be listed.")
    ignored: tuple[IgnoredFile, ...] = Field(description="A folder's path ends with a slash, for all beneath it.")


@router.get("/ignored", responses={503: {"description": "The fetcher has not said yet what it ignores."}})
async def list_ignored(parameters: Annotated[IgnoredParameters, Query()], needs: Needs) -> IgnoredList:
    """List the files and folders in the inboxes that a rule leaves out."""
    ignored = await needs.ignored()
    if ignored is None:
        raise HTTPException(503, "The fetcher has not said yet what it ignores; is it running, and is Redis?")
    page = ignored.files[parameters.offset : parameters.offset + parameters.limit]
    return IgnoredList(total=ignored.total, listed=len(ignored.files), ignored=page)
