"""`GET /status`: where every accepted document is."""

from fastapi import APIRouter, HTTPException
from pydantic import AwareDatetime, Field

from services.indexer.api.dependencies import Answer, Needs

router = APIRouter(tags=["status"])


class InFlight(Answer):
    """Documents on their way, by the stage that has to act next."""

    total: int
    fetcher: int
    parser: int
    indexer: int


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
        searchable=await needs.read(needs.index.count),
        index_id=needs.store.index_id,
    )
