"""`GET /search`."""

import time
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from services.indexer.api.dependencies import Answer, Dependencies, Needs, Parameters
from services.indexer.domain import search_index
from services.indexer.domain.documents import DocumentRecord
from services.indexer.domain.query import SearchQuery
from services.indexer.domain.query_parser import parse_query
from services.indexer.domain.search_index import PageRequest, Sort
from services.indexer.domain.snippets import make_snippet
from shared.contracts import Source

router = APIRouter(tags=["search"])

#: Hits on one page, and how far one may page: a person looks at no more, and each page costs all before it.
MOST_HITS, FARTHEST = 100, 10_000


class SearchParameters(Parameters):
    """What to search for."""

    q: str = Field(description='Words, "phrases", prefix*, OR, -not, (groups).')
    limit: int = Field(default=10, ge=1, le=MOST_HITS)
    offset: int = Field(default=0, ge=0, le=FARTHEST)
    sort: Sort = "relevance"
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$", description="ISO 639 code, e.g. `en`.")


class Snippet(Answer):
    """A part of the body as plain text; `highlights` are (start, end) in characters (code points) of it."""

    text: str
    highlights: tuple[tuple[int, int], ...]


class SearchHit(Answer):
    """One document that matches. `score` is null where the order is not by relevance."""

    document_id: str
    title: str | None
    snippet: Snippet
    language: str | None
    source: Source | None
    published: AwareDatetime | None
    score: float | None


class SearchAnswer(Answer):
    """One page of hits. `total` counts all documents that match; `warnings` say what of the query was left out."""

    query: str
    total: int
    limit: int
    offset: int
    took_ms: float
    warnings: tuple[str, ...]
    hits: list[SearchHit]


@router.get("/search")
async def search(parameters: Annotated[SearchParameters, Query()], needs: Needs) -> SearchAnswer:
    """Return the documents that match, best or newest first."""
    return await needs.read(lambda: _search(parameters, needs))


def _search(parameters: SearchParameters, needs: Dependencies) -> SearchAnswer:
    start = time.perf_counter()
    query = parse_query(parameters.q)
    page = PageRequest(parameters.limit, parameters.offset, parameters.sort, parameters.language)
    found = needs.index.search(query, page)
    records = needs.store.get_many([hit.document_id for hit in found.hits])
    shown = ((hit, records.get(hit.document_id)) for hit in found.hits)  # one may have been removed a moment ago
    return SearchAnswer(
        query=parameters.q,
        total=found.total,
        limit=parameters.limit,
        offset=parameters.offset,
        warnings=query.warnings,
        hits=[_hit(hit, record, query) for hit, record in shown if record],
        took_ms=round((time.perf_counter() - start) * 1_000, 2),
    )


def _hit(hit: search_index.SearchHit, record: DocumentRecord, query: SearchQuery) -> SearchHit:
    parsed = record.parsed
    snippet = make_snippet(parsed.body if parsed else "", query.terms())
    return SearchHit(
        document_id=hit.document_id,
        title=parsed.title if parsed else None,
        snippet=Snippet(text=snippet.text, highlights=snippet.highlights),
        language=parsed.language if parsed else None,
        source=record.source,
        published=parsed.published if parsed else None,
        score=hit.score,
    )
