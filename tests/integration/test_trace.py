"""What was tried on a document is told with it, attempt by attempt."""

from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.contracts import DocumentFetched, Event
from shared.messaging import Intake, attempt_here, traced
from shared.messaging.groups import create_groups
from shared.streams import Stream
from tests.integration.test_delivery import Work, consumer, drained, settled, until
from tests.messages import fetched
from tests.servers import RedisServer
from tests.services import Services, running_services

Outcomes = list[tuple[str, int, str]]


def outcomes(trace: Any) -> Outcomes:
    return [(attempt.stage, attempt.number, attempt.outcome) for attempt in trace]


async def test_failed_attempts_come_before_the_one_that_worked(redis_url: str, client: Redis) -> None:
    await create_groups(client)
    await Intake(client).publish([fetched(1)])
    work, traces = Work(), []

    async def works_the_third_time(event: DocumentFetched) -> list[Event]:
        traces.append(traced(event.trace, attempt_here()))
        if len(traces) < 3:
            raise OSError(f"try {len(traces)}")
        return [settled(event)]

    async with consumer(redis_url, works_the_third_time, work):
        await until(drained(client))
    last = traces[-1]
    assert outcomes(last) == [("parser", 1, "failed"), ("parser", 2, "failed"), ("parser", 3, "done")]
    assert [attempt.error for attempt in last] == ["OSError: try 1", "OSError: try 2", None]
    assert [attempt.worker for attempt in last] == ["one"] * 3
    assert all(attempt.started and attempt.ended and attempt.started <= attempt.ended for attempt in last)


async def test_a_message_that_always_fails_brings_its_attempts_to_quarantine(redis_url: str, client: Redis) -> None:
    await create_groups(client)
    await Intake(client).publish([fetched(1)])
    work = Work()

    async def fails(_: DocumentFetched) -> list[Event]:
        raise OSError("it never works")

    async with consumer(redis_url, fails, work):
        await until(drained(client))
    (rejected,) = work.rejected
    assert outcomes(rejected.trace) == [("parser", n, "failed") for n in (1, 2, 3)]


async def test_the_attempts_of_workers_that_died_are_lost_but_told(redis_url: str, client: Redis) -> None:
    await create_groups(client)
    await Intake(client).publish([fetched(1)])
    read: Any = await client.xreadgroup("parser", "one", {Stream.FETCHED: ">"})
    ((_, ((entry, _),)),) = read
    for _ in range(2):
        await client.xclaim(Stream.FETCHED, "parser", "one", 0, [entry])
    work = Work()
    async with consumer(redis_url, work.settle, work):
        await until(drained(client))
    (rejected,) = work.rejected
    assert outcomes(rejected.trace) == [("parser", n, "lost") for n in (1, 2, 3)]


@pytest.mark.parametrize("redis_server", ["valkey-server"], indirect=True)
async def test_a_document_tells_of_every_stage(redis_server: RedisServer, client: Redis, tmp_path: Path) -> None:
    with running_services(tmp_path, redis_server.url) as services:
        (services.inbox / "good.txt").write_text("The ferry was late again.\n\nNobody knew why it was so late.\n")
        (services.inbox / "empty.txt").write_text("")
        services.wait_until("indexed", 1)
        services.wait_until("rejected", 1)
        assert stages(services, "indexed") == [("fetcher", "done"), ("parser", "done"), ("indexer", "done")]
        assert stages(services, "rejected") == [("fetcher", "done"), ("parser", "failed")]
        (quarantined,) = services.get("/quarantine")["quarantined"]
        trace = services.get(f"/quarantine/{quarantined['document_id']}")["trace"]
        assert "empty" in trace[-1]["error"]


def stages(services: Services, state: str) -> list[tuple[str, str]]:
    (document,) = services.get("/documents", state=state)["documents"]
    trace = services.get(f"/documents/{document['document_id']}")["trace"]
    assert all(attempt["started"] <= attempt["ended"] for attempt in trace)
    return [(attempt["stage"], attempt["outcome"]) for attempt in trace]
