"""FastStream's broker with the delivery laws in it."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

import structlog
from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.prometheus import RedisPrometheusMiddleware
from prometheus_client import CollectorRegistry, Counter, Gauge
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shared.contracts import Event
from shared.messaging.client import StreamClient, StreamConnection
from shared.messaging.delivery import Delivery
from shared.messaging.fates import Fates
from shared.messaging.groups import create_groups
from shared.messaging.hand_over import HandOver
from shared.messaging.leases import Leases
from shared.messaging.reader import BLOCK_MS, HUNG_SECONDS, StreamReader
from shared.streams import Stream

log = structlog.get_logger()

EventT = TypeVar("EventT", bound=Event)
Handler = Callable[[EventT], Awaitable[Sequence[Event]]]

#: Seconds between two tries of a starting service to reach the server.
WAIT_SECONDS = 0.5
#: Seconds work in hand may take to finish when the service stops; what takes longer is given back.
GRACE_SECONDS = 5.0
#: Seconds a command may take: more than a read blocks, less than a person waits.
SOCKET_SECONDS = 5.0


class StreamBroker(RedisBroker):
    """Consumes and publishes the streams of one service.

    Args:
        url: the Redis server.
        consumer: name of this replica, the same after a restart.
        registry: where deliveries are counted.
        hung_seconds: a message that is in hand for longer makes the service unready.
    """

    def __init__(
        self, url: str, *, consumer: str, registry: CollectorRegistry, hung_seconds: float = HUNG_SECONDS
    ) -> None:
        self.consumer = consumer
        self.readers: dict[Stream, StreamReader] = {}
        self.fates: dict[str, Fates] = {}
        self.started = False
        self._hung_seconds = hung_seconds
        self._quarantining: dict[Stream, bool] = {}
        self._in_hand = Gauge(
            "dateline_messages_in_hand", "Messages this process works on or keeps.", ["stream"], registry=registry
        )
        self._outcomes = Counter(
            "dateline_deliveries_total", "Deliveries by how they ended.", ["stream", "outcome"], registry=registry
        )
        super().__init__(
            url,
            middlewares=(
                RedisPrometheusMiddleware(registry=registry),
                functools.partial(Delivery, fates=self.fates),
            ),
            graceful_timeout=GRACE_SECONDS,
            socket_timeout=SOCKET_SECONDS,
            socket_connect_timeout=SOCKET_SECONDS,
            # Silent retries of redis-py repeat commands whose reply was lost; who may repeat is decided here.
            retry=Retry(NoBackoff(), 0),
            logger=logging.getLogger("faststream"),
            log_level=logging.DEBUG,
        )

    def _make_connection_state(self, connection_options: dict[str, Any], kwargs: dict[str, Any]) -> Any:
        return StreamConnection(connection_options, self.readers)

    def consume(
        self,
        stream: Stream,
        handler: Handler[Any],
        *,
        workers: int,
        downstream: Stream | None = None,
        quarantine: bool = True,
    ) -> None:
        """Call `handler` for each message of the stream; what it returns is published with the acknowledgement.

        Args:
            stream: consumed with the group named after this service.
            handler: takes one event; raises what `fates` tells apart.
            workers: messages in hand at the same time, at least 2 (one must not stop the reading).
            downstream: reading stops while this stream is long.
            quarantine: False only for the quarantine itself, whose messages are tried for ever.
        """
        reader = StreamReader(stream, self.consumer, Leases(workers), downstream, self._hung_seconds)
        self.readers[stream] = reader
        self._in_hand.labels(stream).set_function(reader.leases.__len__)
        self._quarantining[stream] = quarantine
        subscription = StreamSub(
            stream, group=reader.group, consumer=self.consumer, max_records=workers, polling_interval=BLOCK_MS
        )
        self.subscriber(stream=subscription, max_workers=max(2, workers), ack_policy=AckPolicy.MANUAL, no_reply=True)(
            handler
        )

    def produce(self, stream: Stream, schema: Any) -> None:
        """Document that this service publishes messages of this schema to the stream."""
        self.publisher(stream=StreamSub(stream), schema=schema)

    @property
    def client(self) -> StreamClient:
        """The connected client."""
        return cast(StreamClient, self.config.broker_config.connection.client)

    async def start(self) -> None:
        """Wait for the server, as long as it takes; create streams and groups; begin to consume."""
        await self.connect()
        await self._wait_for_server()
        for stream, reader in self.readers.items():
            self.fates[stream] = Fates(
                reader, HandOver(self.client, stream), self._count, quarantine=self._quarantining[stream]
            )
            reader.start()
        self.started = True
        await super().start()

    async def stop(self, *error: Any) -> None:
        """Finish what is in hand, give back the rest, disconnect."""
        if not self.started:
            return await super().stop(*error)
        await asyncio.gather(*(subscriber.stop() for subscriber in self.subscribers))
        await asyncio.gather(*(reader.stop() for reader in self.readers.values()))
        return await super().stop(*error)

    def faults(self) -> list[str]:
        """Return what keeps this service from its work: empty when every stream is read and worked on."""
        if not self.started:
            return ["waiting for Redis"]
        return [fault for reader in self.readers.values() for fault in reader.faults()]

    def _count(self, stream: str, outcome: str) -> None:
        self._outcomes.labels(stream, outcome).inc()

    async def _wait_for_server(self) -> None:
        while True:
            try:
                return await create_groups(self.client)
            except RedisError as error:
                log.warning("waiting_for_redis", error=str(error))
                await asyncio.sleep(WAIT_SECONDS)
