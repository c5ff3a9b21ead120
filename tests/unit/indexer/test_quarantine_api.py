"""The quarantine over HTTP: groups, one rejection, and replays of any number."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.api.dependencies import Dependencies
from services.indexer.api.http import create_api
from shared.errors import TransientError
from tests.unit.indexer.desk import Outside, an_id, quarantined

KEPT: dict[str, Any] = {"stream": "documents.parsed", "message": "AAAA"}
#: More than one request puts back.
MANY = 450


@pytest.fixture
async def api(needs: Dependencies) -> AsyncIterator[httpx.AsyncClient]:
    app = create_api(needs)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://dateline") as client:
        yield client


@pytest.fixture
def many(store: SqliteDocumentStore) -> list[str]:
    """Documents that failed for one reason, beside one that failed for another and one that was never read."""
    many = [quarantined(f"many {n}", reason=f"It failed at {n}", **KEPT) for n in range(MANY)]
    other = quarantined("other", reason="The dog ate it", **KEPT)
    never_read = quarantined("never read", reason="It failed at 7", stage="fetcher")
    store.put_many([*many, other, never_read])
    return sorted(record.document_id for record in many)


async def run(api: httpx.AsyncClient, **parameters: str) -> list[Any]:
    """Replay until nothing is left; return the answers."""
    answers: list[Any] = []
    after: str | None = ""
    while after is not None:
        response = await api.post("/quarantine/replay", params={**parameters, "after": after})
        assert response.status_code == 202, response.text
        answers.append(response.json())
        after = answers[-1]["next"]
    return answers


async def test_reasons_are_counted(api: httpx.AsyncClient, many: list[str]) -> None:
    """With what can be replayed of each."""
    answer = (await api.get("/quarantine/reasons")).json()

    assert (2, MANY + 2) == (answer["total"], answer["documents"])
    assert ("It failed at N", MANY + 1, MANY, ["fetcher", "parser"]) == tuple(
        answer["reasons"][0][name] for name in ("reason", "count", "replayable", "stages")
    )
    assert answer["reasons"][0]["newest"] == "2026-03-14T09:27:00Z"


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ({"reason": "It failed at N"}, MANY + 1),
        ({"reason": "It failed at 3"}, MANY + 1),
        ({"reason": "It failed at 3", "stage": "fetcher"}, 1),
        ({"stage": "indexer"}, 0),
    ],
)
async def test_the_list_is_filtered(api: httpx.AsyncClient, many: list[str], query: dict[str, str], total: int) -> None:
    """By a class, or by any reason that is of it."""
    answer = (await api.get("/quarantine", params={**query, "limit": 1})).json()

    assert total == answer["total"]
    assert all(q["reason_class"] == "It failed at N" for q in answer["quarantined"])


async def test_one_rejection_tells_all_there_is_to_know(api: httpx.AsyncClient, store: SqliteDocumentStore) -> None:
    """And what a person can do about it."""
    store.put_many([quarantined("a", error="Traceback …", deliveries=3, **KEPT), quarantined("b", stage="fetcher")])
    failed = (await api.get(f"/quarantine/{an_id('a')}")).json()
    never_read = (await api.get(f"/quarantine/{an_id('b')}")).json()

    assert (3, "Traceback …", "parser") == (failed["deliveries"], failed["error"], failed["stage"])
    assert failed["original"] == f"/quarantine/{an_id('a')}/original"
    assert "replay the document" in failed["remedy"]
    assert "Mend or replace the file in the inbox" in never_read["remedy"]


async def test_a_run_puts_back_every_document_once(api: httpx.AsyncClient, many: list[str], outside: Outside) -> None:
    """A few at a time; the answers say how far it is, and what cannot be replayed and why."""
    answers = await run(api, reason="It failed at 12")

    assert [(200, 250), (200, 50), (50, 0)] == [(answer["replayed"], answer["left"]) for answer in answers]
    assert many == [rejection.document_id for rejection in outside.replayed]
    assert answers[0]["not_replayable"] == 1
    assert "mend or replace them in the inbox" in answers[0]["why"]


async def test_all_takes_every_reason(api: httpx.AsyncClient, many: list[str], outside: Outside) -> None:
    """Only when it is asked for."""
    await run(api, all="true")

    assert len(outside.replayed) == MANY + 1


@pytest.mark.parametrize("query", ["", "all=false", "all=true&reason=a", "all=true&stage=parser"])
async def test_which_documents_has_to_be_said(
    api: httpx.AsyncClient, many: list[str], outside: Outside, query: str
) -> None:
    """A forgotten filter must not replay everything."""
    response = await api.post(f"/quarantine/replay?{query}")

    assert (422, []) == (response.status_code, outside.replayed)
    assert "all=true" in response.json()["detail"]


async def test_a_run_waits_while_there_is_no_room(api: httpx.AsyncClient, many: list[str], outside: Outside) -> None:
    """It goes on where it stopped."""
    outside.room = 30
    first = await api.post("/quarantine/replay?stage=parser")
    second = await api.post("/quarantine/replay", params={"stage": "parser", "after": first.json()["next"]})
    outside.room = 1_000
    third = await api.post("/quarantine/replay", params={"stage": "parser", "after": second.json()["next"]})

    assert [30, 0, 200] == [response.json()["replayed"] for response in (first, second, third)]
    assert [MANY + 1 - 30, MANY + 1 - 30] == [response.json()["left"] for response in (first, second)]
    assert ["1", "1", None] == [response.headers.get("retry-after") for response in (first, second, third)]
    assert len({rejection.document_id for rejection in outside.replayed}) == len(outside.replayed)


async def test_a_first_step_without_room_puts_nothing_back(
    api: httpx.AsyncClient, many: list[str], outside: Outside
) -> None:
    """One document alone is refused in words."""
    outside.room = 0
    answer = (await api.post("/quarantine/replay?all=true")).json()
    one = await api.post(f"/quarantine/{many[0]}/replay")

    assert (0, MANY + 1, "") == (answer["replayed"], answer["left"], answer["next"])
    assert one.status_code == 503
    assert "Nothing was put back" in one.json()["detail"]


async def test_nothing_to_replay_is_said_so(api: httpx.AsyncClient, many: list[str]) -> None:
    """Nothing done, nothing left."""
    (answer,) = await run(api, reason="No document was rejected for this")

    assert {"replayed": 0, "left": 0, "next": None, "not_replayable": 0, "why": None} == answer


async def test_redis_away_is_a_503_in_words(api: httpx.AsyncClient, many: list[str], outside: Outside) -> None:
    """The run can be gone on with."""
    outside.failure = TransientError("Redis is away. Nothing was put back; try again.")
    response = await api.post("/quarantine/replay?all=true")

    assert (503, "5") == (response.status_code, response.headers["retry-after"])
    assert "Nothing was put back" in response.json()["detail"]


async def test_a_message_nobody_could_read_leaves_when_it_is_put_back(
    api: httpx.AsyncClient, store: SqliteDocumentStore, outside: Outside
) -> None:
    """It stands for no document: read by then it settles the one it tells of, or else it comes back."""
    store.put_many([quarantined("unreadable", 0, **KEPT), quarantined("other", 0, **KEPT)])
    outside.room = 1
    await api.post(f"/quarantine/{an_id('unreadable')}/replay")
    await api.post(f"/quarantine/{an_id('other')}/replay")  # no room

    listed = (await api.get("/quarantine")).json()["quarantined"]
    assert [an_id("other")] == [q["document_id"] for q in listed]
    assert store.get(an_id("unreadable")) is None


async def test_a_message_of_an_unknown_stream_cannot_be_replayed(
    api: httpx.AsyncClient, store: SqliteDocumentStore, outside: Outside
) -> None:
    """One of a version that had other streams, for example."""
    store.put_many([quarantined("a", stream="documents.elsewhere", message="AAAA")])

    assert (await api.post(f"/quarantine/{an_id('a')}/replay")).status_code == 409
    assert [0] == [answer["replayed"] for answer in await run(api, all="true")]
    assert [] == outside.replayed
