"""`GET /status`: where every accepted document is."""

from fastapi import APIRouter, HTTPException
from pydantic import AwareDatetime, Field

from services.indexer.api.dependencies import Answer, Needs
from shared import contracts

router = APIRouter(tags=["status"])


class InFlight(Answer):
    """Documents on their way, by the stage that has to act next."""

    total: int
    fetcher: int
    parser: int
    indexer: int


class Progress(Answer):
    """How far the documents are that came together, until nothing is left of them."""

    total: int
    done: int
    left: int
    percent: float = Field(description="Rounded down to a tenth: 100 when nothing is left, and only then.")
    per_second: float = Field(description="Documents done in a second, lately.")
    seconds_left: float | None = Field(description="At this rate; null while it is not known.")
    started: AwareDatetime


class Status(Answer):
    """`accepted` is the sum of the other states, at every look. `searchable` is counted in the index itself."""

    accepted: int
    indexed: int
    duplicate: int
    rejected: int
    removed: int
    in_flight: InFlight
    counted: AwareDatetime = Field(description="When the ledger was counted.")
    searchable: int
    found: int = Field(description="Files that were seen and are not read yet: no documents so far.")
    pages: int = Field(description="Web pages still to be fetched.")
    ignored: int = Field(description="Files and folders that the rules leave out: see /ignored.")
    progress: Progress | None = Field(description="Null while all is quiet.")
    index_id: str = Field(description="Another one means that the index was lost and is being filled again.")


@router.get("/status", responses={503: {"description": "The ledger has not been counted yet."}})
async def status(needs: Needs) -> Status:
    """Return how many documents are in which state."""
    counts = await needs.counts()
    if counts is None:
        raise HTTPException(503, "The fetcher has not counted its documents yet; is it running, and is Redis?")
    flight = counts.in_flight
    return Status(
        accepted=counts.accepted,
        indexed=counts.indexed,
        duplicate=counts.duplicate,
        rejected=counts.rejected,
        removed=counts.removed,
        in_flight=InFlight(total=flight.total, fetcher=flight.fetcher, parser=flight.parser, indexer=flight.indexer),
        counted=counts.counted,
        found=counts.found,
        pages=counts.pages,
        ignored=counts.ignored,
        progress=_progress(counts.progress) if counts.progress else None,
        searchable=await needs.read(needs.index.count),
        index_id=needs.store.index_id,
    )


def _progress(progress: contracts.Progress) -> Progress:
    return Progress(
        total=progress.total,
        done=progress.done,
        left=progress.total - progress.done,
        percent=percent(progress.done, progress.total),
        per_second=progress.per_second,
        seconds_left=progress.seconds_left,
        started=progress.started,
    )


def percent(done: int, total: int) -> float:
    """Return the share of what is done, rounded down to a tenth of a percent; nothing of nothing is all."""
    return done * 1_000 // total / 10 if total else 100.0
