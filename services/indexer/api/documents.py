"""`GET /documents` and `GET /documents/{document_id}`."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, Field

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.api.dependencies import Answer, DocumentId, Needs, Parameters
from services.indexer.api.locations import Location, locations_of, own_place
from services.indexer.domain.documents import DocumentRecord
from shared.contracts import Attempt, CutBlock, SettledState, Source, StageTimes

router = APIRouter(tags=["documents"])


class ListParameters(Parameters):
    """Which documents to list."""

    state: SettledState | None = None
    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)


class DocumentSummary(Answer):
    """A line of the list. `reason` says why a document was rejected.

    `locations_total` counts the places where its bytes lie: those of its duplicates are counted here, and each of them
    is a document of its own with that place alone.
    """

    document_id: str
    state: SettledState
    title: str | None
    source: Source | None
    reason: str | None
    duplicate_of: str | None
    times: StageTimes | None
    locations_total: int


class DocumentList(Answer):
    """Documents, those changed last first; `total` counts all of them."""

    total: int
    documents: list[DocumentSummary]


class Sizes(Answer):
    """`original` in bytes, `body` in characters."""

    original: int | None
    body: int | None


class DocumentAnswer(DocumentSummary):
    """All there is to know of a document, with what was cut away from its page."""

    body: str | None
    language: str | None
    published: AwareDatetime | None
    authors: tuple[str, ...]
    modified: AwareDatetime | None = Field(description="When the file was last written.")
    media_type: str | None
    extractor: str | None
    parser_version: str | None
    content_hash: str | None = Field(description="SHA-256 of the original's bytes.")
    sizes: Sizes
    cut: tuple[CutBlock, ...]
    truncated: bool = Field(description="Whether a limit cut the text short.")
    stage: str | None = Field(description="Where a rejected document was rejected.")
    trace: tuple[Attempt, ...] = Field(description="Every attempt of every stage, in order.")
    error: str | None = Field(description="Traceback, where the software is to blame.")
    locations: tuple[Location, ...] = Field(
        description="Where the same bytes lie: the document itself, then its duplicates, oldest first; at most 1,000."
    )
    duplicate_of_state: SettledState | None = Field(description="Of a duplicate: what became of the same bytes.")
    duplicate_of_reason: str | None = Field(description="Of a duplicate: why the same bytes were rejected, if so.")


@router.get("/documents")
async def list_documents(parameters: Annotated[ListParameters, Query()], needs: Needs) -> DocumentList:
    """List documents, all or those in one state."""
    return await needs.read(lambda: _list(parameters, needs.store))


@router.get("/documents/{document_id}", responses={404: {"description": "No such document."}})
async def get_document(document_id: DocumentId, needs: Needs) -> DocumentAnswer:
    """Return one document, whatever its state; of a removed one nothing is left but that."""
    answer = await needs.read(lambda: _read(document_id, needs.store))
    if answer is None:
        raise HTTPException(404, f"There is no document {document_id}, or it is still on its way: see /status.")
    return answer


def _list(parameters: ListParameters, store: SqliteDocumentStore) -> DocumentList:
    total, listed = store.newest(parameters.state, parameters.limit, parameters.offset)
    duplicates = store.duplicates.count([document.record.document_id for document in listed])
    lines = [
        DocumentSummary(**_summary(d.record, d.title), locations_total=_places(d.record, duplicates)) for d in listed
    ]
    return DocumentList(total=total, documents=lines)


def _places(record: DocumentRecord, duplicates: Mapping[str, int]) -> int:
    return (own_place(record) is not None) + duplicates.get(record.document_id, 0)


def _read(document_id: str, store: SqliteDocumentStore) -> DocumentAnswer | None:
    record = store.get(document_id)
    if record is None:
        return None
    original = store.get(record.duplicate_of) if record.duplicate_of else None
    locations, total = locations_of(document_id, own_place(record), store)
    return _answer(record, original, locations, total)


def _summary(record: DocumentRecord, title: str | None) -> dict[str, Any]:
    return {
        "document_id": record.document_id,
        "state": record.state,
        "title": title,
        "source": record.source,
        "reason": _reason(record),
        "duplicate_of": record.duplicate_of,
        "times": record.times,
    }


def _reason(record: DocumentRecord | None) -> str | None:
    return record.rejection.reason if record and record.rejection else None


def _answer(
    record: DocumentRecord, original: DocumentRecord | None, locations: tuple[Location, ...], locations_total: int
) -> DocumentAnswer:
    parsed, content, rejection = record.parsed, record.content, record.rejection
    return DocumentAnswer(
        **_summary(record, parsed.title if parsed else None),
        body=parsed.body if parsed else None,
        language=parsed.language if parsed else None,
        published=parsed.published if parsed else None,
        authors=parsed.authors if parsed else (),
        modified=record.modified,
        media_type=content.media_type if content else None,
        extractor=parsed.extractor if parsed else None,
        parser_version=record.parser_version,
        content_hash=content.sha256 if content else None,
        sizes=Sizes(original=content.size if content else None, body=len(parsed.body) if parsed else None),
        cut=parsed.cut if parsed else (),
        truncated=parsed.truncated if parsed else False,
        trace=record.trace,
        stage=rejection.stage if rejection else None,
        error=(rejection.error or None) if rejection else None,
        locations=locations,
        locations_total=locations_total,
        duplicate_of_state=original.state if original else None,
        duplicate_of_reason=_reason(original),
    )
