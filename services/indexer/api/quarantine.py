"""`GET /quarantine`, `GET /quarantine/reasons`, `GET /quarantine/{document_id}`: what was rejected, and why."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, Field

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.api.dependencies import Answer, Dependencies, DocumentId, Needs, Parameters
from services.indexer.api.locations import Location, locations_of
from services.indexer.domain.quarantine import (
    QuarantineFilter,
    ReasonGroup,
    is_replayable,
    reason_class,
    rejection_of,
    remedy,
)
from shared.contracts import Attempt, DocumentRejected, Source, StageTimes

router = APIRouter(tags=["quarantine"])

Stage = Literal["fetcher", "parser", "indexer"]
NOT_THERE: dict[int | str, dict[str, Any]] = {404: {"description": "Not in quarantine."}}


class FilterParameters(Parameters):
    """Which rejections are meant; both have to fit."""

    reason: str | None = Field(
        default=None, min_length=1, max_length=2_000, description="As /quarantine/reasons gives it, or any of its kind."
    )
    stage: Stage | None = Field(default=None, description="Where they were rejected.")

    @property
    def filter(self) -> QuarantineFilter:
        """As the store takes it."""
        return QuarantineFilter(self.reason, self.stage)


class PageParameters(FilterParameters):
    """Which part of the list."""

    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)


class Quarantined(Answer):
    """A rejected document. It can be replayed where the message about it was kept.

    `locations_total` counts the places where its bytes lie, its own included: its duplicates are not listed here.
    """

    document_id: str
    source: Source | None
    stage: str
    reason: str
    reason_class: str = Field(description="The reason without what differs between documents.")
    deliveries: int
    rejected: AwareDatetime
    replayable: bool
    locations_total: int


class QuarantineList(Answer):
    """Rejected documents, newest first; `total` counts all."""

    total: int
    quarantined: list[Quarantined]


class Reason(Answer):
    """Documents rejected for reasons of one class, and how many of them can be replayed."""

    reason: str = Field(description="What the reasons have in common: N for numbers, … for what they quote.")
    count: int
    replayable: int
    stages: tuple[str, ...]
    newest: AwareDatetime


class ReasonList(Answer):
    """The classes of reasons, the largest first, at most 100; `total` counts all, `documents` what is in them."""

    total: int
    documents: int
    reasons: list[Reason]


class QuarantinedInFull(Quarantined):
    """All there is to know of a rejection."""

    remedy: str = Field(description="What a person can do about it.")
    error: str | None = Field(description="Traceback, where the software is to blame.")
    times: StageTimes | None
    trace: tuple[Attempt, ...] = Field(description="Every attempt of every stage, in order.")
    locations: tuple[Location, ...] = Field(description="Where the same bytes lie, too: as `GET /documents/ID` tells.")
    original: str | None = Field(description="Where its bytes can be downloaded; null where they were never read.")
    stream: str | None = Field(description="Where a replay puts the message back.")
    message: str | None = Field(description="The message as it was delivered, base64.")


@router.get("/quarantine")
async def list_quarantine(parameters: Annotated[PageParameters, Query()], needs: Needs) -> QuarantineList:
    """List what was rejected."""
    return await needs.read(lambda: _list(parameters, needs.store))


@router.get("/quarantine/reasons")
async def list_reasons(parameters: Annotated[FilterParameters, Query()], needs: Needs) -> ReasonList:
    """Count what was rejected by reason."""
    quarantine, which = needs.store.quarantine, parameters.filter
    total, groups = await needs.read(lambda: quarantine.groups(which))
    documents = await needs.read(lambda: quarantine.count(which))
    return ReasonList(total=total, documents=documents, reasons=[_reason(group) for group in groups])


@router.get("/quarantine/{document_id}", responses=NOT_THERE)
async def get_quarantined(document_id: DocumentId, needs: Needs) -> QuarantinedInFull:
    """Return the whole record: traceback and original message included."""
    rejection = await find_rejection(document_id, needs)
    locations, total = await needs.read(lambda: locations_of(document_id, rejection.source, needs.store))
    return QuarantinedInFull(
        **_line(rejection, total),
        locations=locations,
        remedy=remedy(rejection),
        error=rejection.error or None,
        times=rejection.times,
        trace=rejection.trace,
        original=f"/quarantine/{document_id}/original" if rejection.content else None,
        stream=rejection.stream,
        message=rejection.message,
    )


async def find_rejection(document_id: str, needs: Dependencies) -> DocumentRejected:
    """Return why the document is in quarantine. Raises `HTTPException` when it is not."""
    record = await needs.read(lambda: needs.store.get(document_id))
    rejection = rejection_of(record) if record else None
    if rejection is None:
        raise HTTPException(404, f"Document {document_id} is not in quarantine.")
    return rejection


def _list(parameters: PageParameters, store: SqliteDocumentStore) -> QuarantineList:
    total, listed = store.quarantine.newest(parameters.filter, parameters.limit, parameters.offset)
    duplicates = store.duplicates.count([rejection.document_id for rejection in listed])
    lines = [Quarantined(**_line(r, (r.source is not None) + duplicates.get(r.document_id, 0))) for r in listed]
    return QuarantineList(total=total, quarantined=lines)


def _line(rejection: DocumentRejected, locations_total: int) -> dict[str, Any]:
    return {
        "document_id": rejection.document_id,
        "source": rejection.source,
        "stage": rejection.stage,
        "reason": rejection.reason,
        "reason_class": reason_class(rejection.reason),
        "deliveries": rejection.deliveries,
        "rejected": rejection.rejected,
        "replayable": is_replayable(rejection),
        "locations_total": locations_total,
    }


def _reason(group: ReasonGroup) -> Reason:
    return Reason(
        reason=group.reason,
        count=group.count,
        replayable=group.replayable,
        stages=group.stages,
        newest=group.newest,
    )
