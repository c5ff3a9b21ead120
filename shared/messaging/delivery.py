"""The middleware in which every handler runs: binds the document to the log, and gives each delivery its fate."""

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import structlog
from faststream import BaseMiddleware, ContextRepo, StreamMessage
from redis.exceptions import RedisError

from shared.errors import TransientError
from shared.messaging.envelope import DOCUMENT_ID_HEADER
from shared.messaging.fates import Fates, WorkerDied

if TYPE_CHECKING:
    from faststream._internal.basic_types import AsyncFuncAny


class Delivery(BaseMiddleware[Any, Any]):
    """One delivery, from the reader to its end."""

    def __init__(self, msg: Any, /, *, context: ContextRepo, fates: Mapping[str, Fates]) -> None:
        super().__init__(msg, context=context)
        self._fates = fates[msg["channel"]]
        self._entry = self._fates.entry(msg["message_ids"][0], msg["data"])
        self._attempt = self._fates.begin(self._entry)

    async def consume_scope(self, call_next: "AsyncFuncAny", msg: StreamMessage[Any]) -> None:
        """Call the handler and hand over the events it returns."""
        document_id = msg.headers.get(DOCUMENT_ID_HEADER)
        structlog.contextvars.bind_contextvars(stream=self.msg["channel"], document_id=document_id)
        if self._fates.exhausted(self._entry):
            raise WorkerDied(f"{self._entry.deliveries - 1} workers died while they had this document in hand")
        await self._fates.handled(self._entry, await call_next(msg) or ())

    async def after_processed(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> bool:
        """Decide over a failure; a cancelled delivery is given back by the reader when it stops."""
        if isinstance(exc_val, RedisError):
            exc_val = TransientError(f"Redis: {exc_val}")
        if isinstance(exc_val, Exception):  # not a cancellation
            await self._fates.failed(self._entry, self._attempt, exc_val)
            return True
        return False
