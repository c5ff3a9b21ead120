"""Messages put back on a real server: within its limits, whole or not at all, and with one effect however often."""

import asyncio
import base64
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.adapters.group_commit import GroupCommit
from services.indexer.domain.quarantine import QuarantineFilter
from services.indexer.handlers import Indexer
from shared.blobs import FilesystemBlobStore
from shared.contracts import DocumentParsed, DocumentRejected, DocumentSettled, Source
from shared.errors import TransientError
from shared.messaging import Replay, StreamBroker
from shared.messaging.envelope import DOCUMENT_ID_HEADER, FIELD, decode, encode
from shared.messaging.groups import create_groups
from shared.messaging.replay import BATCH, LIMITS
from shared.streams import Stream
from tests.chaos.proxy import ReplyDroppingProxy
from tests.servers import LocalServer, RedisServer
from tests.unit.indexer.desk import FakeSearchIndex, an_id, parsed, record, rejected


async def rejection(name: str, sequence: int = 1) -> DocumentRejected:
    message = await encode(parsed(name, sequence))
    return rejected(
        name, sequence, stage="indexer", error="Traceback …", source=Source(path=f"{name}.txt"), stream=Stream.PARSED,
        message=base64.b64encode(message).decode(),
    )  # fmt: skip


async def bodies(client: Redis, stream: Stream = Stream.PARSED) -> list[bytes]:
    entries: Any = await client.xrange(stream)
    return [fields[FIELD] for _, fields in entries]


async def test_a_message_goes_back_as_it_was_delivered(client: Redis) -> None:
    one = await rejection("a")

    assert await Replay(client)([one]) == 1
    assert await bodies(client) == [base64.b64decode(one.message or "")]


async def test_a_message_of_a_document_that_moved_tells_of_the_new_place(client: Redis) -> None:
    """With its old sequence it would come late and change nothing."""
    source = Source(path="nové/a.txt")
    moved = (await rejection("a", 1)).model_copy(update={"sequence": 2, "source": source})
    await Replay(client)([moved])

    (body,) = await bodies(client)
    event = DocumentParsed.model_validate_json(decode(body))
    assert (2, "nové/a.txt") == (event.sequence, event.source.path)
    place = {"sequence": 2, "source": source.model_dump(mode="json")}
    assert parsed("a", 1).model_dump(mode="json") | place == json.loads(decode(body))
    assert DOCUMENT_ID_HEADER.encode() in body


async def test_a_message_nobody_can_read_goes_back_as_it_is(client: Redis) -> None:
    for body in (b"\xff not a message", b'{"sequence": 7}', b"[]"):
        await Replay(client)([rejected("a", 0, stream=Stream.PARSED, message=base64.b64encode(body).decode())])

    assert await bodies(client) == [b"\xff not a message", b'{"sequence": 7}', b"[]"]


async def test_a_long_stream_takes_only_what_it_has_room_for(client: Redis) -> None:
    """Counted in the step that adds, so that two people cannot overfill it."""
    limit = LIMITS[Stream.PARSED]
    pipeline = client.pipeline(transaction=False)
    for _ in range(limit - 30):
        pipeline.xadd(Stream.PARSED, {FIELD: b""})
    await pipeline.execute()
    many = [await rejection(f"{n}") for n in range(BATCH)]
    replay = Replay(client)

    assert sorted(await asyncio.gather(replay(many[:100]), replay(many[100:]))) == [0, 30]
    assert await client.xlen(Stream.PARSED) == limit
    assert await replay(many) == 0


async def test_a_step_is_bounded(client: Redis) -> None:
    assert await Replay(client)([await rejection(f"{n}") for n in range(BATCH + 1)]) == BATCH


class Unsuspecting(Redis):
    """A client that does not know that the server has become full since it asked."""

    async def info(self, *_: Any, **__: Any) -> Any:
        return {"maxmemory": 0}


async def test_a_full_server_takes_nothing_back(client: Redis, redis_url: str) -> None:
    """Whether that is known before or only found out."""
    await create_groups(client)
    many = [await rejection(f"{n}") for n in range(BATCH)]
    await client.config_set("maxmemory", (await client.info("memory"))["used_memory"] // 2)
    try:
        with pytest.raises(TransientError, match=r"nearly full\. Nothing was put back"):
            await Replay(client)(many)
        async with Unsuspecting.from_url(redis_url) as unsuspecting:
            with pytest.raises(TransientError, match=r"Redis is full\. Nothing was put back"):
                await Replay(unsuspecting)(many)
    finally:
        await client.config_set("maxmemory", 0)

    assert await client.xlen(Stream.PARSED) == 0
    assert await Replay(client)(many) == BATCH


async def test_a_server_that_is_away_is_said_to_be(tmp_path: Path) -> None:
    async with Redis.from_url(f"unix://{tmp_path}/nobody") as client:
        with pytest.raises(TransientError, match=r"Redis is away\. Nothing was put back"):
            await Replay(client)([await rejection("a")])


@pytest.mark.parametrize("redis_server", ["valkey-server"], indirect=True)
async def test_lost_replies_put_messages_back_twice_and_have_their_effect_once(
    redis_server: RedisServer, redis_url: str, client: Redis, tmp_path: Path
) -> None:
    """The events are idempotent by their sequence."""
    assert isinstance(redis_server, LocalServer)
    await create_groups(client)
    names = [f"{n}" for n in range(300)]
    rejections = {name: await rejection(name) for name in names}
    index = FakeSearchIndex()
    with closing(SqliteDocumentStore(tmp_path)) as store:
        store.put_many([record(n, state="rejected", parsed=None, rejection=rejections[n]) for n in names])
        proxy = ReplyDroppingProxy(redis_url.removeprefix("unix://"), one_in=4, seed=7)
        doubts = await _replay_all(proxy, [rejections[n] for n in names])
        assert doubts > 0
        assert await client.xlen(Stream.PARSED) > len(names)  # a message may be there twice

        commits = GroupCommit(store, index, linger_seconds=0.005, batch=100)
        commits.start()
        broker = StreamBroker(redis_url, consumer="one", registry=CollectorRegistry())
        indexer = Indexer(commits, FilesystemBlobStore(tmp_path / "blobs"))
        broker.consume(Stream.PARSED, indexer.on_document_parsed, workers=100)
        await broker.start()
        try:
            async with asyncio.timeout(30):
                while await client.xlen(Stream.PARSED):  # noqa: ASYNC110  a server's length has no event
                    await asyncio.sleep(0.02)
        finally:
            await broker.stop()
            await commits.stop()

        assert (len(names), 0) == (store.count("indexed"), store.quarantine.count(QuarantineFilter()))
    assert set(index.documents) == {an_id(name) for name in names}
    settled = [DocumentSettled.model_validate_json(decode(body)) for body in await bodies(client, Stream.SETTLED)]
    assert {(an_id(name), "indexed") for name in names} == {(event.document_id, event.state) for event in settled}


async def _replay_all(proxy: ReplyDroppingProxy, rejections: list[DocumentRejected]) -> int:
    """Replay ten at a time, each until it is known to be done; return how often it was not known."""
    doubts = 0
    url = await asyncio.to_thread(proxy.start)
    try:
        for i in range(0, len(rejections), 10):
            while True:
                async with Redis.from_url(url, socket_timeout=2) as client:
                    try:
                        assert await Replay(client)(rejections[i : i + 10]) == 10
                        break
                    except TransientError as error:
                        doubts += "did not say" in str(error)
    finally:
        await asyncio.to_thread(proxy.stop)
    return doubts
