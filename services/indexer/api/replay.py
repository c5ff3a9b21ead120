"""`POST /quarantine/{document_id}/replay` and `POST /quarantine/replay`: another try, for one document or for many."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import Field

from services.indexer.api.dependencies import Answer, Dependencies, DocumentId, Needs
from services.indexer.api.quarantine import NOT_THERE, FilterParameters, find_rejection
from services.indexer.domain.quarantine import is_replayable, is_unreadable, remedy
from shared.contracts import DocumentRejected
from shared.errors import TransientError
from shared.messaging.replay import BATCH

router = APIRouter(tags=["quarantine"])

#: Seconds after which it is worth asking again when there was no room.
ROOM_SECONDS = "1"


class ReplayParameters(FilterParameters):
    """Which documents, and where to go on."""

    everything: bool = Field(default=False, alias="all", description="All there are: without reason and stage.")
    after: str = Field(default="", pattern=r"^([0-9a-f]{32})?$", description="The `next` of the answer to go on from.")


class Replayed(Answer):
    """The document is on its way again."""

    document_id: str


class ReplayAnswer(Answer):
    """What one request did of a replay; ask again with `after` set to `next` until that is null.

    No document is put back twice in such a run, not even one that fails again meanwhile. `replayed` is 0 while there is
    no room on the streams: then ask again a second later.
    """

    replayed: int = Field(description="Documents put back by this request.")
    left: int = Field(description="Documents this run has still to put back.")
    next: str | None
    not_replayable: int = Field(description="Documents meant that cannot be put back at all.")
    why: str | None = Field(description="Why they cannot, and what to do about them.")


@router.post(
    "/quarantine/{document_id}/replay",
    status_code=202,
    responses={
        **NOT_THERE,
        409: {"description": "There is no message to replay."},
        503: {"description": "Redis is away or full, or too much is on its way."},
    },
)
async def replay_one(document_id: DocumentId, needs: Needs) -> Replayed:
    """Process the document once more, as it was delivered."""
    rejection = await find_rejection(document_id, needs)
    if not is_replayable(rejection):
        raise HTTPException(409, remedy(rejection))
    if not await _put_back([rejection], needs):
        raise TransientError("Too many documents are on their way. Nothing was put back; try again in a moment.")
    return Replayed(document_id=document_id)


@router.post(
    "/quarantine/replay",
    status_code=202,
    responses={503: {"description": "Redis is away or full; says whether anything was put back."}},
)
async def replay_many(
    parameters: Annotated[ReplayParameters, Query()], needs: Needs, response: Response
) -> ReplayAnswer:
    """Process the next of these documents once more; as many as there is room for, 200 at most."""
    which, quarantine = parameters.filter, needs.store.quarantine
    if parameters.everything == bool(parameters.reason or parameters.stage):
        raise HTTPException(422, "Say which documents: reason=…, stage=…, both, or all=true for all there are.")
    rejections = await needs.read(lambda: quarantine.replayable(which, parameters.after, BATCH))
    replayed = await _put_back(rejections, needs) if rejections else 0
    place = rejections[replayed - 1].document_id if replayed else parameters.after
    left = await needs.read(lambda: quarantine.count(which, replayable=True, after=place))
    hopeless = await needs.read(lambda: quarantine.count(which, replayable=False))
    if left and replayed < len(rejections):
        response.headers["Retry-After"] = ROOM_SECONDS
    return ReplayAnswer(
        replayed=replayed,
        left=left,
        next=place if left else None,
        not_replayable=hopeless,
        why="Their files could not be read: mend or replace them in the inbox, and they are read again."
        if hopeless
        else None,
    )


async def _put_back(rejections: list[DocumentRejected], needs: Dependencies) -> int:
    """Put back as many as there is room for, from the first on, and return how many.

    One that nobody could read leaves the quarantine with that: its message comes back under the same id or, readable by
    now, settles the document it tells of. The ledger knows that one to be on its way, so it cannot be lost by this.
    """
    replayed = await needs.replay(rejections)
    unreadable = [rejection for rejection in rejections[:replayed] if is_unreadable(rejection)]
    if unreadable:
        await needs.read(lambda: needs.store.forget(unreadable))
    return replayed
