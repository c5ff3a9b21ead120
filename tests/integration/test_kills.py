"""Nothing is lost and nothing comes twice, whoever is killed while documents flow."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.streams import CONSUMER_GROUP, Stream
from tests.servers import RedisServer
from tests.services import SERVICES, Services, running_services

DOCUMENTS = 2_000


def word_of(number: int) -> str:
    """A word that stands in this document only."""
    return f"tally{number:05d}mark"


def write_documents(inbox: Path, numbers: range) -> None:
    for number in numbers:
        text = (
            f"Report number {number} from the harbour\n\n"
            f"The harbour master counted the boats again on Monday and wrote {word_of(number)} into the book.\n"
            "Nobody had expected that the ferry would leave before the fog was gone, he told the newspaper.\n"
        )
        (inbox / f"{number:05d}.txt").write_text(text)


def listed_paths(services: Services) -> list[str]:
    paths: list[str] = []
    while page := services.get("/documents", state="indexed", limit=100, offset=len(paths))["documents"]:
        paths += [document["source"]["path"] for document in page]
    return paths


async def assert_streams_are_empty(client: Redis) -> None:
    await client.connection_pool.disconnect()  # its connections are to the server that was killed
    for stream in Stream:
        assert await client.xlen(stream) == 0
        pending = await client.xpending(stream, CONSUMER_GROUP[stream])
        assert pending["pending"] == 0


async def test_kills_lose_nothing_and_double_nothing(redis_server: RedisServer, client: Redis, tmp_path: Path) -> None:
    """kill -9 of each service in turn, then of the server, while 2,000 documents flow."""
    with running_services(tmp_path, redis_server.url) as services:
        step = DOCUMENTS // (len(SERVICES) + 2)
        write_documents(services.inbox, range(DOCUMENTS))
        for i, name in enumerate(SERVICES, start=1):
            services.wait_until("indexed", i * step)
            services.kill(name)
            services.start(name)
        services.wait_until("indexed", (len(SERVICES) + 1) * step)
        redis_server.kill()
        redis_server.start()
        status = services.wait_until("indexed", DOCUMENTS)
        counts = {key: status[key] for key in ("accepted", "indexed", "duplicate", "rejected", "removed", "searchable")}
        assert counts == {
            "accepted": DOCUMENTS, "indexed": DOCUMENTS, "searchable": DOCUMENTS,
            "duplicate": 0, "rejected": 0, "removed": 0,
        }  # fmt: skip
        assert sorted(listed_paths(services)) == [f"{n:05d}.txt" for n in range(DOCUMENTS)]
        totals = {n: services.get("/search", q=word_of(n))["total"] for n in range(0, DOCUMENTS, 13)}
        assert set(totals.values()) == {1}
        await assert_streams_are_empty(client)


async def test_what_redis_forgot_is_fed_again(redis_server: RedisServer, client: Redis, tmp_path: Path) -> None:
    """Redis is disposable: wiped in mid-flow, everything is found in the end, once."""
    documents = 300
    with running_services(tmp_path, redis_server.url) as services:
        write_documents(services.inbox, range(documents))
        services.wait_until("indexed", documents // 4)
        await client.flushall()
        services.wait_until("indexed", documents // 2)
        await client.flushall()
        status = services.wait_until("indexed", documents)
        assert (status["accepted"], status["searchable"]) == (documents, documents)
        assert sorted(listed_paths(services)) == [f"{n:05d}.txt" for n in range(documents)]


@pytest.mark.parametrize("redis_server", ["valkey-server"], indirect=True)
async def test_an_index_that_was_lost_is_fed_again(redis_server: RedisServer, client: Redis, tmp_path: Path) -> None:
    """The index is disposable: deleted while the indexer is down, it holds the same documents again."""
    documents = 50
    with running_services(tmp_path, redis_server.url) as services:
        write_documents(services.inbox, range(documents))
        services.wait_until("indexed", documents)
        before = sorted(d["document_id"] for d in services.get("/documents", limit=100)["documents"])
        services.kill("indexer")
        shutil.rmtree(services.index)
        services.start("indexer")
        services.wait_until("searchable", documents)
        assert before == sorted(d["document_id"] for d in services.get("/documents", limit=100)["documents"])


@pytest.mark.parametrize("redis_server", ["valkey-server"], indirect=True)
async def test_an_index_is_rebuilt_from_the_blobs_while_it_serves(
    redis_server: RedisServer, client: Redis, tmp_path: Path
) -> None:
    """Every document is parsed and indexed once more, to the same; searching never sees fewer."""
    documents = 200
    with running_services(tmp_path, redis_server.url) as services:
        write_documents(services.inbox, range(documents))
        services.wait_until("indexed", documents)
        before = all_documents(services)
        services.post("/index/rebuild")
        while (progress := services.get("/index/rebuild"))["running"]:
            assert services.status()["searchable"] == documents
        assert (documents, documents) == (progress["documents"], progress["done"])
        after = all_documents(services)
        assert [ignoring_times(d) for d in before] == [ignoring_times(d) for d in after]
        assert all(a["times"]["indexed"] > b["times"]["indexed"] for a, b in zip(after, before, strict=True))


def all_documents(services: Services) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    while page := services.get("/documents", limit=100, offset=len(listed))["documents"]:
        listed += page
    ids = sorted(document["document_id"] for document in listed)
    return [services.get(f"/documents/{document_id}") for document_id in ids]


def ignoring_times(document: dict[str, Any]) -> dict[str, Any]:
    """Without what tells when and by whom it was done."""
    return {key: value for key, value in document.items() if key not in {"times", "trace"}}
