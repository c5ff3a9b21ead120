"""What the indexer reads from and writes to Redis beside its streams."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts import IgnoredFiles, LedgerCounts
from shared.errors import TransientError
from shared.streams import INDEX_ID_KEY, LEDGER_COUNTS_KEY, LEDGER_IGNORED_KEY

log = structlog.get_logger()

#: Seconds between two writes of the index's id: a wiped Redis knows it again this soon.
ANNOUNCE_SECONDS = 2.0


class RedisFacts:
    """The index's id for the fetcher, the fetcher's counts and what it ignores for the status."""

    def __init__(self, client: Redis, index_id: Callable[[], str]) -> None:
        self._client = client
        self._index_id = index_id
        self._last: LedgerCounts | None = None
        self._last_ignored: IgnoredFiles | None = None

    async def announce(self) -> None:
        """Let the fetcher know which index there is, for as long as the service runs."""
        while True:
            with contextlib.suppress(RedisError, TransientError):  # away: said by the streams' readers, and tried again
                await self._client.set(INDEX_ID_KEY, self._index_id())
            await asyncio.sleep(ANNOUNCE_SECONDS)

    async def counts(self) -> LedgerCounts | None:
        """Return the fetcher's last counts; the last known ones while Redis is away."""
        if counts := await self._read(LEDGER_COUNTS_KEY):
            self._last = LedgerCounts.model_validate_json(counts)
        return self._last

    async def ignored(self) -> IgnoredFiles | None:
        """Return what the fetcher's rules leave out; as it was last known while Redis is away."""
        if ignored := await self._read(LEDGER_IGNORED_KEY):
            self._last_ignored = await asyncio.to_thread(IgnoredFiles.model_validate_json, ignored)
        return self._last_ignored

    async def _read(self, key: str) -> bytes | None:
        try:
            return cast("bytes | None", await self._client.get(key))
        except RedisError as error:
            log.warning("fact_unavailable", fact=key, error=str(error))
            return None
