"""`GET /feeds`: the feeds that are polled."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.fetcher.api.dependencies import Needs
from services.fetcher.domain.identity import readable

router = APIRouter(tags=["urls"])


class PolledFeed(BaseModel):
    """A feed, and the file that names it."""

    model_config = ConfigDict(frozen=True)

    url: str
    inbox: str
    path: str
    looked: datetime | None = Field(description="When it was last looked at; null when it was not yet.")
    fault: str | None = Field(description="Why it could not be read then, null when it could.")


class PolledFeeds(BaseModel):
    """Feeds that are polled, those that could not be read first."""

    model_config = ConfigDict(frozen=True)

    total: int
    feeds: list[PolledFeed]


@router.get("/feeds")
async def feeds(needs: Needs, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> PolledFeeds:
    """List the feeds that files in the inboxes name, and what became of the last look at each."""
    polled = [
        PolledFeed(url=f.url, inbox=f.place.inbox, path=readable(f.place.path), looked=f.looked, fault=f.fault)
        for f in needs.pages.feeds(limit)
    ]
    return PolledFeeds(total=needs.pages.count_feeds(), feeds=polled)
