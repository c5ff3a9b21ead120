"""`GET /search`."""

import time
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field, StringConstraints

from services.indexer.api.dependencies import Answer, Dependencies, Needs, Parameters
from services.indexer.domain import search_index
from services.indexer.domain.documents import DocumentRecord
from services.indexer.domain.facets import LONGEST_VALUE, Narrowing
from services.indexer.domain.query import SearchQuery
from services.indexer.domain.query_parser import parse_query
from services.indexer.domain.search_index import PageRequest, SearchPage, Sort
from services.indexer.domain.snippets import make_snippet
from shared.contracts import Source

router = APIRouter(tags=["search"])

#: Hits on one page, and how far one may page: a person looks at no more, and each page costs all before it.
MOST_HITS, FARTHEST = 100, 10_000
#: Values of one facet that a search can be narrowed to: as many as are told.
MOST_CHOSEN = 20

FacetText = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_VALUE)]


class SearchParameters(Parameters):
    """What to search for."""

    q: str = Field(description='Words, "phrases", prefix*, OR, -not, (groups).')
    limit: int = Field(default=10, ge=1, le=MOST_HITS)
    offset: int = Field(default=0, ge=0, le=FARTHEST)
    sort: Sort = "relevance"
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$", description="ISO 639 code, e.g. `en`.")
    inbox: tuple[FacetText, ...] = Field(default=(), max_length=MOST_CHOSEN, description="Only of any of these.")
    tag: tuple[FacetText, ...] = Field(default=(), max_length=MOST_CHOSEN, description="Only with all of these.")
    facets: bool = Field(default=True, description="Whether to count what matches by inbox and tag.")

    @property
    def page(self) -> PageRequest:
        """As the index takes it."""
        narrowing = Narrowing(inboxes=self.inbox, tags=self.tag)
        return PageRequest(self.limit, self.offset, self.sort, self.language, narrowing, self.facets)


class Snippet(Answer):
    """A part of the body as plain text; `highlights` are (start, end) in characters (code points) of it."""

    text: str
    highlights: tuple[tuple[int, int], ...]


class SearchHit(Answer):
    """One document that matches. `score` is null where the order is not by relevance.

    `locations_total` counts the places where its bytes lie, its own included.
    """

    document_id: str
    title: str | None
    snippet: Snippet
    language: str | None
    source: Source | None
    published: AwareDatetime | None
    score: float | None
    locations_total: int


class FacetValue(Answer):
    """How many of the documents that match have this value."""

    value: str
    count: int


class Facets(Answer):
    """The documents that match, counted; the largest first, at most 20 values each. Empty with `facets=false`."""

    inbox: tuple[FacetValue, ...]
    tag: tuple[FacetValue, ...] = Field(description="By the names of the folders they lie in.")


class SearchAnswer(Answer):
    """One page of hits. `total` counts all documents that match; `warnings` say what of the query was left out."""

    query: str
    total: int
    limit: int
    offset: int
    took_ms: float
    warnings: tuple[str, ...]
    hits: list[SearchHit]
    facets: Facets


@router.get("/search")
async def search(parameters: Annotated[SearchParameters, Query()], needs: Needs) -> SearchAnswer:
    """Return the documents that match, best or newest first."""
    return await needs.read(lambda: _search(parameters, needs))


def _search(parameters: SearchParameters, needs: Dependencies) -> SearchAnswer:
    start = time.perf_counter()
    query, page = parse_query(parameters.q), parameters.page
    found = needs.index.search(query, page)
    browsing = page.narrowing and not parameters.q.strip()  # all of a folder is asked for, and no word is missing
    return SearchAnswer(
        query=parameters.q,
        total=found.total,
        limit=parameters.limit,
        offset=parameters.offset,
        warnings=() if browsing else query.warnings,
        hits=_hits(found, query, needs),
        facets=_facets(found),
        took_ms=round((time.perf_counter() - start) * 1_000, 2),
    )


def _hits(found: SearchPage, query: SearchQuery, needs: Dependencies) -> list[SearchHit]:
    ids = [hit.document_id for hit in found.hits]
    records, duplicates = needs.store.get_many(ids), needs.store.duplicates.count(ids)
    shown = ((hit, records.get(hit.document_id)) for hit in found.hits)  # one may have been removed a moment ago
    return [_hit(hit, record, query, duplicates.get(record.document_id, 0)) for hit, record in shown if record]


def _hit(hit: search_index.SearchHit, record: DocumentRecord, query: SearchQuery, duplicates: int) -> SearchHit:
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
        locations_total=1 + duplicates,
    )


def _facets(found: SearchPage) -> Facets:
    inboxes, tags = (
        tuple(FacetValue(value=counted.value, count=counted.count) for counted in facet)
        for facet in (found.facets.inbox, found.facets.tag)
    )
    return Facets(inbox=inboxes, tag=tags)
