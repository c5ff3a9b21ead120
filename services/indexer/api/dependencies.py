"""What the routes work with, handed to them through the application's state."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeVar, cast

from fastapi import Depends, Path, Request
from pydantic import BaseModel, ConfigDict

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.adapters.index_rebuild import IndexRebuild
from services.indexer.domain.search_index import SearchIndex
from shared.blobs import BlobStore
from shared.contracts import DocumentRejected, IgnoredFiles, LedgerCounts

T = TypeVar("T")

#: Requests that search or read the store at the same time; the others wait for their turn.
READERS = 8

DocumentId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="32 hex digits.")]


@dataclass(frozen=True)
class Dependencies:
    """What is read and asked.

    `counts` asks the ledger, None while it has not counted; so does `ignored`, for what its rules leave out. `replay`
    puts back the messages of the first of these rejections, and returns of how many.
    """

    store: SqliteDocumentStore
    index: SearchIndex
    blobs: BlobStore
    rebuild: IndexRebuild
    counts: Callable[[], Awaitable[LedgerCounts | None]]
    ignored: Callable[[], Awaitable[IgnoredFiles | None]]
    replay: Callable[[Sequence[DocumentRejected]], Awaitable[int]]
    readers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READERS))

    async def read(self, work: Callable[[], T]) -> T:
        """Run blocking work in a thread, with a bound on how much runs at a time."""
        async with self.readers:
            return await asyncio.to_thread(work)


def dependencies(request: Request) -> Dependencies:
    """Return what `create_api` was given."""
    return cast(Dependencies, request.app.state.dependencies)


Needs = Annotated[Dependencies, Depends(dependencies)]


class Parameters(BaseModel):
    """Query parameters; one that does not exist is an error that names it."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """A response's body."""

    model_config = ConfigDict(frozen=True)
