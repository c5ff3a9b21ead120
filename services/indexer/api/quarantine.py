"""`GET /quarantine`, `GET /quarantine/{id}`, `POST /quarantine/{id}/replay`: what was rejected, and another try."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, Field

from services.indexer.api.dependencies import Answer, Dependencies, DocumentId, Needs, Parameters
from shared.contracts import DocumentRejected, Source

router = APIRouter(tags=["quarantine"])

NOT_THERE: dict[int | str, dict[str, Any]] = {404: {"description": "Not in quarantine."}}


class PageParameters(Parameters):
    """Which part of the list."""

    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)


class Quarantined(Answer):
    """A rejected document. It can be replayed where the message about it was kept."""

    document_id: str
    source: Source | None
    stage: str
    reason: str
    deliveries: int
    rejected: AwareDatetime
    replayable: bool


class QuarantineList(Answer):
    """Rejected documents, newest first; `total` counts all."""

    total: int
    quarantined: list[Quarantined]


class Replayed(Answer):
    """The document is on its way again."""

    document_id: str


@router.get("/quarantine")
async def list_quarantine(parameters: Annotated[PageParameters, Query()], needs: Needs) -> QuarantineList:
    """List what was rejected."""
    total, listed = await needs.read(lambda: needs.store.newest("rejected", parameters.limit, parameters.offset))
    rejections = (document.record.rejection for document in listed)
    return QuarantineList(total=total, quarantined=[_quarantined(rejection) for rejection in rejections if rejection])


@router.get("/quarantine/{document_id}", responses=NOT_THERE)
async def get_quarantined(document_id: DocumentId, needs: Needs) -> DocumentRejected:
    """Return the whole record: traceback and original message included."""
    return await _rejection(document_id, needs)


@router.post(
    "/quarantine/{document_id}/replay",
    status_code=202,
    responses={**NOT_THERE, 409: {"description": "There is no message to replay."}},
)
async def replay(document_id: DocumentId, needs: Needs) -> Replayed:
    """Process the document once more, as it was delivered."""
    rejection = await _rejection(document_id, needs)
    if not _replayable(rejection):
        raise HTTPException(409, "This file could not be read; it is read again when it changes in the inbox.")
    await needs.replay(rejection)
    return Replayed(document_id=document_id)


async def _rejection(document_id: str, needs: Dependencies) -> DocumentRejected:
    record = await needs.read(lambda: needs.store.get(document_id))
    if record is None or record.rejection is None:
        raise HTTPException(404, f"Document {document_id} is not in quarantine.")
    return record.rejection


def _replayable(rejection: DocumentRejected) -> bool:
    return rejection.stream is not None and rejection.message is not None


def _quarantined(rejection: DocumentRejected) -> Quarantined:
    return Quarantined(
        document_id=rejection.document_id,
        source=rejection.source,
        stage=rejection.stage,
        reason=rejection.reason,
        deliveries=rejection.deliveries,
        rejected=rejection.rejected,
        replayable=_replayable(rejection),
    )
