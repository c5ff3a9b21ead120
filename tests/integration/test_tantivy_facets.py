"""The search engine itself: what a search is narrowed to, and how what it finds is counted."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tantivy import Index, SchemaBuilder

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.adapters.group_commit import GroupCommit
from services.indexer.adapters.index_recovery import open_index
from services.indexer.adapters.tantivy_index import TantivyIndex
from services.indexer.domain.documents import DocumentRecord
from services.indexer.domain.facets import LONGEST_VALUE, MOST_COUNTED, FacetValue, Narrowing
from services.indexer.domain.query_parser import parse_query
from services.indexer.domain.search_index import PageRequest, SearchPage
from shared.contracts import Source
from tests.unit.indexer.desk import an_id, record

FOLDERS = {"a": ("inbox", "floods"), "b": ("inbox", "floods", "2026"), "c": ("desk", "2026"), "d": ("wire",)}
HOSTILE = ("", " ", "\x00", "\u202egnp.exe", "🔥" * 300, "a" * 70_000, "Ünïcode \u0301", '"', "x:*", "OR")


def lying(name: str, inbox: str, *tags: str) -> DocumentRecord:
    return record(name, source=Source(inbox=inbox, path=f"{name}.txt", tags=tags))


def search(index: TantivyIndex, narrowing: Narrowing, query: str = "river", page: int = 100) -> SearchPage:
    return index.search(parse_query(query), PageRequest(limit=page, narrowing=narrowing, facets=True))


def found(index: TantivyIndex, narrowing: Narrowing, query: str = "river") -> set[str]:
    names = {an_id(name): name for name in "abcde"}
    return {names[hit.document_id] for hit in search(index, narrowing, query).hits}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[TantivyIndex]:
    with closing(TantivyIndex(tmp_path / "tantivy")) as index:
        index.write([lying(name, *folders) for name, folders in FOLDERS.items()], [])
        yield index


@pytest.mark.parametrize(
    ("narrowing", "expected"),
    [
        (Narrowing(), {"a", "b", "c", "d"}),
        (Narrowing(inboxes=("inbox",)), {"a", "b"}),
        (Narrowing(inboxes=("inbox", "desk")), {"a", "b", "c"}),
        (Narrowing(tags=("2026",)), {"b", "c"}),
        (Narrowing(tags=("2026", "floods")), {"b"}),
        (Narrowing(inboxes=("desk", "wire"), tags=("2026",)), {"c"}),
        (Narrowing(inboxes=("Inbox",)), set()),
        (Narrowing(tags=("flood",)), set()),
    ],
)
def test_a_search_is_narrowed_to_any_inbox_and_all_tags(
    index: TantivyIndex, narrowing: Narrowing, expected: set[str]
) -> None:
    """Names are taken as they are: no part of one, and no other case."""
    assert expected == found(index, narrowing)


def test_without_words_a_narrowed_search_finds_all_that_is_there(index: TantivyIndex) -> None:
    """So that a folder can be looked through; without any limit nothing is asked for."""
    assert {"b", "c"} == found(index, Narrowing(tags=("2026",)), query="")
    assert set() == found(index, Narrowing(), query="")


def test_all_that_matches_is_counted_largest_first(index: TantivyIndex) -> None:
    """Whatever the page shows of it."""
    facets = search(index, Narrowing(), page=1).facets
    narrowed = search(index, Narrowing(tags=("floods",))).facets

    assert (FacetValue("inbox", 2), FacetValue("desk", 1), FacetValue("wire", 1)) == facets.inbox
    assert (FacetValue("2026", 2), FacetValue("floods", 2)) == facets.tag
    assert (FacetValue("floods", 2), FacetValue("2026", 1)) == narrowed.tag


def test_a_moved_document_is_found_where_it_lies_now(index: TantivyIndex) -> None:
    index.write([lying("a", "desk", "archive")], [])

    assert set() == found(index, Narrowing(inboxes=("inbox",), tags=("floods",))) & {"a"}
    assert {"a"} == found(index, Narrowing(inboxes=("desk",), tags=("archive",)))


async def test_a_document_is_found_by_all_its_places(tmp_path: Path) -> None:
    """Whatever becomes of its duplicates; each of them is the document to a reader, and none is found by itself."""

    async def put(new: DocumentRecord) -> None:
        await commits.apply(new.document_id, new.sequence, lambda _: new)

    def copied(name: str, sequence: int, original: str, *folders: str) -> DocumentRecord:
        facts = {"state": "duplicate", "parsed": None, "duplicate_of": an_id(original), "sequence": sequence}
        return lying(name, *folders).model_copy(update=facts)

    wire, archive = Narrowing(inboxes=("wire",)), Narrowing(tags=("archive",))
    with closing(SqliteDocumentStore(tmp_path)) as store, closing(open_index(tmp_path / "tantivy", store)) as index:
        commits = GroupCommit(store, index, linger_seconds=0, batch=1)
        commits.start()
        await put(copied("c", 1, "a", "wire", "archive"))
        await put(lying("a", "inbox", "floods"))
        await put(lying("b", "inbox"))
        assert ({"a"}, {"a"}) == (found(index, wire), found(index, archive))
        assert (FacetValue("inbox", 2), FacetValue("wire", 1)) == search(index, Narrowing()).facets.inbox
        await put(copied("c", 4, "b", "wire", "archive"))
        assert ({"b"}, {"b"}) == (found(index, wire), found(index, archive))
        await put(copied("c", 5, "b", "desk"))
        assert (set(), set()) == (found(index, wire), found(index, archive))
        assert {"b"} == found(index, Narrowing(inboxes=("desk",)))
        await put(lying("c", "inbox").model_copy(update={"sequence": 6}))
        assert set() == found(index, Narrowing(inboxes=("desk",)))
        await commits.stop()


def test_places_that_changed_when_a_process_was_killed_are_found_after_the_next_start(tmp_path: Path) -> None:
    """Also of a duplicate that is gone: nothing of it tells any more whose it was."""
    gone = {"state": "removed", "parsed": None, "sequence": 2}
    with closing(SqliteDocumentStore(tmp_path)) as store:
        copy = {"state": "duplicate", "parsed": None, "duplicate_of": an_id("a")}
        store.put_many([lying("a", "inbox"), lying("b", "wire").model_copy(update=copy)])
        with closing(open_index(tmp_path / "tantivy", store)) as index:
            assert {"a"} == found(index, Narrowing(inboxes=("wire",)))
        store.put_many([lying("b", "wire").model_copy(update=gone)])  # and killed before the index was told
    with closing(SqliteDocumentStore(tmp_path)) as store, closing(open_index(tmp_path / "tantivy", store)) as index:
        assert set() == found(index, Narrowing(inboxes=("wire",)))


def test_counts_are_those_of_a_count_by_hand(tmp_path: Path) -> None:
    """Over several segments, with documents that were written again, and more values than are told."""
    tags = {str(n): (f"tag {n % 90:02}", f"tag {n % 7:02}", "all") for n in range(600)}
    with closing(TantivyIndex(tmp_path)) as index:
        index.write([lying("without any", "inbox"), record("of nowhere", source=None)], [])
        for start in range(0, 600, 100):
            names = [str(n) for n in range(start, start + 100)]
            index.write([lying(name, "inbox", "old") for name in names], [])
            index.write([lying(name, "inbox", *tags[name]) for name in names], [])
        facet = search(index, Narrowing()).facets.tag
    counted = Counter(tag for own in tags.values() for tag in set(own))

    assert MOST_COUNTED == len(facet)
    assert [number for _, number in counted.most_common(MOST_COUNTED)] == [value.count for value in facet]
    assert all(counted[value.value] == value.count for value in facet)


def test_no_name_of_a_folder_harms_the_engine(index: TantivyIndex) -> None:
    """Each is found by what is told of it, cut at its longest."""
    index.write([lying("e", "🔥" * 300, *HOSTILE)], [])
    facets = search(index, Narrowing(inboxes=("🔥" * LONGEST_VALUE,))).facets

    assert {value[:LONGEST_VALUE] for value in HOSTILE if value} == {value.value for value in facets.tag}
    assert all({"e"} == found(index, Narrowing(tags=(value.value,))) for value in facets.tag)
    assert set() == found(index, Narrowing(tags=("", "\ud7ff" * 100_000), inboxes=("",)))


def test_an_index_of_the_version_before_facets_is_made_anew(tmp_path: Path) -> None:
    """From the documents, at the first start of this version."""
    folder = tmp_path / "tantivy"
    folder.mkdir()
    builder = SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("title", tokenizer_name="words1")
    builder.add_text_field("body", tokenizer_name="words1")
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("newest", fast=True)
    Index(builder.build(), path=str(folder))
    with closing(SqliteDocumentStore(tmp_path)) as store:
        store.put_many([lying("a", "desk", "floods")])
        store.confirm([an_id("a")])
        with closing(open_index(folder, store)) as index:
            assert {"a"} == found(index, Narrowing(inboxes=("desk",), tags=("floods",)))
    assert "tag" in {field["name"] for field in json.loads((folder / "meta.json").read_text())["schema"]}
