"""The port: what any search engine has to do for the indexer. Fakes and adapters are held to the same tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from services.indexer.domain.documents import DocumentRecord
from services.indexer.domain.facets import EVERYTHING, NOT_COUNTED, Facets, Narrowing
from services.indexer.domain.query import SearchQuery

Sort = Literal["relevance", "newest"]


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A document that matches; `score` grows with relevance, and is None where it was not asked for."""

    document_id: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class SearchPage:
    """`total` documents match; `hits` are those of the page, `facets` count all that match."""

    total: int
    hits: tuple[SearchHit, ...] = ()
    facets: Facets = NOT_COUNTED


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which of the matches are wanted: `limit` of them (1 or more) after the first `offset`, in this order.

    `facets`: whether to count them, too.
    """

    limit: int = 10
    offset: int = 0
    sort: Sort = "relevance"
    language: str | None = None
    narrowing: Narrowing = EVERYTHING
    facets: bool = False


class SearchIndex(Protocol):
    """Full text of the documents in state `indexed`; rebuildable from the `DocumentStore` at any time."""

    def write(self, upserts: Sequence[DocumentRecord], deletes: Sequence[str]) -> None:
        """Make the changes durable and searchable; by id, so writing them again changes nothing.

        Raises:
            TransientError: the disk did not take them; nothing of the batch is searchable.
        """
        ...

    def search(self, query: SearchQuery, page: PageRequest) -> SearchPage:
        """Return the matches of the page. May be called from any thread.

        A query without words matches nothing by itself, and everything where it is narrowed.
        """
        ...

    def count(self) -> int:
        """How many documents can be found."""
        ...
