"""All the places where the bytes of a document lie."""

import sqlite3
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.adapters.group_commit import GroupCommit
from services.indexer.api.dependencies import Dependencies
from services.indexer.api.http import create_api
from services.indexer.domain.documents import DocumentRecord
from services.indexer.handlers import Indexer
from shared.contracts import Source
from tests.unit.indexer.desk import (
    FIRST_SCHEMA,
    MOMENT,
    TIMES,
    FakeSearchIndex,
    an_id,
    content_of,
    duplicated,
    moved,
    parsed,
    quarantined,
    record,
    removed,
)

PAGE = "https://example.org/high-water"
MANY = 100_000
NUMBERS = """
CREATE TEMP TABLE number AS
WITH RECURSIVE counter (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM counter WHERE value < 100000)
SELECT printf('%032x', value) AS id, value FROM counter
"""


def duplicate(name: str, original: str, minutes: int = 0, sequence: int = 1) -> DocumentRecord:
    """One that came so many minutes after the first."""
    times = TIMES.model_copy(update={"accepted": MOMENT + timedelta(minutes=minutes)})
    facts = {"parsed": None, "content": content_of(original), "duplicate_of": an_id(original), "times": times}
    return record(name, sequence, state="duplicate", **facts)


@pytest.fixture
async def api(needs: Dependencies) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_api(needs), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://dateline") as client:
        yield client


async def located(api: httpx.AsyncClient, name: str) -> tuple[list[str], int]:
    answer = (await api.get(f"/documents/{an_id(name)}")).json()
    return [place["path"] for place in answer["locations"]], answer["locations_total"]


async def test_a_document_tells_all_its_places_oldest_first(api: httpx.AsyncClient, store: SqliteDocumentStore) -> None:
    """Its own first, whenever it came."""
    fetched = Source(inbox="web", path="example.org/high-water", url=PAGE)
    late = duplicate("late", "a", 60, sequence=2).model_copy(update={"source": fetched})
    store.put_many([late, duplicate("early", "a", -60, sequence=3), record("a", 4), duplicate("other", "b")])
    answer: dict[str, Any] = (await api.get(f"/documents/{an_id('a')}")).json()

    assert (["a.txt", "early.txt", "example.org/high-water"], 3) == await located(api, "a")
    assert answer["locations"][2] == {"document_id": an_id("late"), "inbox": "web", "path": fetched.path, "url": PAGE}


async def test_a_duplicate_leads_to_the_document(api: httpx.AsyncClient, store: SqliteDocumentStore) -> None:
    """It tells of its own place only."""
    store.put_many([record("a"), duplicate("b", "a"), duplicate("c", "a")])
    answer = (await api.get(f"/documents/{an_id('b')}")).json()

    assert ("duplicate", an_id("a")) == (answer["state"], answer["duplicate_of"])
    assert (["b.txt"], 1) == await located(api, "b")


async def test_a_duplicate_of_what_was_rejected_says_so_and_why(
    api: httpx.AsyncClient, store: SqliteDocumentStore
) -> None:
    """It was never read itself, and is in no list of what was rejected."""
    store.put_many(
        [quarantined("a", reason="The file is empty."), duplicate("b", "a"), record("c"), duplicate("d", "c")]
    )
    answers = [(await api.get(f"/documents/{an_id(name)}")).json() for name in ("b", "d", "c")]

    assert [("rejected", "The file is empty."), ("indexed", None), (None, None)] == [
        (answer["duplicate_of_state"], answer["duplicate_of_reason"]) for answer in answers
    ]


async def test_a_duplicate_may_come_before_what_it_is_a_duplicate_of(
    api: httpx.AsyncClient, store: SqliteDocumentStore
) -> None:
    store.put_many([duplicate("b", "a")])
    answer = (await api.get(f"/documents/{an_id('b')}")).json()

    assert (an_id("a"), None) == (answer["duplicate_of"], answer["duplicate_of_state"])


async def test_what_was_rejected_tells_all_its_places_wherever_it_is_listed(
    api: httpx.AsyncClient, store: SqliteDocumentStore
) -> None:
    """Its duplicates are counted as duplicates, and are not listed beside it."""
    store.put_many([quarantined("a"), duplicate("b", "a", 1), duplicate("c", "a", 2), quarantined("alone")])
    lists = [
        (await api.get("/documents?state=rejected")).json()["documents"],
        (await api.get("/quarantine")).json()["quarantined"],
    ]
    found = (await api.get(f"/quarantine/{an_id('a')}")).json()

    assert [{an_id("a"): 3, an_id("alone"): 1}] * 2 == [
        {line["document_id"]: line["locations_total"] for line in listed} for listed in lists
    ]
    assert (["a.txt", "b.txt", "c.txt"], 3) == await located(api, "a")
    assert (await api.get(f"/documents/{an_id('a')}")).json()["locations"] == found["locations"]
    assert found["locations_total"] == 3


async def test_places_follow_what_happens_to_the_files(
    api: httpx.AsyncClient, indexer: Indexer, commits: GroupCommit, blobs: Any, tmp_path: Path
) -> None:
    """Moved, removed, edited: whatever happened last is told."""
    await indexer.on_document_parsed(parsed("a", 1, blobs=tmp_path / "blobs"))
    for sequence, name in enumerate(("moved", "removed", "edited", "taken over"), start=2):
        await indexer.on_document_changed(duplicated(name, sequence, "a"))
    assert 5 == (await located(api, "a"))[1]

    await indexer.on_document_changed(moved("moved", 11, "elsewhere/moved.txt"))
    await indexer.on_document_changed(removed("removed", 12))
    await indexer.on_document_parsed(parsed("edited", 13, blobs=tmp_path / "blobs"))
    await indexer.on_document_changed(duplicated("taken over", 14, "edited"))

    assert (["a.txt", "elsewhere/moved.txt"], 2) == await located(api, "a")
    assert (["edited.txt", "taken over.txt"], 2) == await located(api, "edited")


async def test_what_was_removed_lies_nowhere(api: httpx.AsyncClient, store: SqliteDocumentStore) -> None:
    store.put_many([record("a", state="removed", parsed=None, content=None)])

    assert ([], 0) == await located(api, "a")


async def test_a_hit_tells_in_how_many_places_it_lies(
    api: httpx.AsyncClient, store: SqliteDocumentStore, index: FakeSearchIndex
) -> None:
    """Its own included."""
    store.put_many([record("a"), record("b"), duplicate("c", "a"), duplicate("d", "a")])
    index.write([record("a"), record("b")], [])
    hits = (await api.get("/search?q=river")).json()["hits"]

    assert {an_id("a"): 3, an_id("b"): 1} == {hit["document_id"]: hit["locations_total"] for hit in hits}


async def test_a_hundred_thousand_places_are_found_by_index(
    api: httpx.AsyncClient, store: SqliteDocumentStore, tmp_path: Path
) -> None:
    """At most a thousand are told, and all are counted; reading the records would take a hundred times as long."""
    store.put_many([record("a"), duplicate("b", "a")])
    with closing(sqlite3.connect(tmp_path / "documents.sqlite")) as db, db:
        db.execute(NUMBERS)
        db.execute(
            "INSERT INTO documents SELECT id, 1, 'duplicate', NULL, record, NULL FROM number, documents "
            f"WHERE documents.document_id = '{an_id('b')}'"
        )
        db.execute(
            f"INSERT INTO duplicates SELECT id, '{an_id('a')}', '2026-01-01T00:00:00.' || printf('%06d', value) "
            "FROM number"
        )
    begin = time.perf_counter()
    paths, total = await located(api, "a")

    assert (1_000, MANY + 2) == (len(paths), total)
    assert time.perf_counter() - begin < 2


def test_an_older_file_learns_where_its_duplicates_lie(tmp_path: Path) -> None:
    """At the first start of this version; nothing else about it changes."""
    with closing(sqlite3.connect(tmp_path / "documents.sqlite")) as db, db:
        db.executescript(FIRST_SCHEMA)
        for old in (record("a", parsed=None), duplicate("late", "a", 60), duplicate("early", "a", 30)):
            row = (old.document_id, old.sequence, old.state, zlib.compress(old.model_dump_json().encode()))
            db.execute("INSERT INTO documents (document_id, sequence, state, record) VALUES (?, ?, ?, ?)", row)
    for _ in range(2):  # it is up to date after the first
        with closing(SqliteDocumentStore(tmp_path)) as store:
            assert [an_id("early"), an_id("late")] == [r.document_id for r in store.duplicates.of(an_id("a"), 10)]
            assert {an_id("a"): 2} == store.duplicates.count([an_id("a"), an_id("b")])
            assert store.index_id == "that of the first version"
