"""The delivery laws, against a real server of each kind."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from shared.contracts import DocumentFetched, DocumentRejected, DocumentSettled, Event, Source
from shared.errors import RejectedDocument, TransientError
from shared.messaging import Intake, StreamBroker
from shared.messaging.envelope import FIELD, decode
from shared.messaging.groups import create_groups
from shared.messaging.leases import LEASE_SECONDS
from shared.streams import Stream
from tests.messages import fetched
from tests.servers import RedisServer

Handler = Callable[[DocumentFetched], Awaitable[Sequence[Event]]]


def settled(event: DocumentFetched) -> DocumentSettled:
    return DocumentSettled(document_id=event.document_id, sequence=event.sequence, state="indexed")


class Work:
    """Counts what handlers were called with and what came out of them."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.rejected: list[DocumentRejected] = []

    async def settle(self, event: DocumentFetched) -> Sequence[Event]:
        self.calls.append(event.sequence)
        return [settled(event)]

    async def on_rejected(self, event: DocumentRejected) -> Sequence[Event]:
        self.rejected.append(event)
        return ()


@asynccontextmanager
async def consumer(url: str, handler: Handler, work: Work, name: str = "one") -> AsyncIterator[StreamBroker]:
    broker = StreamBroker(url, consumer=name, registry=CollectorRegistry())
    broker.consume(Stream.FETCHED, handler, workers=4)
    broker.consume(Stream.REJECTED, work.on_rejected, workers=2, quarantine=False)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


async def until(met: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not await met():
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.02)


async def settled_sequences(client: Redis) -> list[int]:
    entries: Any = await client.xrange(Stream.SETTLED)
    return [DocumentSettled.model_validate_json(decode(fields[FIELD])).sequence for _, fields in entries]


def drained(client: Redis) -> Callable[[], Awaitable[bool]]:
    async def met() -> bool:
        return not any([await client.xlen(s) for s in (Stream.FETCHED, Stream.REJECTED)])

    return met


async def test_what_was_published_before_the_first_consumer_started_arrives_once(redis_url: str, client: Redis) -> None:
    await create_groups(client)
    await Intake(client).publish([fetched(i) for i in range(100)])
    await Intake(client).publish([fetched(i) for i in range(100)])  # again, as after a lost reply
    work = Work()
    async with consumer(redis_url, work.settle, work):
        await until(drained(client))
    assert sorted(work.calls) == list(range(100))
    assert sorted(await settled_sequences(client)) == list(range(100))
    assert (await client.xpending(Stream.FETCHED, "parser"))["pending"] == 0


async def test_a_hand_over_is_fenced_by_its_acknowledgement(redis_url: str, client: Redis) -> None:
    """Whoever acknowledges second publishes nothing, be it a slow worker or a retry after a lost reply."""
    work = Work()

    async def slow(event: DocumentFetched) -> Sequence[Event]:
        entries: Any = await client.xrange(Stream.FETCHED)
        ((entry, _),) = entries
        await client.xack(Stream.FETCHED, "parser", entry)  # another worker was faster
        return await work.settle(event)

    await create_groups(client)
    async with consumer(redis_url, slow, work):
        await Intake(client).publish([fetched(1)])
        await until(lambda: _called(work, 1))
        await asyncio.sleep(0.2)
    assert await settled_sequences(client) == []


async def _called(work: Work, times: int) -> bool:
    return len(work.calls) >= times


async def test_a_dead_workers_entries_are_taken_over_and_a_live_ones_never(redis_url: str, client: Redis) -> None:
    await create_groups(client)
    await Intake(client).publish([fetched(1), fetched(2)])
    await client.xreadgroup("parser", "dead", {Stream.FETCHED: ">"}, count=1)
    slow, quick = Work(), Work()

    async def longer_than_a_lease(event: DocumentFetched) -> Sequence[Event]:
        if event.sequence == 2:
            await asyncio.sleep(LEASE_SECONDS * 1.4)
        return await slow.settle(event)

    async with (
        consumer(redis_url, longer_than_a_lease, slow, "slow"),
        consumer(redis_url, quick.settle, quick, "quick"),
    ):
        await until(drained(client))
    assert sorted(slow.calls + quick.calls) == [1, 2]
    assert sorted(await settled_sequences(client)) == [1, 2]
    names = {c["name"] for c in await client.xinfo_consumers(Stream.FETCHED, "parser")}
    assert b"dead" not in names


async def test_a_restarted_worker_takes_up_its_own_entries_at_once(redis_url: str, client: Redis) -> None:
    await create_groups(client)
    await Intake(client).publish([fetched(i) for i in range(3)])
    await client.xreadgroup("parser", "one", {Stream.FETCHED: ">"})  # read, and then killed
    work = Work()
    async with consumer(redis_url, work.settle, work):
        await until(drained(client), LEASE_SECONDS / 2)
    assert sorted(work.calls) == [0, 1, 2]


async def test_a_stopped_worker_gives_back_what_it_did_not_finish(redis_url: str, client: Redis) -> None:
    await create_groups(client)
    await Intake(client).publish([fetched(1)])
    first, second = Work(), Work()

    async def endless(event: DocumentFetched) -> Sequence[Event]:
        first.calls.append(event.sequence)
        await asyncio.sleep(3_600)
        return ()

    async with consumer(redis_url, endless, first, "first"):
        await until(lambda: _called(first, 1))
    (pending,) = await client.xpending_range(Stream.FETCHED, "parser", "-", "+", 1)
    assert pending["times_delivered"] == 0  # the unfinished delivery does not count
    async with consumer(redis_url, second.settle, second, "second"):
        await until(drained(client), LEASE_SECONDS / 2)  # no lease has to run out
    assert second.calls == [1]


async def test_a_failed_try_counts_though_the_worker_is_restarted_before_the_next(
    redis_url: str, client: Redis
) -> None:
    await create_groups(client)
    await Intake(client).publish([fetched(1)])
    work = Work()

    async def failing(event: DocumentFetched) -> Sequence[Event]:
        work.calls.append(event.sequence)
        raise ValueError("a bug")

    for tries in (1, 2, 3):
        async with consumer(redis_url, failing, work):
            await until(lambda n=tries: _called(work, n))  # type: ignore[misc]
    async with consumer(redis_url, failing, work):
        await until(drained(client))
    assert (work.calls, [r.deliveries for r in work.rejected]) == ([1, 1, 1], [3])


async def test_three_fates(redis_url: str, client: Redis) -> None:
    """A rejected document is quarantined at once, a failing one at its third delivery; the others flow on."""
    work = Work()
    faults: dict[int, Exception] = {3: RejectedDocument("nobody can read this"), 5: ValueError("a bug")}

    async def sometimes_failing(event: DocumentFetched) -> Sequence[Event]:
        work.calls.append(event.sequence)
        if event.sequence in faults:
            raise faults[event.sequence]
        return [settled(event)]

    await create_groups(client)
    async with consumer(redis_url, sometimes_failing, work):
        await Intake(client).publish([fetched(i) for i in range(10)])
        await until(drained(client))
    by_sequence = {r.sequence: r for r in work.rejected}
    assert set(by_sequence) == {3, 5}
    assert (by_sequence[3].reason, by_sequence[3].deliveries, by_sequence[3].error) == ("nobody can read this", 1, "")
    assert by_sequence[5].deliveries == 3
    assert "ValueError: a bug" in by_sequence[5].error
    assert by_sequence[5].source == Source(path="été-5.txt")
    assert sorted(work.calls) == [0, 1, 2, 3, 4, 5, 5, 5, 6, 7, 8, 9]
    assert sorted(await settled_sequences(client)) == [0, 1, 2, 4, 6, 7, 8, 9]


async def test_an_absent_dependency_counts_against_nobody(redis_url: str, client: Redis) -> None:
    work = Work()
    absences = 8  # more than the deliveries a failing message gets

    async def while_the_disk_is_away(event: DocumentFetched) -> Sequence[Event]:
        nonlocal absences
        if absences:
            absences -= 1
            raise TransientError("the disk is away")
        return await work.settle(event)

    await create_groups(client)
    await Intake(client).publish([fetched(i) for i in range(3)])
    async with consumer(redis_url, while_the_disk_is_away, work):
        await until(drained(client), 60)
    assert (sorted(work.calls), work.rejected) == ([0, 1, 2], [])


@pytest.mark.parametrize(
    "fields",
    [{FIELD: b"\xff\xfe"}, {FIELD: b"{}"}, {FIELD: b'{"document_id": "\xc3\xa9"}'}, {b"\xff": b"\xff"}, {b"a": b"b"}],
    ids=["no text", "no fields", "wrong fields", "no envelope and no text", "no envelope"],
)
async def test_a_message_nobody_can_read_is_quarantined(
    redis_url: str, client: Redis, fields: dict[bytes, bytes]
) -> None:
    work = Work()
    await create_groups(client)
    await client.xadd(Stream.FETCHED, fields)  # type: ignore[arg-type]
    await Intake(client).publish([fetched(1)])
    async with consumer(redis_url, work.settle, work):
        await until(drained(client))
    assert work.calls == [1]
    assert [(r.stream, r.deliveries) for r in work.rejected] == [(Stream.FETCHED, 1)]


async def test_a_message_that_kills_its_workers_is_quarantined_unseen_and_alone(redis_url: str, client: Redis) -> None:
    """At its third delivery it is handed out alone; a fourth is not given it."""
    await create_groups(client)
    await Intake(client).publish([fetched(i) for i in range(4)])
    read: Any = await client.xreadgroup("parser", "one", {Stream.FETCHED: ">"})
    ((_, entries),) = read
    killer = entries[0][0]
    for _ in range(2):
        await client.xclaim(Stream.FETCHED, "parser", "one", 0, [killer])
    work = Work()
    async with consumer(redis_url, work.settle, work):
        await until(drained(client))
    assert sorted(work.calls) == [1, 2, 3]
    assert [(r.sequence, r.deliveries) for r in work.rejected] == [(0, 4)]


async def test_streams_that_were_wiped_are_there_again(redis_url: str, client: Redis) -> None:
    work = Work()
    await create_groups(client)
    async with consumer(redis_url, work.settle, work) as broker:
        for round_ in range(3):
            await client.flushall()
            await until(lambda: _group_is_back(client))
            await Intake(client).publish([fetched(round_)])
            await until(lambda n=round_ + 1: _called(work, n))  # type: ignore[misc]
        assert broker.faults() == []
    assert work.calls == [0, 1, 2]


async def _group_is_back(client: Redis) -> bool:
    return bool(await client.exists(Stream.FETCHED))


async def test_a_full_server_refuses_documents_but_lets_those_on_the_way_through(redis_url: str, client: Redis) -> None:
    work = Work()
    await create_groups(client)
    intake = Intake(client)
    await intake.publish([fetched(i) for i in range(20)])
    used = (await client.info("memory"))["used_memory"]
    await client.config_set("maxmemory", used)
    try:
        assert not await intake.has_memory()
        with pytest.raises(TransientError, match="maxmemory"):
            await intake.publish([fetched(20)])
        async with consumer(redis_url, work.settle, work):
            await until(drained(client))
    finally:
        await client.config_set("maxmemory", 0)
    await intake.publish([fetched(20)])
    assert sorted(await settled_sequences(client)) == list(range(20))
    assert await client.xlen(Stream.FETCHED) == 1


async def test_a_consumer_that_cannot_read_is_not_ready_until_it_can(
    redis_url: str, client: Redis, redis_server: RedisServer
) -> None:
    work = Work()
    await create_groups(client)
    async with consumer(redis_url, work.settle, work) as broker:
        assert broker.faults() == []
        await asyncio.to_thread(redis_server.kill)
        await until(lambda: _says(broker, "not read for"))
        await asyncio.to_thread(redis_server.start)
        await until(lambda: _is_ready(broker))


async def test_two_replicas_of_one_name_are_not_ready(redis_url: str, client: Redis) -> None:
    """Each would take the other's messages for its own."""
    work = Work()
    await create_groups(client)
    async with consumer(redis_url, work.settle, work, "one") as first, consumer(redis_url, work.settle, work, "one"):
        await until(lambda: _says(first, "another replica is called one"))


async def _says(broker: StreamBroker, words: str) -> bool:
    return any(words in fault for fault in broker.faults())


async def _is_ready(broker: StreamBroker) -> bool:
    return broker.faults() == []
