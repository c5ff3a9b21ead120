"""Searches narrowed to inboxes and tags, and what they found counted by them, over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.api.dependencies import Dependencies
from services.indexer.api.http import create_api
from services.indexer.domain.facets import LONGEST_VALUE, MOST_VALUES, inbox_values, tag_values
from services.indexer.handlers import Indexer
from shared.contracts import DocumentMoved, Source
from tests.unit.indexer.desk import FakeSearchIndex, an_id, record

PLACES = {
    "a": Source(inbox="inbox", path="floods/a.txt", tags=("floods",)),
    "b": Source(inbox="inbox", path="floods/2026/b.txt", tags=("floods", "2026")),
    "c": Source(inbox="news desk", path="2026/c.txt", tags=("2026",)),
}


@pytest.fixture
async def api(
    needs: Dependencies, store: SqliteDocumentStore, index: FakeSearchIndex
) -> AsyncIterator[httpx.AsyncClient]:
    records = [record(name, source=source) for name, source in PLACES.items()]
    store.put_many(records)
    index.write(records, [])
    transport = httpx.ASGITransport(create_api(needs), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://dateline") as client:
        yield client


async def search(api: httpx.AsyncClient, *parameters: tuple[str, str]) -> Any:
    response = await api.get("/search", params=[("q", "river"), *parameters])
    assert 200 == response.status_code, response.text
    return response.json()


def names(answer: Any) -> set[str]:
    known = {an_id(name): name for name in PLACES}
    return {known[hit["document_id"]] for hit in answer["hits"]}


async def test_what_was_found_is_counted_by_inbox_and_tag(api: httpx.AsyncClient) -> None:
    """The largest first, and not at all for who does not want it."""
    answer = await search(api)
    uncounted = await search(api, ("facets", "false"))

    assert (3, {"inbox": [], "tag": []}) == (uncounted["total"], uncounted["facets"])
    assert answer["facets"]["inbox"] == [{"value": "inbox", "count": 2}, {"value": "news desk", "count": 1}]
    assert answer["facets"]["tag"] == [{"value": "2026", "count": 2}, {"value": "floods", "count": 2}]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ([("inbox", "news desk")], {"c"}),
        ([("inbox", "news desk"), ("inbox", "inbox")], {"a", "b", "c"}),
        ([("tag", "2026")], {"b", "c"}),
        ([("tag", "2026"), ("tag", "floods")], {"b"}),
        ([("tag", "2026"), ("inbox", "inbox")], {"b"}),
        ([("tag", "nothing so")], set()),
    ],
)
async def test_parameters_narrow_to_any_inbox_and_all_tags(
    api: httpx.AsyncClient, parameters: list[tuple[str, str]], expected: set[str]
) -> None:
    answer = await search(api, *parameters)

    assert expected == names(answer)
    assert len(expected) == answer["total"]


async def test_a_folder_can_be_looked_through_without_words(api: httpx.AsyncClient) -> None:
    """Nothing is missing then."""
    answer = (await api.get("/search?q=&tag=floods")).json()
    nothing = (await api.get("/search?q=")).json()

    assert ({"a", "b"}, []) == (names(answer), answer["warnings"])
    assert 0 == nothing["total"]
    assert nothing["warnings"]


@pytest.mark.parametrize(
    "parameters",
    [
        [("tag", "a" * (LONGEST_VALUE + 1))],
        [("inbox", "")],
        [("tag", str(n)) for n in range(21)],
        [("inbox", str(n)) for n in range(21)],
    ],
)
async def test_what_a_search_is_narrowed_to_is_bounded(
    api: httpx.AsyncClient, parameters: list[tuple[str, str]]
) -> None:
    """In its length and its number; nothing is passed over in silence."""
    response = await api.get("/search", params=[("q", "river"), *parameters])

    assert 422 == response.status_code
    assert parameters[0][0] in response.json()["detail"][0]["loc"]


async def test_a_moved_document_takes_the_tags_of_its_new_place(api: httpx.AsyncClient, indexer: Indexer) -> None:
    """The index learns of a move."""
    there = Source(inbox="news desk", path="storms/a.txt", tags=("storms",))
    await indexer.on_document_changed(DocumentMoved(document_id=an_id("a"), sequence=9, source=there))

    assert {"a"} == names(await search(api, ("tag", "storms"), ("inbox", "news desk")))
    assert {"b"} == names(await search(api, ("tag", "floods")))


def test_values_of_a_document_are_bounded() -> None:
    """In their length and their number; each counts once, and one without a name not at all."""
    tags = ("twice", "", "twice", "x" * 10_000, *(str(n) for n in range(60)))
    source = Source(inbox="y" * 10_000, path="a", tags=tags)

    assert ("twice", "x" * LONGEST_VALUE, "0") == tag_values([source])[:3]
    assert len(tag_values([source])) <= MOST_VALUES
    assert ("y" * LONGEST_VALUE,) == inbox_values([source])
    assert () == inbox_values([]) == tag_values([])
