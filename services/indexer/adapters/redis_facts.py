"""What the indexer reads from and writes to Redis beside its streams."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts import LedgerCounts
from shared.errors import TransientError
from shared.streams import INDEX_ID_KEY, LEDGER_COUNTS_KEY

log = structlog.get_logger()

#: Seconds between two writes of the index's id: a wiped Redis knows it again this soon.
ANNOUNCE_SECONDS = 2.0


class RedisFacts:
    """The index's id for the fetcher, the fetcher's counts for the status."""

    def __init__(self, client: Redis, index_id: Callable[[], str]) -> None:
        self._client = client
        self._index_id = index_id
        self._last: LedgerCounts | None = None

    async def announce(self) -> None:
        """Let the fetcher know which index there is, for as long as the service runs."""
        while True:
            with contextlib.suppress(RedisError, TransientError):  # away: said by the streams' readers, and tried again
                await self._client.set(INDEX_ID_KEY, self._index_id())
            await asyncio.sleep(ANNOUNCE_SECONDS)

    async def counts(self) -> LedgerCounts | None:
        """Return the fetcher's last counts; the last known ones while Redis is away."""
        try:
            counts = await self._client.get(LEDGER_COUNTS_KEY)
        except RedisError as error:
            log.warning("counts_unavailable", error=str(error))
        else:
            self._last = LedgerCounts.model_validate_json(counts) if counts else self._last
        return self._last
